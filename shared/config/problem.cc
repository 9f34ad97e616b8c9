#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "shared/config/loader.h"

namespace sekisho::config {

std::string Problem::ToString() const {
  std::string text = file;
  if (place.line > 0) text += ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  text += ": ";
  if (!path.empty()) text += path + ": ";
  return text + message;
}

Place SourceMap::At(std::string_view path) const {
  while (!path.empty()) {
    if (const auto found = places_.find(path); found != places_.end()) return found->second;
    const size_t cut = path.find_last_of(".[");
    path = cut == std::string_view::npos ? std::string_view() : path.substr(0, cut);
  }
  return {};
}

Error AsError(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += (text.empty() ? "" : "\n") + problem.ToString();
  return MakeError(Code::kInvalid, text);
}

std::string Nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const auto distance = [&](const std::string& other) {
    std::vector<size_t> row(other.size() + 1);
    for (size_t j = 0; j <= other.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= word.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= other.size(); ++j) {
        const size_t substituted = diagonal + (word[i - 1] == other[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    return row[other.size()];
  };
  std::string best;
  size_t best_distance = word.substr(0, 64).size() / 3 + 2;
  if (word.size() > 64) return best;
  for (const std::string& candidate : candidates) {
    const size_t far = distance(candidate);
    if (far < best_distance) {
      best = candidate;
      best_distance = far;
    }
  }
  return best;
}

namespace {

Result<std::string> ReadFile(const std::string& file, size_t limit, bool secret) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return MakeError(Code::kNotFound, file + " does not exist");
  if (fd < 0 && errno == EACCES) return MakeError(Code::kPermission, file + " cannot be read by this user");
  if (fd < 0) return MakeError(Code::kUnavailable, file + ": " + std::strerror(errno));
  struct stat status {};
  Status fit = Ok();
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    fit = MakeError(Code::kInvalid, file + " is not a file");
  else if (secret && (status.st_mode & 077) != 0) {
    fit = MakeError(Code::kPermission, "others can read " + file + "; run: chmod 600 " + file);
  }
  std::string text;
  char buffer[16384];
  ssize_t got = 0;
  while (fit.ok() && (got = ::read(fd, buffer, sizeof buffer)) > 0) {
    text.append(buffer, static_cast<size_t>(got));
    if (text.size() > limit)
      fit = MakeError(Code::kLimit, file + " is larger than " + std::to_string(limit) + " octets");
  }
  ::close(fd);
  if (!fit.ok()) return std::move(fit).error();
  if (got < 0) return MakeError(Code::kUnavailable, file + ": " + std::strerror(errno));
  return text;
}

}  // namespace

Result<std::string> ReadWholeFile(const std::string& file, size_t limit) { return ReadFile(file, limit, false); }

Result<std::string> ReadSecretFile(const std::string& file) {
  SEKISHO_TRY(std::string text, ReadFile(file, 64 * 1024, true));
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) return MakeError(Code::kInvalid, file + " is empty");
  return text;
}

}  // namespace sekisho::config

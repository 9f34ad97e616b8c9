#include "cli/credentials.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sekisho::cli {

namespace fs = std::filesystem;

std::string CredentialsFile() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0') {
    return std::string(config) + "/sekisho/credentials.json";
  }
  const char* home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? "" : std::string(home) + "/.config/sekisho/credentials.json";
}

namespace {

Result<nlohmann::json> Load(const std::string& file) {
  std::ifstream in(file);
  if (!in) return nlohmann::json::object();
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0 || (status.st_mode & 077) != 0) {
    return MakeError(Code::kPermission, file + " can be read by others; run: chmod 600 " + file);
  }
  auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object())
    return MakeError(Code::kInvalid, file + " is not a credentials file; remove it and log in again");
  return json;
}

}  // namespace

Result<Secret<std::string>> LoadToken(const std::string& file, const std::string& server) {
  SEKISHO_TRY(const nlohmann::json all, Load(file));
  const auto found = all.find(server);
  if (found == all.end() || !found->is_string()) return Secret<std::string>();
  return Secret<std::string>(found->get<std::string>());
}

Status SaveToken(const std::string& file, const std::string& server, const Secret<std::string>& token) {
  if (file.empty()) return MakeError(Code::kPrecondition, "HOME is not set; use SEKISHO_USER and SEKISHO_PASSWORD");
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  SEKISHO_TRY(nlohmann::json all, Load(file));
  all[server] = token.Reveal();
  // Written beside and renamed, so that a second login never reads half a file.
  const std::string beside = file + "." + std::to_string(::getpid());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0) return MakeError(Code::kUnavailable, "cannot write " + beside);
  const std::string text = all.dump(1) + "\n";
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(beside.c_str(), file.c_str()) != 0) {
    ::unlink(beside.c_str());
    return MakeError(Code::kUnavailable, "cannot write " + file);
  }
  return Ok();
}

}  // namespace sekisho::cli

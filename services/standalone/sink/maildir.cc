#include "services/standalone/sink/maildir.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "shared/base/bytes.h"
#include "shared/base/clock.h"
#include "shared/base/ids.h"

namespace sekisho::standalone {
namespace {

Error Failed(const std::string& what) { return MakeError(Code::kUnavailable, what + ": " + std::strerror(errno)); }

Status WriteAll(int fd, std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t put = ::write(fd, octets.data(), octets.size());
    if (put < 0) return Failed("cannot write");
    octets.remove_prefix(static_cast<size_t>(put));
  }
  return Ok();
}

}  // namespace

std::string FolderName(std::string_view address) {
  std::string name = AsciiLower(address.substr(0, 200));
  for (char& c : name) {
    const bool safe = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      std::string_view("@.+-_=").find(c) != std::string_view::npos ||
                      static_cast<unsigned char>(c) >= 0x80;
    if (!safe) c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "_");  // never "..", never hidden
  return name;
}

Status StoreInMaildir(const std::string& folder, const std::vector<std::string_view>& pieces) {
  std::error_code error;
  for (const char* part : {"/tmp", "/new", "/cur"}) std::filesystem::create_directories(folder + part, error);
  if (error) return MakeError(Code::kUnavailable, "cannot make a Maildir: " + error.message());
  const std::string name = Uuid::Generate(SystemClock().Now()).ToString() + ".sekisho";
  const std::string beside = folder + "/tmp/" + name;
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("cannot make a file");
  Status written = Ok();
  for (const std::string_view piece : pieces) {
    if (written.ok()) written = WriteAll(fd, piece);
  }
  if (written.ok() && ::fsync(fd) != 0) written = Failed("cannot sync");
  ::close(fd);
  if (written.ok() && ::rename(beside.c_str(), (folder + "/new/" + name).c_str()) != 0)
    written = Failed("cannot rename");
  if (!written.ok()) ::unlink(beside.c_str());
  return written;
}

}  // namespace sekisho::standalone

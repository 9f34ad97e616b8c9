#include "shared/keys/ring_file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "shared/base/bytes.h"
#include "shared/crypto/aead.h"

namespace sekisho::keys {
namespace {

namespace fs = std::filesystem;

std::string FolderOf(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

RingStamp StampOf(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size,
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

// Where the links of a mounted secret lead ("ring" → "..data/ring", "..data" → "..2026_11_24"), which must be below its
// own folder.
Result<std::string> FollowInside(const std::string& path) {
  std::error_code failed;
  const fs::path folder = fs::canonical(FolderOf(path), failed);
  if (failed) return SystemError(failed.value(), "cannot open the folder of the key ring " + path);
  const fs::path file = fs::canonical(path, failed);
  if (failed) return SystemError(failed.value(), "cannot open the key ring " + path);
  if (std::mismatch(folder.begin(), folder.end(), file.begin(), file.end()).first != folder.end()) {
    return MakeError(Code::kPermission, "the key ring " + path + " is a link out of its folder");
  }
  return file.string();
}

Result<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = ::read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(got));
  explicit_bzero(buffer, sizeof buffer);
  if (got < 0) return SystemError(errno, "cannot read the key ring " + path);
  return text;
}

}  // namespace

bool IsEpochId(std::string_view id) {
  if (id.size() != kEpochIdSize) return false;
  for (size_t i = 0; i < id.size(); ++i) {
    const bool dash = i == 4 || i == 7;
    if (dash ? id[i] != '-' : id[i] < '0' || id[i] > '9') return false;
  }
  return true;
}

Result<FileDescriptor> RingFile::Open() const {
  std::string path = path_;
  if (mounted()) {
    SEKISHO_TRY(path, FollowInside(path_));
  }
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    return MakeError(Code::kNotFound, "the key ring " + path_ + " is absent; set keys.create to make one");
  }
  if (!fd && errno == ELOOP) {
    return MakeError(Code::kPermission, "the key ring " + path_ +
                                            " is a link; name the file itself, or set keys.mounted when it is a "
                                            "mounted secret");
  }
  if (!fd) return SystemError(errno, "cannot open the key ring " + path_);
  return fd;
}

Result<RingFile::Version> RingFile::Read() const {
  SEKISHO_TRY(const FileDescriptor fd, Open());
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return SystemError(errno, "cannot read the key ring " + path_);
  if (!S_ISREG(status.st_mode)) return MakeError(Code::kPermission, "the key ring " + path_ + " is not a file");
  // The group of a mounted secret is that of the pod (fsGroup), and it may read only.
  const mode_t forbidden = mounted() ? 037 : 077;
  if ((status.st_mode & forbidden) != 0) {
    return MakeError(Code::kPermission,
                     mounted() ? "others can read the mounted key ring " + path_ + "; set its defaultMode to 0440"
                               : "others can read the key ring " + path_ + "; run: chmod 600 " + path_);
  }
  SEKISHO_TRY(std::string text, ReadAll(fd.get(), path_));
  const Secret<std::string> secret(std::move(text));
  SEKISHO_TRY(RingContent content, Parse(secret.Reveal()));
  return Version{std::move(content), StampOf(status)};
}

Result<RingStamp> RingFile::Look() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return SystemError(errno, "cannot look at the key ring " + path_);
  return StampOf(status);
}

Result<FileDescriptor> RingFile::Lock() const {
  // The folder rather than a file beside the ring: no second file whose owner and mode could be wrong.
  SEKISHO_TRY(FileDescriptor folder, OpenFile(FolderOf(path_), O_RDONLY | O_DIRECTORY));
  int locked = 0;
  do {
    locked = ::flock(folder.get(), LOCK_EX);
  } while (locked != 0 && errno == EINTR);
  if (locked != 0) return SystemError(errno, "cannot lock the folder of the key ring " + path_);
  return folder;
}

Result<RingContent> RingFile::Parse(const std::string& text) const {
  const auto bad = [&] {
    return MakeError(Code::kCorrupt, "the key ring " + path_ + " cannot be read; restore it from escrow");
  };
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("version") || json["version"] != 1 || !json.contains("root") ||
      !json["root"].is_string() || !json.contains("epochs") || !json["epochs"].is_object()) {
    return bad();
  }
  RingContent content;
  const auto root = Base64Decode(json["root"].get<std::string>());
  if (!root.ok() || root->size() != crypto::kAeadKeySize) return bad();
  content.root = Secret<std::string>(*root);
  for (const auto& [id, value] : json["epochs"].items()) {
    const auto key = value.is_string() ? Base64Decode(value.get<std::string>()) : MakeError(Code::kCorrupt, "");
    if (!key.ok() || key->size() != crypto::kAeadKeySize || !IsEpochId(id)) return bad();
    content.epochs.emplace(id, Secret<std::string>(*key));
  }
  if (!json.contains("destroyed")) return content;  // as rings were before they kept it
  if (!json["destroyed"].is_array()) return bad();
  for (const auto& id : json["destroyed"]) {
    if (!id.is_string() || !IsEpochId(id.get<std::string>())) return bad();
    content.destroyed.insert(id.get<std::string>());
  }
  return content;
}

// Who makes an epoch may be root; whom the ring belongs to must still be able to read it.
Status RingFile::CopyOwner(int fd) const {
  struct stat before {};
  if (::stat(path_.c_str(), &before) != 0) return errno == ENOENT ? Ok() : Status(SystemError(errno, path_));
  if (before.st_uid == ::geteuid()) return Ok();
  if (::fchown(fd, before.st_uid, before.st_gid) != 0) {
    return SystemError(errno, "cannot keep the owner of the key ring " + path_ + "; run this as its owner");
  }
  return Ok();
}

Result<RingStamp> RingFile::Write(const RingContent& content) const {
  nlohmann::ordered_json json = {{"version", 1}, {"root", Base64Encode(content.root.Reveal())}};
  json["epochs"] = nlohmann::ordered_json::object();
  for (const auto& [id, key] : content.epochs) json["epochs"][id] = Base64Encode(key.Reveal());
  json["destroyed"] = content.destroyed;
  const Secret<std::string> text(json.dump(1) + "\n");
  const std::string beside = path_ + ".new";
  ::unlink(beside.c_str());
  SEKISHO_TRY(const FileDescriptor fd, OpenFile(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  SEKISHO_RETURN_IF_ERROR(CopyOwner(fd.get()));
  SEKISHO_RETURN_IF_ERROR(WriteAll(fd.get(), text.Reveal()));
  struct stat status {};
  if (::fsync(fd.get()) != 0 || ::fstat(fd.get(), &status) != 0 || ::rename(beside.c_str(), path_.c_str()) != 0) {
    return SystemError(errno, "cannot write the key ring " + path_);
  }
  SEKISHO_RETURN_IF_ERROR(SyncFolder(FolderOf(path_)));
  return StampOf(status);
}

}  // namespace sekisho::keys

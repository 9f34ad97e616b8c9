#include "shared/content/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "shared/crypto/digest.h"

namespace sekisho::content {
namespace {

constexpr char kVersion = 1;
constexpr size_t kReadSize = 256 * 1024;

Secret<std::string> StreamKey(const keys::MailKey& key, const std::string& content_key) {
  return crypto::HkdfSha256(key.key(), "", "content file " + content_key, crypto::kAeadKeySize);
}

// Up to `size` octets; fewer only at the end of the file.
Result<std::string> ReadPiece(int fd, size_t size) {
  std::string piece(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t got = ::read(fd, piece.data() + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError(errno, "read");
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  piece.resize(have);
  return piece;
}

Result<keys::MailKey> ReadKey(int fd, keys::KeyRing& keys) {
  SEKISHO_TRY(const std::string start, ReadPiece(fd, 2));
  if (start.size() != 2 || start[0] != kVersion) return MakeError(Code::kCorrupt, "not a content file");
  SEKISHO_TRY(const std::string wrapped, ReadPiece(fd, static_cast<unsigned char>(start[1])));
  return keys.Unwrap(wrapped);
}

}  // namespace

Result<std::unique_ptr<SealedFile>> SealedFile::Create(const std::string& folder, const std::string& file,
                                                       const keys::MailKey& key, const std::string& content_key) {
  SEKISHO_TRY(FileDescriptor fd, OpenFile(folder + "/" + file, O_WRONLY | O_CREAT | O_EXCL));
  std::unique_ptr<SealedFile> sealed(
      new SealedFile(folder, file, std::move(fd), crypto::StreamSealer(StreamKey(key, content_key), content_key)));
  SEKISHO_CHECK(key.wrapped().size() < 256);
  const std::string start = {kVersion, static_cast<char>(key.wrapped().size())};
  SEKISHO_RETURN_IF_ERROR(WriteAll(sealed->fd_.get(), start + key.wrapped()));
  return sealed;
}

SealedFile::~SealedFile() {
  if (!keep_) ::unlink((folder_ + "/" + file_).c_str());
}

Status SealedFile::Append(std::string_view octets) { return WriteAll(fd_.get(), sealer_.Append(octets)); }

Status SealedFile::Finish() {
  SEKISHO_RETURN_IF_ERROR(WriteAll(fd_.get(), sealer_.Finish()));
  if (::fdatasync(fd_.get()) != 0) return SystemError(errno, "fdatasync");
  fd_ = FileDescriptor();
  return SyncFolder(folder_);
}

Result<std::string> ReadSealedFile(const std::string& path, keys::KeyRing& keys, const std::string& content_key,
                                   uint64_t expected) {
  SEKISHO_TRY(const FileDescriptor fd, OpenFile(path, O_RDONLY));
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) return SystemError(errno, "fstat");
  SEKISHO_TRY(const keys::MailKey key, ReadKey(fd.get(), keys));
  crypto::StreamOpener opener(StreamKey(key, content_key), content_key);
  std::string octets;
  octets.reserve(std::min(expected, static_cast<uint64_t>(status.st_size)));
  for (;;) {
    SEKISHO_TRY(const std::string piece, ReadPiece(fd.get(), kReadSize));
    if (piece.empty()) break;
    SEKISHO_TRY(const std::string clear, opener.Append(piece));
    octets += clear;
  }
  SEKISHO_TRY(const std::string rest, opener.Finish());
  octets += rest;
  return octets;
}

}  // namespace sekisho::content

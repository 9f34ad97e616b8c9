#pragma once
// One large content as a file: version, one octet of the wrapped key's length, wrapped key, then the octets as a stream
// of sealed chunks (crypto/aead.h) under a key of the content's own, derived from the mail's.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/base/files.h"
#include "shared/base/result.h"
#include "shared/crypto/aead.h"
#include "shared/keys/keys.h"

namespace sekisho::content {

// Writes one; removes it again unless Keep() was called before this dies. One thread at a time.
class SealedFile {
 public:
  // `content_key` is "<mail id>/<name>": the octets can't be taken for another content's.
  static Result<std::unique_ptr<SealedFile>> Create(const std::string& folder, const std::string& file,
                                                    const keys::MailKey& key, const std::string& content_key);
  ~SealedFile();
  Status Append(std::string_view octets);
  Status Finish();  // synced, with its name, when this says ok
  void Keep() { keep_ = true; }
  const std::string& file() const { return file_; }

 private:
  SealedFile(std::string folder, std::string file, FileDescriptor fd, crypto::StreamSealer sealer)
      : folder_(std::move(folder)), file_(std::move(file)), fd_(std::move(fd)), sealer_(std::move(sealer)) {}

  const std::string folder_, file_;
  FileDescriptor fd_;
  crypto::StreamSealer sealer_;
  bool keep_ = false;
};

// The octets in clear. `expected` is only a hint of their number.
// Errors: kNotFound (no file, or the epoch was destroyed), kCorrupt, kUnavailable.
Result<std::string> ReadSealedFile(const std::string& path, keys::KeyRing& keys, const std::string& content_key,
                                   uint64_t expected);

}  // namespace sekisho::content

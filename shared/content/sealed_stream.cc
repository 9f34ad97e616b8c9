#include "shared/content/sealed_stream.h"

#include <utility>

#include "shared/crypto/digest.h"

namespace sekisho::content {
namespace {

constexpr char kVersion = 1;

Secret<std::string> StreamKey(const keys::MailKey& key, const std::string& content_key) {
  return crypto::HkdfSha256(key.key(), "", "content file " + content_key, crypto::kAeadKeySize);
}

std::string Start(const keys::MailKey& key) {
  SEKISHO_CHECK(key.wrapped().size() < 256);
  return std::string{kVersion, static_cast<char>(key.wrapped().size())} + key.wrapped();
}

}  // namespace

ContentSealer::ContentSealer(const keys::MailKey& key, const std::string& content_key)
    : start_(Start(key)), sealer_(StreamKey(key, content_key), content_key) {}

std::string ContentSealer::Append(std::string_view octets) {
  return std::exchange(start_, {}) + sealer_.Append(octets);
}

std::string ContentSealer::Finish() { return std::exchange(start_, {}) + sealer_.Finish(); }

Result<std::string> ContentOpener::Append(std::string_view sealed) {
  if (opener_) return opener_->Append(sealed);
  start_ += sealed;
  if (!start_.empty() && start_[0] != kVersion) return MakeError(Code::kCorrupt, "not sealed content");
  if (start_.size() < 2) return std::string();
  const size_t end = 2 + static_cast<unsigned char>(start_[1]);
  if (start_.size() < end) return std::string();
  SEKISHO_TRY(const keys::MailKey key, keys_.Unwrap(std::string_view(start_).substr(2, end - 2)));
  opener_.emplace(StreamKey(key, content_key_), content_key_);
  return opener_->Append(std::string_view(std::exchange(start_, {})).substr(end));
}

Result<std::string> ContentOpener::Finish() {
  if (!opener_) return MakeError(Code::kCorrupt, "sealed content is cut off");
  return opener_->Finish();
}

}  // namespace sekisho::content

#include "shared/keys/file_ring.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <shared_mutex>
#include <unordered_map>

#include "shared/base/bytes.h"
#include "shared/base/files.h"
#include "shared/base/random.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/digest.h"

namespace sekisho::keys {
namespace {

constexpr std::string_view kWrapContext = "sekisho.mail-key";
constexpr size_t kEpochIdSize = 10;   // "2026-11-24"
constexpr size_t kCachedKeys = 4096;  // unwrapped keys: a mail's records come soon after one another

std::string EpochOf(TimePoint now) { return FormatRfc3339(now).substr(0, kEpochIdSize); }

class FileRing final : public KeyRing {
 public:
  explicit FileRing(std::string file) : file_(std::move(file)) {}

  Status Load(bool create) {
    const FileDescriptor fd(::open(file_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd && errno == ENOENT && create) {
      root_ = Secret<std::string>(RandomOctets(crypto::kAeadKeySize));
      std::error_code ignored;
      std::filesystem::create_directories(std::filesystem::path(file_).parent_path(), ignored);
      return Save(epochs_);
    }
    if (!fd && errno == ENOENT)
      return MakeError(Code::kNotFound, "the key ring " + file_ + " is absent; set keys.create to make one");
    if (!fd && errno == ELOOP)
      return MakeError(Code::kPermission, "the key ring " + file_ + " is a link; name the file itself");
    if (!fd) return SystemError(errno, "cannot open the key ring " + file_);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) return SystemError(errno, "cannot read the key ring " + file_);
    if ((status.st_mode & 077) != 0) {
      return MakeError(Code::kPermission, "others can read the key ring " + file_ + "; run: chmod 600 " + file_);
    }
    std::string text;
    char buffer[4096];
    ssize_t got = 0;
    while ((got = ::read(fd.get(), buffer, sizeof buffer)) > 0) text.append(buffer, static_cast<size_t>(got));
    const Secret<std::string> secret(std::move(text));
    explicit_bzero(buffer, sizeof buffer);
    if (got < 0) return SystemError(errno, "cannot read the key ring " + file_);
    return Parse(secret.Reveal());
  }

  Result<MailKey> NewMailKey(TimePoint now) override {
    const std::string id = EpochOf(now);
    SEKISHO_TRY(const Secret<std::string> epoch, EpochKey(id));
    Secret<std::string> key(RandomOctets(crypto::kAeadKeySize));
    std::string wrapped = id + crypto::AeadSeal(epoch, kWrapContext, key.Reveal());
    return MailKey(std::move(key), std::move(wrapped));
  }

  Result<MailKey> Unwrap(std::string_view wrapped) override {
    if (wrapped.size() <= kEpochIdSize) return MakeError(Code::kCorrupt, "a wrapped key is cut short");
    const std::string stored(wrapped);
    {
      const std::shared_lock lock(cache_mutex_);
      if (const auto found = cache_.find(stored); found != cache_.end()) return MailKey(found->second, stored);
    }
    // To the end: what was destroyed meanwhile must not come into the cache.
    const std::shared_lock lock(mutex_);
    const auto epoch = epochs_.find(stored.substr(0, kEpochIdSize));
    if (epoch == epochs_.end()) return MakeError(Code::kNotFound, "the key of this mail's epoch was destroyed");
    SEKISHO_TRY(std::string key, crypto::AeadOpen(epoch->second, kWrapContext, wrapped.substr(kEpochIdSize)));
    Secret<std::string> secret(std::move(key));
    const std::unique_lock cache_lock(cache_mutex_);
    if (cache_.size() >= kCachedKeys) cache_.clear();
    cache_.emplace(stored, secret);
    return MailKey(std::move(secret), stored);
  }

  std::vector<std::string> Epochs() const override {
    const std::shared_lock lock(mutex_);
    std::vector<std::string> ids;
    for (const auto& [id, key] : epochs_) ids.push_back(id);
    return ids;
  }

  Status DestroyEpoch(std::string_view id) override {
    const std::unique_lock lock(mutex_);
    auto remaining = epochs_;
    if (remaining.erase(std::string(id)) == 0)
      return MakeError(Code::kNotFound, "no epoch " + std::string(id.substr(0, 20)));
    SEKISHO_RETURN_IF_ERROR(Save(remaining));
    epochs_ = std::move(remaining);
    const std::unique_lock cache_lock(cache_mutex_);
    cache_.clear();
    return Ok();
  }

  Result<std::string> BlindIndex(std::string_view domain, std::string_view value) override {
    SEKISHO_TRY(const Secret<std::string> key, PurposeKey("blind-index:" + std::string(domain)));
    return crypto::HmacSha256(key, value).substr(0, 16);
  }

  Result<std::string> EdgeMac(std::string_view from, std::string_view to, std::string_view octets) override {
    SEKISHO_TRY(const Secret<std::string> key, PurposeKey("edge:" + std::string(from) + ":" + std::string(to)));
    return crypto::HmacSha256(key, octets);
  }

  Result<Secret<std::string>> PurposeKey(std::string_view purpose) override {
    const std::string name(purpose);
    {
      const std::shared_lock lock(purpose_mutex_);
      if (const auto found = purposes_.find(name); found != purposes_.end()) return found->second;
    }
    Secret<std::string> key = crypto::HkdfSha256(root_, "sekisho.keys.v1", name, crypto::kAeadKeySize);
    const std::unique_lock lock(purpose_mutex_);
    return purposes_.emplace(name, std::move(key)).first->second;
  }

 private:
  using EpochKeys = std::map<std::string, Secret<std::string>>;

  // The key of epoch `id`; made, and on disk, before anything is sealed with it.
  Result<Secret<std::string>> EpochKey(const std::string& id) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = epochs_.find(id); found != epochs_.end()) return found->second;
    }
    const std::unique_lock lock(mutex_);
    if (const auto found = epochs_.find(id); found != epochs_.end()) return found->second;
    auto grown = epochs_;
    const Secret<std::string> key(RandomOctets(crypto::kAeadKeySize));
    grown.emplace(id, key);
    SEKISHO_RETURN_IF_ERROR(Save(grown));
    epochs_ = std::move(grown);
    return key;
  }

  Status Parse(const std::string& text) {
    const auto bad = [&] {
      return MakeError(Code::kCorrupt, "the key ring " + file_ + " cannot be read; restore it from escrow");
    };
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object() || json.value("version", 0) != 1 || !json.contains("root") || !json["root"].is_string() ||
        !json.contains("epochs") || !json["epochs"].is_object()) {
      return bad();
    }
    const auto root = Base64Decode(json["root"].get<std::string>());
    if (!root.ok() || root->size() != crypto::kAeadKeySize) return bad();
    root_ = Secret<std::string>(*root);
    for (const auto& [id, value] : json["epochs"].items()) {
      const auto key = value.is_string() ? Base64Decode(value.get<std::string>()) : MakeError(Code::kCorrupt, "");
      if (!key.ok() || key->size() != crypto::kAeadKeySize || id.size() != kEpochIdSize) return bad();
      epochs_.emplace(id, Secret<std::string>(*key));
    }
    return Ok();
  }

  Status Save(const EpochKeys& epochs) const {
    nlohmann::ordered_json json = {{"version", 1}, {"root", Base64Encode(root_.Reveal())}};
    json["epochs"] = nlohmann::ordered_json::object();
    for (const auto& [id, key] : epochs) json["epochs"][id] = Base64Encode(key.Reveal());
    const Secret<std::string> text(json.dump(1) + "\n");
    const std::string beside = file_ + ".new";
    ::unlink(beside.c_str());
    SEKISHO_TRY(const FileDescriptor fd, OpenFile(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
    SEKISHO_RETURN_IF_ERROR(WriteAll(fd.get(), text.Reveal()));
    if (::fsync(fd.get()) != 0 || ::rename(beside.c_str(), file_.c_str()) != 0) {
      return SystemError(errno, "cannot write the key ring " + file_);
    }
    const std::string folder = std::filesystem::path(file_).parent_path().string();
    return SyncFolder(folder.empty() ? "." : folder);
  }

  const std::string file_;
  Secret<std::string> root_;
  mutable std::shared_mutex mutex_;
  EpochKeys epochs_;
  std::shared_mutex cache_mutex_;
  std::unordered_map<std::string, Secret<std::string>> cache_;  // wrapped → key
  std::shared_mutex purpose_mutex_;
  std::unordered_map<std::string, Secret<std::string>> purposes_;
};

}  // namespace

Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create) {
  auto ring = std::make_unique<FileRing>(file);
  SEKISHO_RETURN_IF_ERROR(ring->Load(create));
  return std::unique_ptr<KeyRing>(std::move(ring));
}

}  // namespace sekisho::keys

#include "shared/keys/file_ring.h"

#include <atomic>
#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "shared/base/random.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/digest.h"
#include "shared/keys/ring_file.h"

namespace sekisho::keys {
namespace {

constexpr std::string_view kWrapContext = "sekisho.mail-key";
constexpr size_t kCachedKeys = 4096;  // unwrapped keys: a mail's records come soon after one another
constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::hours kClockSkew{24};

std::string EpochOf(TimePoint now) { return FormatRfc3339(now).substr(0, kEpochIdSize); }

// Whatever is wrong with the file while the ring is in use is wrong with the ring, not with the record at hand.
Error Down(const Error& error) { return MakeError(Code::kUnavailable, error.detail); }

class FileRing final : public KeyRing {
 public:
  FileRing(std::string path, RingFile::Place place, const Clock& clock)
      : file_(std::move(path), place), clock_(clock) {}

  Status Start(bool create) {
    auto version = file_.Read();
    if (!version.ok() && version.error().code == Code::kNotFound && create) {
      SEKISHO_RETURN_IF_ERROR(MakeRing());
      version = file_.Read();
    }
    if (!version.ok()) return version.error();
    const std::unique_lock lock(mutex_);
    Adopt(*std::move(version));
    LookAgainLater();
    return Ok();
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
    SEKISHO_RETURN_IF_ERROR(LookNowAndThen());
    const std::string stored(wrapped);
    {
      const std::shared_lock lock(cache_mutex_);
      if (const auto found = cache_.find(stored); found != cache_.end()) return MailKey(found->second, stored);
    }
    const std::string id = stored.substr(0, kEpochIdSize);
    if (!Knows(id)) SEKISHO_RETURN_IF_ERROR(LookNow());
    // To the end: what is destroyed meanwhile must not come into the cache.
    const std::shared_lock lock(mutex_);
    const auto epoch = content_.epochs.find(id);
    if (epoch == content_.epochs.end()) return WhyAbsent(id);
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
    for (const auto& [id, key] : content_.epochs) ids.push_back(id);
    return ids;
  }

  Status MakeEpoch(TimePoint day) override {
    const auto key = EpochKey(EpochOf(day));
    return key.ok() ? Ok() : Status(key.error());
  }

  Status DestroyEpoch(std::string_view id) override {
    if (file_.mounted()) return ReadOnly();
    SEKISHO_TRY(const FileDescriptor writer, file_.Lock());
    const std::unique_lock lock(mutex_);
    SEKISHO_RETURN_IF_ERROR(Look());
    RingContent content = content_;
    if (content.epochs.erase(std::string(id)) == 0) {
      return MakeError(Code::kNotFound, "no epoch " + std::string(id.substr(0, 20)));
    }
    content.destroyed.emplace(id);
    return Replace(std::move(content));
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
    const std::shared_lock root_lock(mutex_);
    Secret<std::string> key = crypto::HkdfSha256(content_.root, "sekisho.keys.v1", name, crypto::kAeadKeySize);
    const std::unique_lock lock(purpose_mutex_);
    return purposes_.emplace(name, std::move(key)).first->second;
  }

 private:
  // The first of several processes makes the file; the others find it.
  Status MakeRing() {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(file_.path()).parent_path(), ignored);
    SEKISHO_TRY(const FileDescriptor writer, file_.Lock());
    if (file_.Look().ok()) return Ok();
    RingContent content;
    content.root = Secret<std::string>(RandomOctets(crypto::kAeadKeySize));
    const auto written = file_.Write(content);
    return written.ok() ? Ok() : Status(written.error());
  }

  // The key of epoch `id`; made, and on disk, before anything is sealed with it.
  Result<Secret<std::string>> EpochKey(const std::string& id) {
    SEKISHO_RETURN_IF_ERROR(LookNowAndThen());
    if (!Knows(id)) SEKISHO_RETURN_IF_ERROR(AddEpoch(id));
    const std::shared_lock lock(mutex_);
    const auto found = content_.epochs.find(id);
    if (found == content_.epochs.end()) return WhyAbsent(id);  // destroyed since
    return found->second;
  }

  Status AddEpoch(const std::string& id) {
    SEKISHO_RETURN_IF_ERROR(LookNow());
    if (Knows(id)) return Ok();
    const std::string absent = "the epoch " + id + " is absent from the key ring " + file_.path() +
                               "; make epochs ahead with sekisho-keys add";
    if (file_.mounted()) return MakeError(Code::kUnavailable, absent + " and mount the ring anew");
    const auto writer = file_.Lock();
    if (!writer.ok()) return MakeError(Code::kUnavailable, absent + ": " + writer.error().detail);
    const std::unique_lock lock(mutex_);
    SEKISHO_RETURN_IF_ERROR(Look());
    if (content_.epochs.count(id) != 0) return Ok();
    if (content_.destroyed.count(id) != 0) {
      return MakeError(Code::kUnavailable, "the epoch " + id + " was destroyed; new mail waits for the next day (UTC)");
    }
    RingContent content = content_;
    content.epochs.emplace(id, Secret<std::string>(RandomOctets(crypto::kAeadKeySize)));
    const Status made = Replace(std::move(content));
    return made.ok() ? made : Status(Annotate(made.error(), absent));
  }

  bool Knows(const std::string& id) const {
    const std::shared_lock lock(mutex_);
    return content_.epochs.count(id) != 0;
  }

  // Under mutex_. A mounted ring may lag behind the one that another machine seals with: that mail is not lost.
  Error WhyAbsent(const std::string& id) const {
    const bool newer = content_.epochs.empty() || content_.epochs.rbegin()->first < id;
    if (newer && IsEpochId(id) && content_.destroyed.count(id) == 0 && id <= EpochOf(clock_.Now() + kClockSkew)) {
      return MakeError(Code::kUnavailable, "the key ring " + file_.path() + " does not have the epoch " + id + " yet");
    }
    return MakeError(Code::kNotFound, "the key of this mail's epoch was destroyed");
  }

  Error ReadOnly() const {
    return MakeError(Code::kPrecondition,
                     "the key ring " + file_.path() + " is a mounted secret; change it where it comes from");
  }

  Status LookNowAndThen() {
    if (clock_.Steady().time_since_epoch().count() < next_look_.load(std::memory_order_relaxed)) return Ok();
    return LookNow();
  }
  Status LookNow() {
    const std::unique_lock lock(mutex_);
    return Look();
  }

  // Under mutex_, alone.
  Status Look() {
    const auto stamp = file_.Look();
    if (!stamp.ok()) return Down(stamp.error());
    if (*stamp != stamp_) {
      auto version = file_.Read();
      if (!version.ok()) return Down(version.error());
      if (version->content.root.Reveal() != content_.root.Reveal()) {
        return MakeError(Code::kUnavailable,
                         "the key ring " + file_.path() + " was replaced by another; restart when that is meant");
      }
      Adopt(*std::move(version));
    }
    LookAgainLater();
    return Ok();
  }
  void LookAgainLater() {
    next_look_.store((clock_.Steady() + kLookEvery).time_since_epoch().count(), std::memory_order_relaxed);
  }

  // Under mutex_, alone, and the writers' lock.
  Status Replace(RingContent content) {
    SEKISHO_TRY(const RingStamp stamp, file_.Write(content));
    Adopt({std::move(content), stamp});
    return Ok();
  }
  void Adopt(RingFile::Version version) {
    content_ = std::move(version.content);
    stamp_ = version.stamp;
    const std::unique_lock lock(cache_mutex_);
    cache_.clear();
  }

  const RingFile file_;
  const Clock& clock_;
  std::atomic<std::chrono::steady_clock::rep> next_look_{0};
  mutable std::shared_mutex mutex_;
  RingContent content_;
  RingStamp stamp_;
  std::shared_mutex cache_mutex_;
  std::unordered_map<std::string, Secret<std::string>> cache_;  // wrapped → key
  std::shared_mutex purpose_mutex_;
  std::unordered_map<std::string, Secret<std::string>> purposes_;
};

Result<std::unique_ptr<KeyRing>> Open(std::unique_ptr<FileRing> ring, bool create) {
  SEKISHO_RETURN_IF_ERROR(ring->Start(create));
  return std::unique_ptr<KeyRing>(std::move(ring));
}

}  // namespace

Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create, const Clock& clock) {
  return Open(std::make_unique<FileRing>(file, RingFile::Place::kLocal, clock), create);
}

Result<std::unique_ptr<KeyRing>> OpenFileRing(const std::string& file, bool create) {
  static const SystemClock machine;
  return OpenFileRing(file, create, machine);
}

Result<std::unique_ptr<KeyRing>> OpenMountedRing(const std::string& file, const Clock& clock) {
  return Open(std::make_unique<FileRing>(file, RingFile::Place::kMounted, clock), false);
}

}  // namespace sekisho::keys

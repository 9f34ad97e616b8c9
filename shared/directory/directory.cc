#include "shared/directory/directory.h"

#include <sodium.h>
#include <sys/stat.h>

#include <condition_variable>
#include <mutex>

#include "shared/base/random.h"
#include "shared/crypto/digest.h"
#include "shared/directory/snapshot.h"

namespace sekisho::directory {
namespace {

constexpr size_t kLongestPassword = 1024;
constexpr size_t kCachedPasswords = 4096;

// What the file looked like: when any of it changes, it is read again.
struct FileState {
  int64_t seconds = 0, nanos = 0, size = -1;
  uint64_t inode = 0;
  auto operator<=>(const FileState&) const = default;
};

FileState StateOf(const std::string& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_size, status.st_ino};
}

class FileDirectory final : public Directory {
 public:
  FileDirectory(const Options& options, const Clock& clock)
      : options_(options), clock_(clock), cache_key_(RandomOctets(32)) {}

  Status Load() {
    SEKISHO_CHECK(sodium_init() >= 0);
    // Somebody unknown is checked against this, so that a wrong login costs what a wrong password does.
    nobody_ = HashPassword(Secret<std::string>(RandomOctets(16)));
    state_ = StateOf(options_.file);
    looked_at_ = clock_.Steady();
    return Read();
  }

  std::shared_ptr<const Snapshot> Current() override {
    const std::scoped_lock lock(mutex_);
    if (clock_.Steady() - looked_at_ >= options_.look_again) {
      looked_at_ = clock_.Steady();
      const FileState now = StateOf(options_.file);
      if (now != state_) {
        state_ = now;
        const Status read = Read();
        last_error_ = read.ok() ? "" : read.error().detail;
      }
    }
    return built_.snapshot;
  }

  Status VerifyPassword(std::string_view login, const Secret<std::string>& password, bool demo_allowed) override {
    const auto refused = [] { return MakeError(Code::kUnauthenticated, "the login or the password is wrong"); };
    if (password.Reveal().size() > kLongestPassword) return refused();
    const auto snapshot = Current();
    const User* user = snapshot->Find(login);
    const std::string hash = user == nullptr ? nobody_ : HashOf(user->login);
    const std::string cache_entry = crypto::HmacSha256(cache_key_, hash + '\0' + password.Reveal());
    if (!Cached(cache_entry)) {
      if (!TakeVerifier()) return MakeError(Code::kExhausted, "too many logins at once; try again");
      const bool good = crypto_pwhash_str_verify(hash.c_str(), password.Reveal().data(), password.Reveal().size()) == 0;
      GiveVerifierBack();
      if (!good || user == nullptr) return refused();
      Remember(cache_entry);
    }
    if (user == nullptr || (user->demo && !demo_allowed)) return refused();
    return Ok();
  }

  std::string last_error() const override {
    const std::scoped_lock lock(mutex_);
    return last_error_;
  }

 private:
  // With mutex_ held, or before anyone else knows this object.
  Status Read() {
    config::v1::Directory message;
    config::SourceMap source;
    std::vector<config::Problem> problems = config::LoadFile(options_.file, message, source);
    Built built;
    if (problems.empty()) built = BuildSnapshot(message, options_.file, source, problems);
    if (!problems.empty()) return config::AsError(problems);
    built_ = std::move(built);
    return Ok();
  }

  std::string HashOf(const std::string& login) const {
    const std::scoped_lock lock(mutex_);
    const auto found = built_.password_hashes.find(login);
    return found == built_.password_hashes.end() ? nobody_ : found->second;
  }

  // Waits a little for a verifier, so that a burst of logins is served one after another; then says that all are busy.
  bool TakeVerifier() {
    std::unique_lock lock(verifier_mutex_);
    if (!verifier_free_.wait_for(lock, std::chrono::seconds(5), [&] { return verifying_ < options_.verifiers; }))
      return false;
    ++verifying_;
    return true;
  }
  void GiveVerifierBack() {
    {
      const std::scoped_lock lock(verifier_mutex_);
      --verifying_;
    }
    verifier_free_.notify_one();
  }

  bool Cached(const std::string& entry) {
    const std::scoped_lock lock(cache_mutex_);
    const auto found = cache_.find(entry);
    return found != cache_.end() && clock_.Steady() < found->second;
  }
  void Remember(const std::string& entry) {
    if (options_.cache.count() == 0) return;
    const std::scoped_lock lock(cache_mutex_);
    if (cache_.size() >= kCachedPasswords) cache_.clear();
    cache_[entry] = clock_.Steady() + options_.cache;
  }

  const Options options_;
  const Clock& clock_;
  const Secret<std::string> cache_key_;
  std::string nobody_;
  mutable std::mutex mutex_;
  Built built_;
  FileState state_;
  std::chrono::steady_clock::time_point looked_at_{};
  std::string last_error_;
  std::mutex verifier_mutex_;
  std::condition_variable verifier_free_;
  size_t verifying_ = 0;
  std::mutex cache_mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> cache_;  // HMAC of hash and password → until
};

}  // namespace

Result<std::unique_ptr<Directory>> Directory::Open(const Options& options, const Clock& clock) {
  auto directory = std::make_unique<FileDirectory>(options, clock);
  SEKISHO_RETURN_IF_ERROR(directory->Load());
  return std::unique_ptr<Directory>(std::move(directory));
}

std::string HashPassword(const Secret<std::string>& password) {
  SEKISHO_CHECK(sodium_init() >= 0);
  char hash[crypto_pwhash_STRBYTES] = {};
  SEKISHO_CHECK(crypto_pwhash_str(hash, password.Reveal().data(), password.Reveal().size(),
                                  crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE) == 0);
  return hash;
}

}  // namespace sekisho::directory

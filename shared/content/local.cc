#include "shared/content/local.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/base/files.h"
#include "shared/content/clear_cache.h"
#include "shared/content/sealed_file.h"
#include "shared/crypto/digest.h"

namespace sekisho::content {
namespace {

constexpr std::chrono::hours kOrphanAge(1);

const store::Statement kInsert("INSERT INTO {content.blob} (mail, name, octets, file) VALUES ($1, $2, $3, $4)");
const store::Statement kSelect("SELECT octets, file FROM {content.blob} WHERE mail = $1 AND name = $2");
const store::Statement kDelete("DELETE FROM {content.blob} WHERE mail = $1 RETURNING file");

// What the parts share. Lives as long as any of them.
struct Surroundings {
  const LocalOptions options;
  store::Database& database;
  keys::KeyRing& keys;
  const Clock& clock;
  ClearCache cache;
};
using SurroundingsPtr = std::shared_ptr<Surroundings>;

struct Name {
  MailId mail;
  std::string name;
  std::string Key() const { return mail.ToString() + "/" + name; }
};

Result<Name> ParseKey(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return MakeError(Code::kInvalid, "a content key is <mail id>/<name>");
  SEKISHO_TRY(const MailId mail, MailId::Parse(key.substr(0, slash)));
  return Name{mail, std::string(key.substr(slash + 1))};
}

// "<mail id>.<name>.<file id>": tells which row must name it, and by its id (UUIDv7) how old it is.
std::string NewFileName(const Name& name, TimePoint now) {
  return name.mail.ToString() + "." + name.name + "." + Uuid::Generate(now).ToString();
}

struct FileName {
  Name name;
  Uuid id;
};
Result<FileName> ParseFileName(std::string_view file) {
  const size_t first = file.find('.'), last = file.rfind('.');
  if (first == std::string_view::npos || first == last) return MakeError(Code::kInvalid, "not a content file's name");
  SEKISHO_TRY(const MailId mail, MailId::Parse(file.substr(0, first)));
  SEKISHO_TRY(const Uuid id, Uuid::Parse(file.substr(last + 1)));
  return FileName{{mail, std::string(file.substr(first + 1, last - first - 1))}, id};
}

ContentRef MakeRef(const Name& name, std::string sha256, uint64_t size) {
  ContentRef ref;
  ref.set_key(name.Key());
  ref.set_sha256(std::move(sha256));
  ref.set_size(size);
  return ref;
}

class StagedSmall final : public Staged {
 public:
  StagedSmall(SurroundingsPtr around, Name name, ContentRef ref, std::string sealed, ClearCache::Entry clear)
      : around_(std::move(around)),
        name_(std::move(name)),
        ref_(std::move(ref)),
        sealed_(std::move(sealed)),
        clear_(std::move(clear)) {}

  const ContentRef& ref() const override { return ref_; }
  Status Attach(store::Tx& tx) override {
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(kInsert, {store::Octets{name_.mail.octets()}, name_.name, store::Octets{sealed_}, nullptr}));
    tx.OnCommitted([around = around_, key = ref_.key(), clear = clear_] { around->cache.Put(key, clear); });
    return Ok();
  }

 private:
  const SurroundingsPtr around_;
  const Name name_;
  const ContentRef ref_;
  const std::string sealed_;
  const ClearCache::Entry clear_;
};

class StagedLarge final : public Staged {
 public:
  StagedLarge(Name name, ContentRef ref, std::unique_ptr<SealedFile> file)
      : name_(std::move(name)), ref_(std::move(ref)), file_(std::move(file)) {}

  const ContentRef& ref() const override { return ref_; }
  Status Attach(store::Tx& tx) override {
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(kInsert, {store::Octets{name_.mail.octets()}, name_.name, nullptr, file_->file()}));
    // The hook holds the file: it is not removed while the transaction may still become durable.
    tx.OnCommitted([file = file_] { file->Keep(); });
    return Ok();
  }

 private:
  const Name name_;
  const ContentRef ref_;
  const std::shared_ptr<SealedFile> file_;
};

class LocalWriter final : public Writer {
 public:
  LocalWriter(SurroundingsPtr around, const keys::MailKey& key, Name name)
      : around_(std::move(around)), key_(key), name_(std::move(name)) {}

  Status Append(std::string_view octets) override {
    digest_.Update(octets);
    size_ += octets.size();
    if (file_ == nullptr && size_ > around_->options.small_limit) {
      SEKISHO_TRY(file_, SealedFile::Create(around_->options.folder, NewFileName(name_, around_->clock.Now()), key_,
                                            name_.Key()));
      SEKISHO_RETURN_IF_ERROR(file_->Append(buffer_));
      buffer_ = std::string();
    }
    if (file_ != nullptr) return file_->Append(octets);
    buffer_ += octets;
    return Ok();
  }

  Result<std::shared_ptr<Staged>> Finish() override {
    ContentRef ref = MakeRef(name_, digest_.Finish(), size_);
    if (file_ != nullptr) {
      SEKISHO_RETURN_IF_ERROR(file_->Finish());
      return std::shared_ptr<Staged>(std::make_shared<StagedLarge>(name_, std::move(ref), std::move(file_)));
    }
    SEKISHO_TRY(std::string sealed, around_->keys.Seal(key_, ref.key(), buffer_));
    ClearCache::Entry clear{std::make_shared<const std::string>(std::move(buffer_)), ref.sha256(), key_.wrapped()};
    return std::shared_ptr<Staged>(
        std::make_shared<StagedSmall>(around_, name_, std::move(ref), std::move(sealed), std::move(clear)));
  }

 private:
  const SurroundingsPtr around_;
  const keys::MailKey key_;
  const Name name_;
  crypto::Sha256Stream digest_;
  uint64_t size_ = 0;
  std::string buffer_;                // until it is large
  std::unique_ptr<SealedFile> file_;  // from then on
};

class LocalStore final : public Store {
 public:
  explicit LocalStore(SurroundingsPtr around) : around_(std::move(around)) {}

  std::unique_ptr<Writer> Create(const keys::MailKey& key, const MailId& mail, std::string_view name) override {
    // Part of a file's name.
    SEKISHO_CHECK(!name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos);
    return std::make_unique<LocalWriter>(around_, key, Name{mail, std::string(name)});
  }

  Result<std::shared_ptr<const std::string>> Read(const ContentRef& ref) override {
    if (ClearCache::Entry cached = around_->cache.Get(ref.key());
        cached.octets != nullptr && cached.sha256 == ref.sha256()) {
      SEKISHO_RETURN_IF_ERROR(around_->keys.Unwrap(cached.wrapped_key));
      return cached.octets;
    }
    SEKISHO_TRY(const Name name, ParseKey(ref.key()));
    SEKISHO_TRY(const Stored stored, Find(name));
    if (!stored.file.empty()) {
      SEKISHO_TRY(std::string octets,
                  ReadSealedFile(around_->options.folder + "/" + stored.file, around_->keys, ref.key(), ref.size()));
      return Check(ref, std::move(octets));
    }
    SEKISHO_TRY(keys::Opened opened, around_->keys.Open(stored.octets, ref.key()));
    SEKISHO_TRY(auto octets, Check(ref, std::move(opened.plaintext)));
    around_->cache.Put(ref.key(), {octets, ref.sha256(), opened.key.wrapped()});
    return octets;
  }

  Status Remove(store::Tx& tx, const MailId& mail) override {
    std::vector<std::string> files;
    SEKISHO_RETURN_IF_ERROR(tx.Query(kDelete, {store::Octets{mail.octets()}}, [&](const store::Row& row) {
      if (!row.IsNull(0)) files.emplace_back(row.Text(0));
      return Ok();
    }));
    tx.OnCommitted([around = around_, mail, files = std::move(files)] {
      around->cache.Forget(mail.ToString() + "/");
      // What can't be removed now is an orphan, and swept.
      for (const std::string& file : files) ::unlink((around->options.folder + "/" + file).c_str());
    });
    return Ok();
  }

  Result<uint64_t> SweepOrphans() override {
    const TimePoint newest = around_->clock.Now() - kOrphanAge;
    uint64_t removed = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(around_->options.folder, error)) {
      const std::string file = entry.path().filename();
      const auto parsed = ParseFileName(file);
      if (!parsed.ok() || parsed->id.time() > newest) continue;
      const auto stored = Find(parsed->name);
      if (!stored.ok() && stored.error().code != Code::kNotFound) return stored.error();
      if (stored.ok() && stored->file == file) continue;
      if (::unlink(entry.path().c_str()) != 0 && errno != ENOENT) return SystemError(errno, "unlink");
      ++removed;
    }
    if (error) return SystemError(error.value(), around_->options.folder);
    return removed;
  }

  uint64_t FreeOctets() const override {
    struct statvfs status = {};
    if (::statvfs(around_->options.folder.c_str(), &status) != 0) return 0;
    const uint64_t free = static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
    return free > around_->options.min_free ? free - around_->options.min_free : 0;
  }

 private:
  struct Stored {
    std::string octets;  // sealed
    std::string file;    // empty: small
  };

  Result<Stored> Find(const Name& name) {
    std::optional<Stored> stored;
    SEKISHO_RETURN_IF_ERROR(around_->database.Read([&](store::Tx& tx) {
      return tx.Query(kSelect, {store::Octets{name.mail.octets()}, name.name}, [&](const store::Row& row) {
        stored = Stored{std::string(row.Blob(0)), std::string(row.Text(1))};
        return Ok();
      });
    }));
    if (!stored) return MakeError(Code::kNotFound, "no content " + name.Key());
    return *std::move(stored);
  }

  static Result<std::shared_ptr<const std::string>> Check(const ContentRef& ref, std::string octets) {
    if (octets.size() != ref.size() || crypto::Sha256(octets) != ref.sha256()) {
      return MakeError(Code::kCorrupt, "content " + ref.key() + " has another digest than its reference");
    }
    return std::make_shared<const std::string>(std::move(octets));
  }

  const SurroundingsPtr around_;
};

}  // namespace

Result<std::unique_ptr<Store>> OpenLocal(const LocalOptions& options, store::Database& database, keys::KeyRing& keys,
                                         const Clock& clock) {
  SEKISHO_RETURN_IF_ERROR(MakeFolder(options.folder, 0700));
  const store::Migration migrations[] = {
      {1,
       "CREATE TABLE {content.blob} (mail {blob} NOT NULL, name TEXT NOT NULL, octets {blob}, file TEXT,"
       " PRIMARY KEY (mail, name))"}};
  SEKISHO_RETURN_IF_ERROR(database.Migrate("content", migrations));
  auto around =
      std::shared_ptr<Surroundings>(new Surroundings{options, database, keys, clock, ClearCache(options.cache)});
  return std::unique_ptr<Store>(std::make_unique<LocalStore>(std::move(around)));
}

}  // namespace sekisho::content

#include "shared/content/database_store.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "shared/content/clear_cache.h"
#include "shared/content/sealed_stream.h"
#include "shared/crypto/digest.h"

namespace sekisho::content {
namespace {

constexpr std::chrono::hours kOrphanAge(1);
constexpr uint64_t kMaxReserve = 256 * 1024 * 1024;  // a reference's size is only a hint until the digest is checked

const store::Statement kInsert("INSERT INTO {content.blob} (mail, name, octets, file) VALUES ($1, $2, $3, $4)");
const store::Statement kSelect("SELECT octets, file FROM {content.blob} WHERE mail = $1 AND name = $2");
const store::Statement kDelete("DELETE FROM {content.blob} WHERE mail = $1 RETURNING file");

// What the parts share. Lives as long as any of them.
struct Surroundings {
  const DatabaseStoreOptions options;
  const std::unique_ptr<Objects> objects;
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

// "<mail id>.<name>.<object id>": tells which row must name it, and by its id (UUIDv7) how old it is.
std::string NewObjectName(const Name& name, TimePoint now) {
  return name.mail.ToString() + "." + name.name + "." + Uuid::Generate(now).ToString();
}

struct ObjectName {
  Name name;
  Uuid id;
};
Result<ObjectName> ParseObjectName(std::string_view object) {
  const size_t first = object.find('.'), last = object.rfind('.');
  if (first == std::string_view::npos || first == last) return MakeError(Code::kInvalid, "not a content object's name");
  SEKISHO_TRY(const MailId mail, MailId::Parse(object.substr(0, first)));
  SEKISHO_TRY(const Uuid id, Uuid::Parse(object.substr(last + 1)));
  return ObjectName{{mail, std::string(object.substr(first + 1, last - first - 1))}, id};
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

// A finished object that no durable row names yet.
class Unnamed {
 public:
  Unnamed(SurroundingsPtr around, std::string object) : around_(std::move(around)), object_(std::move(object)) {}
  ~Unnamed() {
    if (!named_ && !(attached_ && around_->options.commit_may_be_unknown)) around_->objects->RemoveSoon(object_);
  }
  const std::string& object() const { return object_; }
  void Attached() { attached_ = true; }
  void Named() { named_ = true; }

 private:
  const SurroundingsPtr around_;
  const std::string object_;
  bool attached_ = false, named_ = false;
};

class StagedLarge final : public Staged {
 public:
  StagedLarge(SurroundingsPtr around, Name name, ContentRef ref, std::string object)
      : name_(std::move(name)),
        ref_(std::move(ref)),
        object_(std::make_shared<Unnamed>(std::move(around), std::move(object))) {}

  const ContentRef& ref() const override { return ref_; }
  Status Attach(store::Tx& tx) override {
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(kInsert, {store::Octets{name_.mail.octets()}, name_.name, nullptr, object_->object()}));
    object_->Attached();
    // The hook holds the object: it is not removed while the transaction may still become durable.
    tx.OnCommitted([object = object_] { object->Named(); });
    return Ok();
  }

 private:
  const Name name_;
  const ContentRef ref_;
  const std::shared_ptr<Unnamed> object_;
};

class ContentWriter final : public Writer {
 public:
  ContentWriter(SurroundingsPtr around, const keys::MailKey& key, Name name)
      : around_(std::move(around)), key_(key), name_(std::move(name)) {}

  Status Append(std::string_view octets) override {
    digest_.Update(octets);
    size_ += octets.size();
    if (large_ == nullptr && size_ > around_->options.small_limit) {
      object_ = NewObjectName(name_, around_->clock.Now());
      SEKISHO_TRY(large_, around_->objects->Create(object_));
      sealer_.emplace(key_, name_.Key());
      SEKISHO_RETURN_IF_ERROR(large_->Append(sealer_->Append(std::exchange(buffer_, {}))));
    }
    if (large_ != nullptr) return large_->Append(sealer_->Append(octets));
    buffer_ += octets;
    return Ok();
  }

  Result<std::shared_ptr<Staged>> Finish() override {
    ContentRef ref = MakeRef(name_, digest_.Finish(), size_);
    if (large_ != nullptr) {
      SEKISHO_RETURN_IF_ERROR(large_->Append(sealer_->Finish()));
      SEKISHO_RETURN_IF_ERROR(large_->Finish());
      return std::shared_ptr<Staged>(std::make_shared<StagedLarge>(around_, name_, std::move(ref), object_));
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
  std::string buffer_;  // until it is large; from then on:
  std::string object_;
  std::unique_ptr<ObjectWriter> large_;
  std::optional<ContentSealer> sealer_;
};

class DatabaseStore final : public Store {
 public:
  explicit DatabaseStore(SurroundingsPtr around) : around_(std::move(around)) {}

  std::unique_ptr<Writer> Create(const keys::MailKey& key, const MailId& mail, std::string_view name) override {
    // Part of an object's name.
    SEKISHO_CHECK(!name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos);
    return std::make_unique<ContentWriter>(around_, key, Name{mail, std::string(name)});
  }

  Result<std::shared_ptr<const std::string>> Read(const ContentRef& ref) override {
    if (ClearCache::Entry cached = around_->cache.Get(ref.key());
        cached.octets != nullptr && cached.sha256 == ref.sha256()) {
      SEKISHO_RETURN_IF_ERROR(around_->keys.Unwrap(cached.wrapped_key));
      return cached.octets;
    }
    SEKISHO_TRY(const Name name, ParseKey(ref.key()));
    SEKISHO_TRY(const Stored stored, Find(name));
    if (!stored.object.empty()) {
      SEKISHO_TRY(std::string octets, ReadLarge(stored.object, ref));
      return Check(ref, std::move(octets));
    }
    SEKISHO_TRY(keys::Opened opened, around_->keys.Open(stored.octets, ref.key()));
    SEKISHO_TRY(auto octets, Check(ref, std::move(opened.plaintext)));
    around_->cache.Put(ref.key(), {octets, ref.sha256(), opened.key.wrapped()});
    return octets;
  }

  Status Remove(store::Tx& tx, const MailId& mail) override {
    std::vector<std::string> objects;
    SEKISHO_RETURN_IF_ERROR(tx.Query(kDelete, {store::Octets{mail.octets()}}, [&](const store::Row& row) {
      if (!row.IsNull(0)) objects.emplace_back(row.Text(0));
      return Ok();
    }));
    tx.OnCommitted([around = around_, mail, objects = std::move(objects)] {
      around->cache.Forget(mail.ToString() + "/");
      for (const std::string& object : objects) around->objects->RemoveSoon(object);
    });
    return Ok();
  }

  Result<uint64_t> SweepOrphans() override {
    const TimePoint newest = around_->clock.Now() - kOrphanAge;
    return around_->objects->Sweep([&](const std::string& object) -> Result<bool> {
      const auto parsed = ParseObjectName(object);
      if (!parsed.ok() || parsed->id.time() > newest) return false;
      const auto stored = Find(parsed->name);
      if (!stored.ok() && stored.error().code != Code::kNotFound) return stored.error();
      return !stored.ok() || stored->object != object;
    });
  }

  uint64_t FreeOctets() const override { return around_->objects->FreeOctets(); }

 private:
  struct Stored {
    std::string octets;  // sealed
    std::string object;  // empty: small
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

  Result<std::string> ReadLarge(const std::string& object, const ContentRef& ref) {
    ContentOpener opener(around_->keys, ref.key());
    std::string octets;
    octets.reserve(std::min(ref.size(), kMaxReserve));
    SEKISHO_RETURN_IF_ERROR(around_->objects->Read(object, [&](std::string_view piece) -> Status {
      SEKISHO_TRY(const std::string clear, opener.Append(piece));
      octets += clear;
      return Ok();
    }));
    SEKISHO_TRY(const std::string rest, opener.Finish());
    octets += rest;
    return octets;
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

Result<std::unique_ptr<Store>> OpenDatabaseStore(const DatabaseStoreOptions& options, std::unique_ptr<Objects> objects,
                                                 store::Database& database, keys::KeyRing& keys, const Clock& clock) {
  const store::Migration migrations[] = {
      {1,
       "CREATE TABLE {content.blob} (mail {blob} NOT NULL, name TEXT NOT NULL, octets {blob}, file TEXT,"
       " PRIMARY KEY (mail, name))"}};
  SEKISHO_RETURN_IF_ERROR(database.Migrate("content", migrations));
  auto around = std::shared_ptr<Surroundings>(
      new Surroundings{options, std::move(objects), database, keys, clock, ClearCache(options.cache)});
  return std::unique_ptr<Store>(std::make_unique<DatabaseStore>(std::move(around)));
}

}  // namespace sekisho::content

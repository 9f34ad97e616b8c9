#include "services/encryption/adapters/key_tables.h"

#include "shared/crypto/aead.h"

namespace sekisho::encryption {
namespace {

const store::Migration kMigrations[] = {
    {1,
     "CREATE TABLE {encryption.certificate} (fingerprint TEXT NOT NULL PRIMARY KEY, sealed {blob} NOT NULL);\n"
     "CREATE TABLE {encryption.agreed_password} (recipient {blob} NOT NULL PRIMARY KEY, sealed {blob} NOT NULL);\n"
     "CREATE TABLE {encryption.password} (mail {blob} NOT NULL, parcel {blob} NOT NULL PRIMARY KEY, sealed {blob} NOT "
     "NULL, "
     "open INTEGER NOT NULL);\n"},
    {2,
     "CREATE TABLE {encryption.book} (changes BIGINT NOT NULL);\n"
     "INSERT INTO {encryption.book} (changes) VALUES (0)"},
};
const store::Statement kPutCertificate(
    "INSERT INTO {encryption.certificate} (fingerprint, sealed) VALUES ($1, $2) ON CONFLICT (fingerprint) DO UPDATE "
    "SET "
    "sealed = excluded.sealed");
const store::Statement kAllCertificates("SELECT fingerprint, sealed FROM {encryption.certificate}");
const store::Statement kPutPassword(
    "INSERT INTO {encryption.agreed_password} (recipient, sealed) VALUES ($1, $2) ON CONFLICT (recipient) DO UPDATE "
    "SET "
    "sealed = excluded.sealed");
const store::Statement kAllPasswords("SELECT recipient, sealed FROM {encryption.agreed_password}");

const store::Statement kChanges("SELECT changes FROM {encryption.book}");
const store::Statement kCountChange("UPDATE {encryption.book} SET changes = changes + 1");
const store::Statement kCountNextChange("UPDATE {encryption.book} SET changes = changes + 1 WHERE changes = $1");

constexpr char kPurpose[] = "encryption-book";

// What is sealed for one row opens in no other.
std::string CertificateContext(std::string_view fingerprint) {
  return "encryption.certificate:" + std::string(fingerprint);
}
std::string PasswordContext(std::string_view index) { return "encryption.agreed_password:" + std::string(index); }

Result<std::string> Sealed(keys::KeyRing& keys, std::string_view context,
                           const google::protobuf::MessageLite& message) {
  SEKISHO_TRY(const Secret<std::string> key, keys.PurposeKey(kPurpose));
  return crypto::AeadSeal(key, context, message.SerializeAsString());
}

template <typename Message>
Result<Message> Opened(const Secret<std::string>& key, std::string_view context, std::string_view sealed) {
  SEKISHO_TRY(const std::string plain, crypto::AeadOpen(key, context, sealed));
  Message message;
  if (!message.ParseFromString(plain)) return MakeError(Code::kCorrupt, "a row of encryption's tables cannot be read");
  return message;
}

}  // namespace

Status MigrateTables(store::Database& database) { return database.Migrate("encryption", kMigrations); }

Result<int64_t> CountChanges(store::Database& database) {
  int64_t changes = 0;
  SEKISHO_RETURN_IF_ERROR(database.Read([&](store::Tx& tx) {
    return tx.Query(kChanges, {}, [&](const store::Row& row) {
      changes = row.Int(0);
      return Ok();
    });
  }));
  return changes;
}

Status StoreCertificate(store::Database& database, keys::KeyRing& keys, const std::string& fingerprint,
                        const v1::StoredCertificate& stored, int64_t known_changes) {
  SEKISHO_TRY(const std::string sealed, Sealed(keys, CertificateContext(fingerprint), stored));
  return database.RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(const int64_t current, tx.Execute(kCountNextChange, {known_changes}));
    if (current == 0) {
      return Error{Code::kCancelled, Retry::kLater, "other certificates or passwords were stored just now"};
    }
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kPutCertificate, {std::string_view(fingerprint), store::Octets{sealed}}));
    return Ok();
  });
}

Result<std::vector<v1::StoredCertificate>> StoredCertificates(store::Database& database, keys::KeyRing& keys) {
  SEKISHO_TRY(const Secret<std::string> key, keys.PurposeKey(kPurpose));
  std::vector<v1::StoredCertificate> all;
  SEKISHO_RETURN_IF_ERROR(database.Read([&](store::Tx& tx) {
    return tx.Query(kAllCertificates, {}, [&](const store::Row& row) -> Status {
      SEKISHO_TRY(v1::StoredCertificate one,
                  Opened<v1::StoredCertificate>(key, CertificateContext(row.Text(0)), row.Blob(1)));
      all.push_back(std::move(one));
      return Ok();
    });
  }));
  return all;
}

Status StorePassword(store::Database& database, keys::KeyRing& keys, const v1::StoredPassword& stored) {
  SEKISHO_TRY(const std::string index, keys.BlindIndex("agreed-password", stored.recipient()));
  SEKISHO_TRY(const std::string sealed, Sealed(keys, PasswordContext(index), stored));
  return database.RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kCountChange, {}));
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kPutPassword, {store::Octets{index}, store::Octets{sealed}}));
    return Ok();
  });
}

Result<std::vector<v1::StoredPassword>> StoredPasswords(store::Database& database, keys::KeyRing& keys) {
  SEKISHO_TRY(const Secret<std::string> key, keys.PurposeKey(kPurpose));
  std::vector<v1::StoredPassword> all;
  SEKISHO_RETURN_IF_ERROR(database.Read([&](store::Tx& tx) {
    return tx.Query(kAllPasswords, {}, [&](const store::Row& row) -> Status {
      SEKISHO_TRY(v1::StoredPassword one, Opened<v1::StoredPassword>(key, PasswordContext(row.Blob(0)), row.Blob(1)));
      all.push_back(std::move(one));
      return Ok();
    });
  }));
  return all;
}

}  // namespace sekisho::encryption

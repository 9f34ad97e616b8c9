#pragma once
// The tables of certificates and agreed passwords. Each row is sealed under a key of the organisation; addresses stand
// nowhere else.

#include <cstdint>
#include <string>
#include <vector>

#include "sekisho/encryption/v1/stored.pb.h"
#include "shared/keys/keys.h"
#include "shared/store/store.h"

namespace sekisho::encryption {

// All tables of the service, that of password_table.h included.
Status MigrateTables(store::Database& database);

// How often something was stored, by any process: whoever has seen as many changes knows what is in the tables.
Result<int64_t> CountChanges(store::Database& database);

// Durable when it returns; what was stored under the same fingerprint is replaced. Errors: kCancelled when
// `known_changes` are not all, so that what is replaced may be other than the caller knows.
Status StoreCertificate(store::Database& database, keys::KeyRing& keys, const std::string& fingerprint,
                        const v1::StoredCertificate& stored, int64_t known_changes);
Result<std::vector<v1::StoredCertificate>> StoredCertificates(store::Database& database, keys::KeyRing& keys);

// Durable when it returns; what was agreed with the same recipient is replaced. `stored.recipient` is canonical.
Status StorePassword(store::Database& database, keys::KeyRing& keys, const v1::StoredPassword& stored);
Result<std::vector<v1::StoredPassword>> StoredPasswords(store::Database& database, keys::KeyRing& keys);

}  // namespace sekisho::encryption

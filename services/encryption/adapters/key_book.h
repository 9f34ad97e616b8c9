#pragma once
// Certificates of recipients, signing keys of ours, agreed passwords: what sealing needs of each. Thread safe.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "sekisho/encryption/v1/encryption.pb.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/x509.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

class KeyBook {
 public:
  KeyBook(const config::v1::Encryption& config, const stage::Surroundings& surroundings);

  // Makes its tables, reads the files of the configuration. Errors: kInvalid, naming the file and the check that failed.
  Status Open();

  // Checks chain, dates, purpose, address, then keeps it. `address`: where the certificate names none.
  // Errors: kInvalid: the detail says which check failed and what to do.
  Result<v1::Certificate> Import(std::string_view pem_or_der, const std::string& address);
  // Of `address`, or all.
  Result<std::vector<v1::Certificate>> List(const std::string& address) const;

  // The newest usable certificate of `address`. Errors: kPrecondition, saying why there is none.
  Result<crypto::Certificate> FindFor(const std::string& address, TimePoint now) const;
  // The signer of `mail_from`: its own, else the organisation's, else null.
  const crypto::CmsSigner* SignerFor(const std::string& mail_from) const;

  struct AgreedPassword {
    std::string id;
    Secret<std::string> password;
  };
  // Agreed with every one of `recipients` alike: by address, else by domain. Empty when one has none, or they differ.
  std::optional<AgreedPassword> AgreedFor(const std::vector<std::string>& recipients) const;
  Result<std::string> Agree(const std::string& recipient, const Secret<std::string>& password);

  // When the first certificate in use ends; max when there is none.
  TimePoint EarliestExpiry() const;

 private:
  struct Entry {
    crypto::Certificate certificate;
    std::vector<crypto::Certificate> chain;
    std::vector<std::string> addresses;  // canonical
    std::string error;                   // why it is not usable now
  };
  Status LoadSigners();
  Status LoadCertificates();
  Status LoadPasswords();
  Result<Entry> Check(std::string_view pem_or_der, const std::string& address) const;
  void Remember(Entry entry);
  v1::Certificate Describe(const Entry& entry, TimePoint now) const;
  std::string Usable(const Entry& entry, const std::string& address, TimePoint now) const;  // empty: usable

  const config::v1::Encryption& config_;
  const stage::Surroundings around_;
  std::optional<crypto::TrustStore> trust_;
  std::optional<crypto::CmsSigner> organization_signer_;
  std::map<std::string, crypto::CmsSigner> user_signers_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> certificates_;                          // by fingerprint
  std::map<std::string, std::vector<std::string>> by_address_;         // → fingerprints
  std::map<std::string, AgreedPassword> passwords_;                    // by address or domain
  // Checked chains, so that a mail does not pay for one it has paid for: fingerprint and address → how long it holds.
  mutable std::map<std::string, crypto::Validity> verified_;
};

std::string CanonicalAddress(std::string_view address);

}  // namespace sekisho::encryption

#pragma once
// Certificates of recipients, signing keys of ours, agreed passwords: what sealing needs of each. All of it is in
// memory, parsed; the tables keep what was given at run time. Thread safe.

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "sekisho/encryption/v1/encryption.pb.h"
#include "services/encryption/domain/sealer.h"
#include "shared/crypto/cms.h"
#include "shared/crypto/x509.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

class KeyBook {
 public:
  KeyBook(const config::v1::Encryption& config, const stage::Surroundings& surroundings);

  // Makes its tables, reads the files of the configuration. A certificate that has become unusable, a recipient's or
  // ours, is logged and stops nothing but the mail that needs it. Errors: kInvalid, naming the file and what is wrong
  // with it.
  Status Open();

  // Learns what other replicas were given since; cheap when that is nothing.
  Status Refresh();

  // Checks chain, dates, purpose, address, then keeps it. `address`: whose it is, where the certificate names none.
  // Errors: kInvalid: the detail says which check failed and what to do.
  Result<v1::Certificate> Import(std::string_view pem_or_der, const std::string& address);
  // Of `address`, or all when it is empty.
  std::vector<v1::Certificate> List(const std::string& address) const;

  // The newest usable certificate of `address`. Errors: kPrecondition, saying why there is none; holds no address.
  Result<crypto::Certificate> FindFor(const std::string& address, TimePoint now) const;
  // The signer of `mail_from`: its own, else the organisation's, else null.
  const crypto::CmsSigner* SignerFor(const std::string& mail_from) const;

  // Agreed with every one of `recipients` alike: by address, else by domain. Empty when one has none, or they differ.
  std::optional<AgreedPassword> AgreedFor(const std::vector<std::string>& recipients) const;
  // `recipient`: an address or a domain. Gives the id under which journals name the password. Errors: kInvalid.
  Result<std::string> Agree(const std::string& recipient, const Secret<std::string>& password);

  // When the first address loses its last certificate, or the first signing key ends; max when there is none.
  TimePoint EarliestExpiry() const;

 private:
  struct Entry {
    crypto::Certificate certificate;
    std::vector<crypto::Certificate> chain;
    std::vector<std::string> addresses;  // canonical
  };
  Status LoadTrust();
  Status LoadSigners();
  Status LoadCertificates();
  Status LoadPasswords();
  Status LoadStored();
  Result<v1::Certificate> ImportOnce(std::string_view pem_or_der, const std::string& address);
  Result<Entry> Read(std::string_view pem_or_der) const;
  Status Store(const Entry& entry);
  void Remember(Entry entry);
  Status RememberPassword(const std::string& recipient, const Secret<std::string>& password);
  // Why the entry can't be used now; empty when it can. Both need mutex_.
  std::string Problem(const Entry& entry, TimePoint now) const;
  v1::Certificate Describe(const Entry& entry, TimePoint now) const;

  const config::v1::Encryption& config_;
  const stage::Surroundings around_;
  std::optional<crypto::TrustStore> trust_;
  // Not changed after Open.
  std::optional<crypto::CmsSigner> organization_signer_;
  std::map<std::string, crypto::CmsSigner> user_signers_;

  std::mutex change_mutex_;          // one change at a time, table and memory together
  std::atomic<int64_t> changes_{0};  // of the tables that are in memory here
  mutable std::mutex mutex_;
  std::map<std::string, Entry> certificates_;                   // by fingerprint
  std::map<std::string, std::vector<std::string>> by_address_;  // → fingerprints
  std::map<std::string, AgreedPassword> passwords_;             // by address or domain
  // How long a checked chain holds, so that a mail does not pay for what another has paid for; by fingerprint.
  mutable std::map<std::string, crypto::Validity> verified_;
};

// The form in which addresses are compared: the domain as A-labels, lower case; the local part without regard to ASCII
// case.
std::string CanonicalAddress(std::string_view address);

}  // namespace sekisho::encryption

#include "services/encryption/adapters/key_book.h"

#include <algorithm>

#include "services/encryption/adapters/key_tables.h"
#include "shared/base/bytes.h"
#include "shared/config/loader.h"
#include "shared/observe/log.h"
#include "shared/stage/proto_time.h"
#include "shared/text/domain.h"

namespace sekisho::encryption {
namespace {

constexpr int kTries = 5;  // when other replicas store at the same moment
constexpr size_t kShortestPassword = 12, kLongestPassword = 128;

std::string DomainOf(const std::string& address) {
  const size_t at = address.rfind('@');
  return at == std::string::npos ? address : address.substr(at + 1);
}

// One that has expired is made all the same: what needs it is refused, and the rest of the mail goes on.
Result<crypto::CmsSigner> MakeSigner(const config::v1::Signer& signer, TimePoint now) {
  SEKISHO_TRY(const std::string pem, config::ReadWholeFile(signer.certificate_file()));
  auto chain = crypto::Certificate::ParseBundle(pem);
  if (!chain.ok()) return Annotate(chain.error(), signer.certificate_file());
  auto key = crypto::PrivateKey::FromFile(signer.key_file());
  if (!key.ok()) return Annotate(key.error(), signer.key_file());
  const crypto::Certificate& own = chain->front();
  auto made = crypto::CmsSigner::Create(*std::move(key), own, {chain->begin() + 1, chain->end()}, own.not_before());
  if (!made.ok()) return Annotate(made.error(), signer.certificate_file());
  if (const Status usable = crypto::CheckForSigning(own, now); !usable.ok()) {
    observe::Log(observe::Level::kError, "signer.unusable",
                 {{"fingerprint", own.fingerprint()}, {"problem", usable.error().detail}});
  }
  return made;
}

// Programs disagree about the charset of a ZIP's password.
Status CheckPassword(const Secret<std::string>& password) {
  const std::string& text = password.Reveal();
  if (text.size() >= kShortestPassword && text.size() <= kLongestPassword &&
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return Ok();
  }
  return MakeError(Code::kInvalid,
                   "an agreed password has 12 to 128 characters: ASCII letters, digits and signs, no spaces");
}

Status CheckRecipient(std::string_view recipient) {
  const size_t at = recipient.rfind('@');
  if (at != 0 && text::DomainToAscii(recipient.substr(at == std::string_view::npos ? 0 : at + 1)).ok()) return Ok();
  return MakeError(Code::kInvalid,
                   "a password is agreed with an address (suzuki@partner.example) or a domain (partner.example)");
}

}  // namespace

std::string CanonicalAddress(std::string_view address) {
  const size_t at = address.rfind('@');
  const std::string_view domain = address.substr(at == std::string_view::npos ? 0 : at + 1);
  const auto ascii = text::DomainToAscii(domain);
  const std::string canonical = ascii.ok() ? *ascii : AsciiLower(domain);
  return at == std::string_view::npos ? canonical : AsciiLower(address.substr(0, at)) + "@" + canonical;
}

KeyBook::KeyBook(const config::v1::Encryption& config, const stage::Surroundings& surroundings)
    : config_(config), around_(surroundings) {}

Status KeyBook::Open() {
  SEKISHO_RETURN_IF_ERROR(MigrateTables(around_.database));
  SEKISHO_RETURN_IF_ERROR(LoadTrust());
  SEKISHO_RETURN_IF_ERROR(LoadSigners());
  SEKISHO_RETURN_IF_ERROR(LoadPasswords());
  SEKISHO_TRY(changes_, CountChanges(around_.database));
  SEKISHO_RETURN_IF_ERROR(LoadStored());
  return LoadCertificates();
}

Status KeyBook::Refresh() {
  if (around_.database.sole_process()) return Ok();
  SEKISHO_TRY(const int64_t changes, CountChanges(around_.database));
  if (changes == changes_) return Ok();
  const std::scoped_lock changing(change_mutex_);
  SEKISHO_RETURN_IF_ERROR(LoadStored());
  changes_ = changes;
  return Ok();
}

Status KeyBook::LoadStored() {
  SEKISHO_TRY(const std::vector<v1::StoredCertificate> certificates,
              StoredCertificates(around_.database, around_.keys));
  for (const v1::StoredCertificate& one : certificates) {
    SEKISHO_TRY(Entry entry, Read(one.certificates()));
    if (entry.addresses.empty()) entry.addresses = {one.addresses().begin(), one.addresses().end()};
    Remember(std::move(entry));
  }
  SEKISHO_TRY(const std::vector<v1::StoredPassword> passwords, StoredPasswords(around_.database, around_.keys));
  for (const v1::StoredPassword& one : passwords) {
    SEKISHO_RETURN_IF_ERROR(RememberPassword(one.recipient(), Secret<std::string>(one.password())));
  }
  return Ok();
}

Status KeyBook::LoadTrust() {
  std::vector<crypto::Certificate> anchors;
  if (!config_.trust_file().empty()) {
    SEKISHO_TRY(const std::string pem, config::ReadWholeFile(config_.trust_file()));
    auto parsed = crypto::Certificate::ParseBundle(pem);
    if (!parsed.ok()) return Annotate(parsed.error(), config_.trust_file());
    anchors = *std::move(parsed);
  }
  trust_.emplace(anchors);
  return Ok();
}

Status KeyBook::LoadSigners() {
  const TimePoint now = around_.clock.Now();
  if (config_.has_organization_signer()) {
    SEKISHO_TRY(organization_signer_, MakeSigner(config_.organization_signer(), now));
  }
  for (const config::v1::Signer& signer : config_.user_signers()) {
    SEKISHO_TRY(crypto::CmsSigner made, MakeSigner(signer, now));
    if (signer.address().find('@') == std::string::npos) {
      return MakeError(Code::kInvalid, signer.certificate_file() + ": a user's signer needs its address");
    }
    if (!user_signers_.emplace(CanonicalAddress(signer.address()), std::move(made)).second) {
      return MakeError(Code::kInvalid, signer.certificate_file() + ": its address has another signer already");
    }
  }
  return Ok();
}

Status KeyBook::LoadCertificates() {
  for (const std::string& file : config_.certificate_files()) {
    SEKISHO_TRY(const std::string pem, config::ReadWholeFile(file));
    auto entry = Read(pem);
    if (!entry.ok()) return Annotate(entry.error(), file);
    if (entry->addresses.empty())
      return MakeError(Code::kInvalid, file + ": the certificate names no mail address; import it instead");
    Remember(*std::move(entry));
  }
  const std::scoped_lock lock(mutex_);
  for (const auto& [fingerprint, entry] : certificates_) {
    const std::string problem = Problem(entry, around_.clock.Now());
    if (problem.empty()) continue;
    observe::Log(observe::Level::kWarn, "certificate.unusable", {{"fingerprint", fingerprint}, {"problem", problem}});
  }
  return Ok();
}

Status KeyBook::LoadPasswords() {
  for (const config::v1::AgreedPassword& agreed : config_.agreed_passwords()) {
    SEKISHO_TRY(const std::string password, config::ReadSecretFile(agreed.password_file()));
    const Secret<std::string> secret(password);
    if (const Status usable = CheckPassword(secret); !usable.ok())
      return Annotate(usable.error(), agreed.password_file());
    if (const Status named = CheckRecipient(agreed.recipient()); !named.ok())
      return Annotate(named.error(), agreed.password_file());
    SEKISHO_RETURN_IF_ERROR(RememberPassword(agreed.recipient(), secret));
  }
  return Ok();
}

Result<KeyBook::Entry> KeyBook::Read(std::string_view pem_or_der) const {
  SEKISHO_TRY(std::vector<crypto::Certificate> bundle, crypto::Certificate::ParseBundle(pem_or_der));
  Entry entry{bundle.front(), {bundle.begin() + 1, bundle.end()}, {}};
  for (const std::string& named : entry.certificate.addresses()) entry.addresses.push_back(CanonicalAddress(named));
  return entry;
}

Result<v1::Certificate> KeyBook::Import(std::string_view pem_or_der, const std::string& address) {
  for (int tries = 1;; ++tries) {
    SEKISHO_RETURN_IF_ERROR(Refresh());
    auto imported = ImportOnce(pem_or_der, address);
    const bool again = !imported.ok() && imported.error().code == Code::kCancelled && tries < kTries;
    if (!again) return imported;
  }
}

Result<v1::Certificate> KeyBook::ImportOnce(std::string_view pem_or_der, const std::string& address) {
  const TimePoint now = around_.clock.Now();
  SEKISHO_TRY(Entry entry, Read(pem_or_der));
  const auto verified = crypto::VerifyForEncryption(entry.certificate, entry.chain, *trust_, "", now);
  if (!verified.ok()) return MakeError(Code::kInvalid, verified.error().detail);
  const bool names_none = entry.addresses.empty();
  if (names_none && address.empty()) {
    return MakeError(Code::kInvalid, "the certificate names no mail address; say whose it is with --address");
  }
  const std::string given = CanonicalAddress(address);
  if (!address.empty() && (given.find('@') == std::string::npos || !CheckRecipient(given).ok())) {
    return MakeError(Code::kInvalid, "the address given isn't one");
  }
  if (names_none) entry.addresses = {given};
  if (!address.empty() && std::find(entry.addresses.begin(), entry.addresses.end(), given) == entry.addresses.end()) {
    return MakeError(Code::kInvalid,
                     "the certificate names another address than the one given: ask for one that names it");
  }
  const std::scoped_lock changing(change_mutex_);
  if (names_none) {  // it may be imported for one address after another
    const std::scoped_lock lock(mutex_);
    if (const auto known = certificates_.find(entry.certificate.fingerprint()); known != certificates_.end()) {
      for (const std::string& other : known->second.addresses) {
        if (other != given) entry.addresses.push_back(other);
      }
    }
  }
  SEKISHO_RETURN_IF_ERROR(Store(entry));
  Remember(entry);
  const std::scoped_lock lock(mutex_);
  return Describe(entry, now);
}

Status KeyBook::Store(const Entry& entry) {
  v1::StoredCertificate stored;
  stored.set_certificates(entry.certificate.Pem());
  for (const crypto::Certificate& link : entry.chain) *stored.mutable_certificates() += link.Pem();
  for (const std::string& address : entry.addresses) stored.add_addresses(address);
  SEKISHO_RETURN_IF_ERROR(
      StoreCertificate(around_.database, around_.keys, entry.certificate.fingerprint(), stored, changes_));
  ++changes_;
  return Ok();
}

void KeyBook::Remember(Entry entry) {
  const std::scoped_lock lock(mutex_);
  const std::string fingerprint = entry.certificate.fingerprint();
  for (const std::string& address : entry.addresses) {
    auto& known = by_address_[address];
    if (std::find(known.begin(), known.end(), fingerprint) == known.end()) known.push_back(fingerprint);
  }
  verified_.erase(fingerprint);  // its chain may be another now
  certificates_.insert_or_assign(fingerprint, std::move(entry));
}

std::string KeyBook::Problem(const Entry& entry, TimePoint now) const {
  const std::string& fingerprint = entry.certificate.fingerprint();
  if (const auto known = verified_.find(fingerprint); known != verified_.end() && known->second.Contains(now))
    return {};
  const auto verified = crypto::VerifyForEncryption(entry.certificate, entry.chain, *trust_, "", now);
  if (!verified.ok()) return verified.error().detail;
  verified_.insert_or_assign(fingerprint, *verified);
  return {};
}

Result<crypto::Certificate> KeyBook::FindFor(const std::string& address, TimePoint now) const {
  const std::string canonical = CanonicalAddress(address);
  const std::scoped_lock lock(mutex_);
  const auto known = by_address_.find(canonical);
  if (known == by_address_.end()) return MakeError(Code::kPrecondition, "there is no certificate of this recipient");
  const Entry* newest = nullptr;
  std::string why;
  for (const std::string& fingerprint : known->second) {
    const Entry& entry = certificates_.at(fingerprint);
    const std::string problem = Problem(entry, now);
    if (!problem.empty())
      why = problem;
    else if (newest == nullptr || entry.certificate.not_before() > newest->certificate.not_before())
      newest = &entry;
  }
  if (newest == nullptr) return MakeError(Code::kPrecondition, why);
  return newest->certificate;
}

const crypto::CmsSigner* KeyBook::SignerFor(const std::string& mail_from) const {
  const auto own = user_signers_.find(CanonicalAddress(mail_from));
  if (own != user_signers_.end()) return &own->second;
  return organization_signer_ ? &*organization_signer_ : nullptr;
}

v1::Certificate KeyBook::Describe(const Entry& entry, TimePoint now) const {
  v1::Certificate out;
  out.set_fingerprint_sha256(entry.certificate.fingerprint());
  for (const std::string& address : entry.addresses) out.add_addresses(address);
  out.set_subject(entry.certificate.subject());
  out.set_issuer(entry.certificate.issuer());
  *out.mutable_not_before() = ToProto(entry.certificate.not_before());
  *out.mutable_not_after() = ToProto(entry.certificate.not_after());
  out.set_algorithm(entry.certificate.algorithm());
  out.set_problem(Problem(entry, now));
  out.set_usable(out.problem().empty());
  return out;
}

std::vector<v1::Certificate> KeyBook::List(const std::string& address) const {
  const TimePoint now = around_.clock.Now();
  const std::string wanted = CanonicalAddress(address);
  const std::scoped_lock lock(mutex_);
  std::vector<v1::Certificate> all;
  for (const auto& [fingerprint, entry] : certificates_) {
    if (!address.empty() && std::find(entry.addresses.begin(), entry.addresses.end(), wanted) == entry.addresses.end())
      continue;
    all.push_back(Describe(entry, now));
  }
  return all;
}

std::optional<AgreedPassword> KeyBook::AgreedFor(const std::vector<std::string>& recipients) const {
  const std::scoped_lock lock(mutex_);
  std::optional<AgreedPassword> agreed;
  for (const std::string& recipient : recipients) {
    const std::string canonical = CanonicalAddress(recipient);
    auto found = passwords_.find(canonical);
    if (found == passwords_.end()) found = passwords_.find(DomainOf(canonical));
    if (found == passwords_.end() || (agreed && agreed->id != found->second.id)) return std::nullopt;
    agreed = found->second;
  }
  return agreed;
}

// The id says nothing of the recipient without the ring's key.
Status KeyBook::RememberPassword(const std::string& recipient, const Secret<std::string>& password) {
  const std::string canonical = CanonicalAddress(recipient);
  SEKISHO_TRY(const std::string index, around_.keys.BlindIndex("agreed-password", canonical));
  const std::scoped_lock lock(mutex_);
  passwords_.insert_or_assign(canonical, AgreedPassword{HexEncode(index).substr(0, 12), password});
  return Ok();
}

Result<std::string> KeyBook::Agree(const std::string& recipient, const Secret<std::string>& password) {
  SEKISHO_RETURN_IF_ERROR(CheckRecipient(recipient));
  SEKISHO_RETURN_IF_ERROR(CheckPassword(password));
  const std::string canonical = CanonicalAddress(recipient);
  v1::StoredPassword stored;
  stored.set_recipient(canonical);
  stored.set_password(password.Reveal());
  const std::scoped_lock changing(change_mutex_);
  SEKISHO_RETURN_IF_ERROR(StorePassword(around_.database, around_.keys, stored));
  ++changes_;
  SEKISHO_RETURN_IF_ERROR(RememberPassword(canonical, password));
  const std::scoped_lock lock(mutex_);
  return passwords_.at(canonical).id;
}

TimePoint KeyBook::EarliestExpiry() const {
  const std::scoped_lock lock(mutex_);
  TimePoint earliest = TimePoint::max();
  for (const auto& [address, fingerprints] : by_address_) {
    TimePoint last = TimePoint::min();
    for (const std::string& fingerprint : fingerprints)
      last = std::max(last, certificates_.at(fingerprint).certificate.not_after());
    earliest = std::min(earliest, last);
  }
  if (organization_signer_) earliest = std::min(earliest, organization_signer_->certificate().not_after());
  for (const auto& [address, signer] : user_signers_) earliest = std::min(earliest, signer.certificate().not_after());
  return earliest;
}

}  // namespace sekisho::encryption

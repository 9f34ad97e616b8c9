#include "services/encryption/adapters/key_book.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/config/loader.h"
#include "shared/crypto/aead.h"
#include "shared/crypto/digest.h"
#include "shared/stage/proto_time.h"
#include "shared/text/domain.h"

namespace sekisho::encryption {
namespace {

constexpr size_t kShortestPassword = 12;
constexpr size_t kMostVerified = 20'000;

const store::Migration kMigrations[] = {
    // Addresses stand only inside the sealed columns; certificates are public, but say who writes to whom.
    {1,
     "CREATE TABLE {encryption.certificate} (fingerprint TEXT NOT NULL PRIMARY KEY, sealed {blob} NOT NULL);\n"
     "CREATE TABLE {encryption.agreed_password} (recipient {blob} NOT NULL PRIMARY KEY, sealed {blob} NOT NULL);\n"
     "CREATE TABLE {encryption.password} (mail {blob} NOT NULL, parcel {blob} NOT NULL PRIMARY KEY, sealed {blob} NOT NULL, "
     "open INTEGER NOT NULL, told INTEGER NOT NULL);\n"},
};
const store::Statement kPutCertificate(
    "INSERT INTO {encryption.certificate} (fingerprint, sealed) VALUES ($1, $2) ON CONFLICT (fingerprint) DO UPDATE SET "
    "sealed = excluded.sealed");
const store::Statement kAllCertificates("SELECT fingerprint, sealed FROM {encryption.certificate}");
const store::Statement kPutPassword(
    "INSERT INTO {encryption.agreed_password} (recipient, sealed) VALUES ($1, $2) ON CONFLICT (recipient) DO UPDATE SET "
    "sealed = excluded.sealed");
const store::Statement kAllPasswords("SELECT sealed FROM {encryption.agreed_password}");

Result<std::string> SealForUs(keys::KeyRing& keys, std::string_view context, std::string_view plaintext) {
  SEKISHO_TRY(const Secret<std::string> key, keys.PurposeKey("encryption-book"));
  return crypto::AeadSeal(key, context, plaintext);
}
Result<std::string> OpenOurs(keys::KeyRing& keys, std::string_view context, std::string_view sealed) {
  SEKISHO_TRY(const Secret<std::string> key, keys.PurposeKey("encryption-book"));
  return crypto::AeadOpen(key, context, sealed);
}

std::string DomainOf(const std::string& address) {
  const size_t at = address.rfind('@');
  return at == std::string::npos ? address : address.substr(at + 1);
}

Result<crypto::CmsSigner> MakeSigner(const config::v1::Signer& signer, TimePoint now) {
  SEKISHO_TRY(const std::string pem, config::ReadWholeFile(signer.certificate_file()));
  auto chain = crypto::Certificate::ParseBundle(pem);
  if (!chain.ok()) return Annotate(chain.error(), signer.certificate_file());
  auto key = crypto::PrivateKey::FromFile(signer.key_file());
  if (!key.ok()) return Annotate(key.error(), signer.key_file());
  auto made = crypto::CmsSigner::Create(*std::move(key), chain->front(), {chain->begin() + 1, chain->end()}, now);
  if (!made.ok()) return Annotate(made.error(), signer.certificate_file());
  return made;
}

}  // namespace

std::string CanonicalAddress(std::string_view address) {
  const size_t at = address.rfind('@');
  const auto domain = text::DomainToAscii(address.substr(at == std::string_view::npos ? 0 : at + 1));
  const std::string canonical = domain.ok() ? *domain : AsciiLower(address.substr(at == std::string_view::npos ? 0 : at + 1));
  return at == std::string_view::npos ? canonical : AsciiLower(address.substr(0, at)) + "@" + canonical;
}

KeyBook::KeyBook(const config::v1::Encryption& config, const stage::Surroundings& surroundings)
    : config_(config), around_(surroundings) {}

Status KeyBook::Open() {
  SEKISHO_RETURN_IF_ERROR(around_.database.Migrate("encryption", kMigrations));
  std::vector<crypto::Certificate> anchors;
  if (!config_.trust_file().empty()) {
    SEKISHO_TRY(const std::string pem, config::ReadWholeFile(config_.trust_file()));
    auto parsed = crypto::Certificate::ParseBundle(pem);
    if (!parsed.ok()) return Annotate(parsed.error(), config_.trust_file());
    anchors = *std::move(parsed);
  }
  trust_.emplace(anchors);
  SEKISHO_RETURN_IF_ERROR(LoadSigners());
  SEKISHO_RETURN_IF_ERROR(LoadCertificates());
  return LoadPasswords();
}

Status KeyBook::LoadSigners() {
  const TimePoint now = around_.clock.Now();
  if (config_.has_organization_signer()) {
    SEKISHO_TRY(organization_signer_, MakeSigner(config_.organization_signer(), now));
  }
  for (const config::v1::Signer& signer : config_.user_signers()) {
    SEKISHO_TRY(crypto::CmsSigner made, MakeSigner(signer, now));
    user_signers_.emplace(CanonicalAddress(signer.address()), std::move(made));
  }
  return Ok();
}

Status KeyBook::LoadCertificates() {
  // What was imported is kept even when it has ended meanwhile: the list says so.
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) {
    return tx.Query(kAllCertificates, {}, [&](const store::Row& row) -> Status {
      SEKISHO_TRY(const std::string text, OpenOurs(around_.keys, "certificate:" + std::string(row.Text(0)), row.Blob(1)));
      const size_t line = std::min(text.find('\n'), text.size());
      auto bundle = crypto::Certificate::ParseBundle(std::string_view(text).substr(std::min(line + 1, text.size())));
      if (!bundle.ok()) return MakeError(Code::kCorrupt, "a stored certificate cannot be read");
      Entry entry{bundle->front(), {bundle->begin() + 1, bundle->end()}, {}, {}};
      if (line > 0) entry.addresses = {text.substr(0, line)};
      for (const std::string& address : entry.certificate.addresses()) entry.addresses.push_back(CanonicalAddress(address));
      Remember(std::move(entry));
      return Ok();
    });
  }));
  for (const std::string& file : config_.certificate_files()) {
    SEKISHO_TRY(const std::string pem, config::ReadWholeFile(file));
    auto checked = Check(pem, "");
    if (!checked.ok()) return Annotate(checked.error(), file);
    Remember(*std::move(checked));
  }
  return Ok();
}

Status KeyBook::LoadPasswords() {
  const auto remember = [&](const std::string& recipient, const std::string& password) {
    const std::string id = HexEncode(crypto::Sha256("agreed:" + recipient)).substr(0, 12);
    passwords_.insert_or_assign(CanonicalAddress(recipient), AgreedPassword{id, Secret<std::string>(password)});
  };
  for (const config::v1::AgreedPassword& agreed : config_.agreed_passwords()) {
    SEKISHO_TRY(const std::string password, config::ReadSecretFile(agreed.password_file()));
    if (password.size() < kShortestPassword) {
      return MakeError(Code::kInvalid, agreed.password_file() + ": an agreed password has 12 characters or more");
    }
    remember(agreed.recipient(), password);
  }
  return around_.database.Read([&](store::Tx& tx) {
    return tx.Query(kAllPasswords, {}, [&](const store::Row& row) -> Status {
      SEKISHO_TRY(const std::string text, OpenOurs(around_.keys, "agreed-password", row.Blob(0)));
      const size_t line = text.find('\n');
      if (line == std::string::npos) return MakeError(Code::kCorrupt, "a stored password cannot be read");
      remember(text.substr(0, line), text.substr(line + 1));
      return Ok();
    });
  });
}

Result<KeyBook::Entry> KeyBook::Check(std::string_view pem_or_der, const std::string& address) const {
  SEKISHO_TRY(std::vector<crypto::Certificate> bundle, crypto::Certificate::ParseBundle(pem_or_der));
  Entry entry{bundle.front(), {bundle.begin() + 1, bundle.end()}, {}, {}};
  for (const std::string& named : entry.certificate.addresses()) entry.addresses.push_back(CanonicalAddress(named));
  if (entry.addresses.empty() && address.empty()) {
    return MakeError(Code::kInvalid, "the certificate names no mail address; say whose it is with --address");
  }
  if (!address.empty()) {
    const std::string wanted = CanonicalAddress(address);
    if (!entry.addresses.empty() && std::find(entry.addresses.begin(), entry.addresses.end(), wanted) == entry.addresses.end()) {
      return MakeError(Code::kInvalid, "the certificate names another address than the one given");
    }
    if (entry.addresses.empty()) entry.addresses = {wanted};
  }
  const auto verified = crypto::VerifyForEncryption(entry.certificate, entry.chain, *trust_, "", around_.clock.Now());
  if (!verified.ok()) return MakeError(Code::kInvalid, verified.error().detail);
  return entry;
}

void KeyBook::Remember(Entry entry) {
  const std::scoped_lock lock(mutex_);
  const std::string fingerprint = entry.certificate.fingerprint();
  for (const std::string& address : entry.addresses) {
    auto& known = by_address_[address];
    if (std::find(known.begin(), known.end(), fingerprint) == known.end()) known.push_back(fingerprint);
  }
  certificates_.insert_or_assign(fingerprint, std::move(entry));
}

Result<v1::Certificate> KeyBook::Import(std::string_view pem_or_der, const std::string& address) {
  SEKISHO_TRY(Entry entry, Check(pem_or_der, address));
  std::string text = entry.certificate.addresses().empty() ? CanonicalAddress(address) : "";
  text += "\n" + entry.certificate.Pem();
  for (const crypto::Certificate& link : entry.chain) text += link.Pem();
  const std::string fingerprint = entry.certificate.fingerprint();
  SEKISHO_TRY(const std::string sealed, SealForUs(around_.keys, "certificate:" + fingerprint, text));
  SEKISHO_RETURN_IF_ERROR(around_.database.RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kPutCertificate, {std::string_view(fingerprint), store::Octets{sealed}}));
    return Ok();
  }));
  v1::Certificate described = Describe(entry, around_.clock.Now());
  Remember(std::move(entry));
  return described;
}

std::string KeyBook::Usable(const Entry& entry, const std::string& address, TimePoint now) const {
  const std::string key = entry.certificate.fingerprint() + ":" + address;
  if (const auto known = verified_.find(key); known != verified_.end() && known->second.Contains(now)) return {};
  const auto verified = crypto::VerifyForEncryption(entry.certificate, entry.chain, *trust_, "", now);
  if (!verified.ok()) return verified.error().detail;
  if (verified_.size() >= kMostVerified) verified_.clear();
  verified_.insert_or_assign(key, *verified);
  return {};
}

Result<crypto::Certificate> KeyBook::FindFor(const std::string& address, TimePoint now) const {
  const std::scoped_lock lock(mutex_);
  const auto known = by_address_.find(CanonicalAddress(address));
  if (known == by_address_.end()) return MakeError(Code::kPrecondition, "there is no certificate of this recipient");
  const Entry* best = nullptr;
  std::string why;
  for (const std::string& fingerprint : known->second) {
    const Entry& entry = certificates_.at(fingerprint);
    const std::string problem = Usable(entry, known->first, now);
    if (!problem.empty()) why = problem;
    else if (best == nullptr || entry.certificate.not_before() > best->certificate.not_before()) best = &entry;
  }
  if (best == nullptr) return MakeError(Code::kPrecondition, "this recipient's certificate cannot be used: " + why);
  return best->certificate;
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
  out.set_problem(Usable(entry, "", now));
  out.set_usable(out.problem().empty());
  return out;
}

Result<std::vector<v1::Certificate>> KeyBook::List(const std::string& address) const {
  const std::scoped_lock lock(mutex_);
  const std::string wanted = CanonicalAddress(address);
  std::vector<v1::Certificate> all;
  for (const auto& [fingerprint, entry] : certificates_) {
    if (!address.empty() && std::find(entry.addresses.begin(), entry.addresses.end(), wanted) == entry.addresses.end()) continue;
    all.push_back(Describe(entry, around_.clock.Now()));
  }
  return all;
}

std::optional<KeyBook::AgreedPassword> KeyBook::AgreedFor(const std::vector<std::string>& recipients) const {
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

Result<std::string> KeyBook::Agree(const std::string& recipient, const Secret<std::string>& password) {
  if (recipient.empty() || recipient.find('\n') != std::string::npos) return MakeError(Code::kInvalid, "recipient: an address or a domain");
  if (password.Reveal().size() < kShortestPassword || password.Reveal().find('\n') != std::string::npos) {
    return MakeError(Code::kInvalid, "password: 12 characters or more, on one line");
  }
  const std::string canonical = CanonicalAddress(recipient);
  SEKISHO_TRY(const std::string index, around_.keys.BlindIndex("agreed-password", canonical));
  SEKISHO_TRY(const std::string sealed, SealForUs(around_.keys, "agreed-password", canonical + "\n" + password.Reveal()));
  SEKISHO_RETURN_IF_ERROR(around_.database.RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kPutPassword, {store::Octets{index}, store::Octets{sealed}}));
    return Ok();
  }));
  const std::string id = HexEncode(crypto::Sha256("agreed:" + canonical)).substr(0, 12);
  const std::scoped_lock lock(mutex_);
  passwords_.insert_or_assign(canonical, AgreedPassword{id, password});
  return id;
}

TimePoint KeyBook::EarliestExpiry() const {
  const std::scoped_lock lock(mutex_);
  TimePoint earliest = TimePoint::max();
  for (const auto& [fingerprint, entry] : certificates_) earliest = std::min(earliest, entry.certificate.not_after());
  if (organization_signer_) earliest = std::min(earliest, organization_signer_->certificate().not_after());
  return earliest;
}

}  // namespace sekisho::encryption

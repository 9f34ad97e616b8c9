#include "services/encryption/adapters/processor.h"

#include "services/encryption/adapters/password_table.h"
#include "services/encryption/domain/parcel_check.h"
#include "shared/observe/metrics.h"
#include "shared/stage/proto_time.h"

namespace sekisho::encryption {
namespace {

// What is kept of a password: itself, and the subject, for the mail that tells it.
std::string PackPassword(const Secret<std::string>& password, const std::string& subject) {
  return password.Reveal() + "\n" + subject;
}

std::string PasswordContext(const ParcelId& parcel) { return "encryption.password:" + std::string(parcel.octets()); }

void Count(const char* name, const char* help, const std::string& label) {
  observe::Metrics::Global().GetCounter(name, help, {{"rung", label}}).Add();
}

}  // namespace

Result<stage::Effects> Processor::Process(const stage::Input& input) {
  return input.topic == bus::Topic::kOutcome ? OnOutcome(input) : OnCleared(input);
}

Result<stage::Effects> Processor::OnCleared(const stage::Input& input) {
  mail::v1::Parcel parcel;
  mail::v1::Judgement judgement;
  if (!parcel.ParseFromString(input.value) || parcel.mail_id() != input.mail.octets()) {
    return MakeError(Code::kCorrupt, "a parcel cannot be read");
  }
  const auto& macs = parcel.judgement().mac_by_stage();
  const auto mac = macs.find(mail::v1::STAGE_ENCRYPTION);
  if (mac == macs.end()) return MakeError(Code::kCorrupt, "the judgement is not signed for encryption");
  SEKISHO_RETURN_IF_ERROR(around_.keys.CheckEdgeMac("policy", "encryption", parcel.judgement().judgement(), mac->second));
  if (!judgement.ParseFromString(parcel.judgement().judgement())) return MakeError(Code::kCorrupt, "a judgement cannot be read");
  SEKISHO_RETURN_IF_ERROR(CheckParcel(parcel, judgement, input.source));

  SEKISHO_TRY(const std::shared_ptr<const std::string> octets, content_.Read(parcel.content()));
  auto request = MakeRequest(parcel, judgement, *octets);
  if (!request.ok()) return Refuse(input, parcel, request.error());
  const auto sealed = Seal(*request);
  if (!sealed.ok()) {
    if (sealed.error().retry == Retry::kLater || sealed.error().code == Code::kInternal) return sealed.error();
    return Refuse(input, parcel, sealed.error());
  }
  Count("sekisho_encryption_sealed_total", "Parcels sealed, by rung", sealed->rung);
  return HandOn(input, std::move(parcel), *sealed);
}

Result<SealRequest> Processor::MakeRequest(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement,
                                           std::string_view octets) const {
  SealRequest request;
  request.mail = octets;
  request.treatment = judgement.treatment();
  request.now = around_.clock.Now();
  std::vector<std::string> recipients;
  for (int i = 0; i < parcel.recipients_size(); ++i) {
    recipients.push_back(parcel.recipients(i).address());
    if (!request.treatment.smime_encrypt()) continue;
    auto certificate = book_.FindFor(recipients.back(), request.now);
    if (!certificate.ok()) return Annotate(certificate.error(), "recipient " + std::to_string(i + 1));
    request.certificates.push_back(*std::move(certificate));
  }
  if (request.treatment.smime_sign() || request.treatment.smime_encrypt()) {
    request.signer = book_.SignerFor(parcel.envelope().mail_from());
  }
  if (auto agreed = book_.AgreedFor(recipients)) {
    request.agreed_password = agreed->password;
    request.agreed_password_id = agreed->id;
  }
  return request;
}

Result<stage::Effects> Processor::HandOn(const stage::Input& input, mail::v1::Parcel parcel, const Sealed& sealed) {
  SEKISHO_TRY(const ParcelId id, ParcelId::FromOctets(parcel.parcel_id()));
  const auto writer = content_.Create(input.key, input.mail, "d2-" + id.ToString());
  SEKISHO_RETURN_IF_ERROR(writer->Append(sealed.mail));
  SEKISHO_TRY(std::shared_ptr<content::Staged> staged, writer->Finish());

  mail::v1::SealRecord& seal = *parcel.mutable_seal();
  seal.set_d1_sha256(parcel.content().sha256());
  seal.set_d2_sha256(staged->ref().sha256());
  seal.set_rung(sealed.rung);
  for (const std::string& key : sealed.key_ids) seal.add_key_ids(key);
  *parcel.mutable_content() = staged->ref();
  parcel.set_hop(parcel.hop() + 1);

  mail::v1::JournalEvent event;
  event.set_mail_id(parcel.mail_id());
  event.set_parcel_id(parcel.parcel_id());
  event.set_type("sealed");
  event.set_state(mail::v1::RECIPIENT_STATE_DELIVERING);
  for (const auto& recipient : parcel.recipients()) event.add_recipients(recipient.address());
  *event.mutable_at() = ToProto(around_.clock.Now());
  event.set_detail(sealed.rung == "none" ? "nothing to seal: the mail has no attachments" : sealed.rung);
  event.set_content_sha256(staged->ref().sha256());

  std::optional<PasswordRow> row;
  if (sealed.password) {
    SEKISHO_TRY(std::string blob,
                around_.keys.Seal(input.key, PasswordContext(id), PackPassword(*sealed.password, parcel.subject())));
    row = PasswordRow{input.mail, id, std::move(blob), parcel.recipients_size(), false};
  }
  return stage::Effects([mail = input.mail, key = input.key, staged = std::move(staged), parcel = std::move(parcel),
                         event = std::move(event), row = std::move(row)](store::Tx& tx, stage::Outbox& outbox) -> Status {
    SEKISHO_RETURN_IF_ERROR(staged->Attach(tx));
    if (row) SEKISHO_RETURN_IF_ERROR(PutPassword(tx, *row));
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSealed, key, mail, parcel));
    return outbox.Journal(key, event);
  });
}

NoticeAbout Processor::About(const mail::v1::Submitter& submitter, const std::string& mail_from, const std::string& subject,
                             const MailId& notice) const {
  NoticeAbout about;
  about.from = names_.notice_from;
  about.to = mail_from;
  about.language = submitter.display_language().empty() ? names_.default_language : submitter.display_language();
  about.subject = subject;
  about.date = around_.clock.Now();
  about.message_id = "<" + notice.ToString() + "@" + names_.hostname + ">";
  return about;
}

// Cannot be sealed, now or later: the parcel goes back to its sender, and nothing goes out.
Result<stage::Effects> Processor::Refuse(const stage::Input& input, const mail::v1::Parcel& parcel, const Error& error) {
  Count("sekisho_encryption_refused_total", "Parcels that could not be sealed", std::string(CodeName(error.code)));
  mail::v1::Outcome outcome;
  outcome.set_organization_id(parcel.organization_id());
  outcome.set_mail_id(parcel.mail_id());
  outcome.set_parcel_id(parcel.parcel_id());
  outcome.set_state(mail::v1::RECIPIENT_STATE_REJECTED);
  *outcome.mutable_submitter() = parcel.submitter();
  outcome.set_mail_from(parcel.envelope().mail_from());
  *outcome.mutable_at() = ToProto(around_.clock.Now());
  outcome.set_detail("could not be sealed: " + error.detail);
  mail::v1::JournalEvent event;
  event.set_mail_id(parcel.mail_id());
  event.set_parcel_id(parcel.parcel_id());
  event.set_type("rejected");
  event.set_state(mail::v1::RECIPIENT_STATE_REJECTED);
  *event.mutable_at() = outcome.at();
  event.set_detail(outcome.detail());
  for (const auto& recipient : parcel.recipients()) {
    outcome.add_recipients(recipient.address());
    event.add_recipients(recipient.address());
  }
  std::optional<SystemMail> notice;
  if (!parcel.envelope().mail_from().empty()) {
    const MailId id = MailId::Generate(around_.clock.Now());
    NoticeAbout about = About(parcel.submitter(), parcel.envelope().mail_from(), parcel.subject(), id);
    about.recipients = {outcome.recipients().begin(), outcome.recipients().end()};
    SEKISHO_TRY(const std::string octets, WriteRefusalNotice(about, error.detail));
    SEKISHO_TRY(notice, MakeSystemMail(around_, content_, id, mail::v1::SYSTEM_MAIL_NOTICE, octets, about.to, RefusalSubject(about),
                                       input.mail));
  }
  return stage::Effects([mail = input.mail, key = input.key, outcome = std::move(outcome), event = std::move(event),
                         notice = std::move(notice)](store::Tx& tx, stage::Outbox& outbox) -> Status {
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kOutcome, key, mail, outcome));
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, event));
    return notice ? notice->Send(tx, outbox) : Ok();
  });
}

Result<stage::Effects> Processor::OnOutcome(const stage::Input& input) {
  mail::v1::Outcome outcome;
  if (!outcome.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "an outcome cannot be read");
  const stage::Effects nothing;
  if (outcome.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED || outcome.parcel_id().empty()) return nothing;
  SEKISHO_TRY(const ParcelId parcel, ParcelId::FromOctets(outcome.parcel_id()));
  std::optional<PasswordRow> row;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(row, FindPassword(tx, parcel));
    return Ok();
  }));
  if (!row) return nothing;
  const bool arrived = outcome.state() == mail::v1::RECIPIENT_STATE_DELIVERED || outcome.state() == mail::v1::RECIPIENT_STATE_RELAYED;
  std::optional<SystemMail> notice;
  if (arrived && !outcome.mail_from().empty()) {
    SEKISHO_TRY(const keys::Opened opened, around_.keys.Open(row->sealed, PasswordContext(parcel)));
    const size_t line = std::min(opened.plaintext.find('\n'), opened.plaintext.size());
    const MailId id = MailId::Generate(around_.clock.Now());
    NoticeAbout about = About(outcome.submitter(), outcome.mail_from(), opened.plaintext.substr(std::min(line + 1, opened.plaintext.size())), id);
    about.recipients = {outcome.recipients().begin(), outcome.recipients().end()};
    SEKISHO_TRY(const std::string octets, WritePasswordNotice(about, Secret<std::string>(opened.plaintext.substr(0, line))));
    SEKISHO_TRY(notice, MakeSystemMail(around_, content_, id, mail::v1::SYSTEM_MAIL_PASSWORD, octets, about.to,
                                       PasswordSubject(about), input.mail));
  }
  return stage::Effects([parcel, arrived, ended = static_cast<int64_t>(outcome.recipients_size()), key = input.key, mail = input.mail,
                         notice = std::move(notice)](store::Tx& tx, stage::Outbox& outbox) -> Status {
    // Asked again here: two outcomes of one parcel may have been read side by side.
    SEKISHO_TRY(const auto now, FindPassword(tx, parcel));
    if (!now) return Ok();
    const bool tell = notice && !now->told;
    SEKISHO_RETURN_IF_ERROR(UpdatePassword(tx, parcel, ended, now->told || tell));
    if (!tell) return Ok();
    mail::v1::JournalEvent event;
    event.set_mail_id(std::string(mail.octets()));
    event.set_parcel_id(std::string(parcel.octets()));
    event.set_type("password_told");
    event.set_detail("the sender was told the password");
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, std::move(event)));
    return notice->Send(tx, outbox);
  });
}

}  // namespace sekisho::encryption

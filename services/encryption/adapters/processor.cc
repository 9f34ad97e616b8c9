#include "services/encryption/adapters/processor.h"

#include "sekisho/encryption/v1/stored.pb.h"
#include "services/encryption/domain/notices.h"
#include "shared/observe/metrics.h"
#include "shared/parcel/check.h"
#include "shared/parcel/judgement.h"
#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"

namespace sekisho::encryption {
namespace {

std::string PasswordContext(const ParcelId& parcel) { return "encryption.password:" + parcel.ToString(); }

void Count(const char* name, const char* help, const char* label, std::string_view value) {
  observe::Metrics::Global().GetCounter(name, help, {{label, std::string(value)}}).Add();
}

std::vector<std::string> AddressesOf(const mail::v1::Parcel& parcel) {
  std::vector<std::string> addresses;
  for (const auto& recipient : parcel.recipients()) addresses.push_back(recipient.address());
  return addresses;
}

mail::v1::JournalEvent EventOf(const mail::v1::Parcel& parcel, const char* type, mail::v1::RecipientState state,
                               TimePoint now) {
  mail::v1::JournalEvent event = parcel::EventAbout(parcel);
  event.set_type(type);
  event.set_state(state);
  *event.mutable_at() = ToProto(now);
  return event;
}

// The rung and the first keys; the seal record has them all.
std::string DetailOf(const Sealed& sealed) {
  constexpr size_t kKeys = 10, kKeyShown = 32;
  if (sealed.unchanged) return "none: there is nothing to seal in this mail";
  std::string detail = sealed.rung;
  for (size_t i = 0; i < sealed.key_ids.size() && i < kKeys; ++i)
    detail += (i == 0 ? "; keys " : " ") + sealed.key_ids[i].substr(0, kKeyShown);
  if (sealed.key_ids.size() > kKeys) detail += " and " + std::to_string(sealed.key_ids.size() - kKeys) + " more";
  return detail;
}

}  // namespace

Result<stage::Effects> Processor::Process(const stage::Input& input) {
  return input.topic == bus::Topic::kOutcome ? OnOutcome(input) : OnCleared(input);
}

Result<stage::Effects> Processor::OnCleared(const stage::Input& input) {
  mail::v1::Parcel parcel;
  if (!parcel.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a parcel cannot be read");
  SEKISHO_TRY(const mail::v1::Judgement judgement,
              parcel::OpenJudgement(around_.keys, parcel, mail::v1::STAGE_ENCRYPTION));
  SEKISHO_RETURN_IF_ERROR(parcel::CheckJudged(parcel, judgement, {input.mail, input.source, around_.organization_id},
                                              mail::v1::STAGE_ENCRYPTION));
  SEKISHO_TRY(const ParcelId id, ParcelId::FromOctets(parcel.parcel_id()));
  SEKISHO_TRY(const std::shared_ptr<const std::string> octets, content_.Read(parcel.content()));

  SEKISHO_RETURN_IF_ERROR(book_.Refresh());
  const auto writer = content_.Create(input.key, input.mail, "d2-" + id.ToString());
  SEKISHO_TRY(const auto outcome, Seal(MakeRequest(parcel, judgement, *octets),
                                       [&](std::string_view piece) { return writer->Append(piece); }));
  if (const auto* refusal = std::get_if<Refusal>(&outcome)) return Refuse(input, parcel, *refusal);
  const Sealed& sealed = std::get<Sealed>(outcome);
  std::shared_ptr<content::Staged> staged;  // none when nothing was changed: D2 is D1
  if (!sealed.unchanged) {
    SEKISHO_TRY(staged, writer->Finish());
  }
  return HandOn(input, std::move(parcel), sealed, std::move(staged));
}

SealRequest Processor::MakeRequest(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement,
                                   std::string_view octets) const {
  SealRequest request;
  request.mail = octets;
  request.limits = limits_;
  request.treatment = judgement.treatment();
  request.now = around_.clock.Now();
  const std::vector<std::string> recipients = AddressesOf(parcel);
  if (request.treatment.smime_encrypt()) {
    for (const std::string& recipient : recipients)
      request.certificates.push_back(book_.FindFor(recipient, request.now));
  }
  request.signer = book_.SignerFor(parcel.envelope().mail_from());
  request.agreed = book_.AgreedFor(recipients);
  request.sender_can_be_told = !parcel.envelope().mail_from().empty();
  return request;
}

Result<stage::Effects> Processor::HandOn(const stage::Input& input, mail::v1::Parcel parcel, const Sealed& sealed,
                                         std::shared_ptr<content::Staged> staged) {
  std::optional<PasswordRow> row;
  if (sealed.password) {
    SEKISHO_TRY(const ParcelId id, ParcelId::FromOctets(parcel.parcel_id()));
    v1::PendingPassword pending;
    pending.set_password(sealed.password->Reveal());
    for (std::string& address : AddressesOf(parcel)) pending.add_recipients(std::move(address));
    pending.set_subject(parcel.subject());
    pending.set_mail_from(parcel.envelope().mail_from());
    pending.set_language(parcel.submitter().display_language());
    SEKISHO_TRY(std::string blob, around_.keys.Seal(input.key, PasswordContext(id), pending.SerializeAsString()));
    row = PasswordRow{input.mail, id, std::move(blob), parcel.recipients_size()};
  }
  mail::v1::SealRecord& seal = *parcel.mutable_seal();
  seal.set_d1_sha256(parcel.content().sha256());
  if (staged) *parcel.mutable_content() = staged->ref();
  seal.set_d2_sha256(parcel.content().sha256());
  seal.set_rung(sealed.rung);
  for (const std::string& key : sealed.key_ids) seal.add_key_ids(key);
  parcel.set_hop(parcel.hop() + 1);
  mail::v1::JournalEvent event = EventOf(parcel, "sealed", mail::v1::RECIPIENT_STATE_DELIVERING, around_.clock.Now());
  event.set_detail(DetailOf(sealed));

  Count("sekisho_encryption_sealed_total", "Parcels sealed, by rung", "rung", sealed.rung);
  return stage::Effects([mail = input.mail, key = input.key, staged = std::move(staged), parcel = std::move(parcel),
                         event = std::move(event),
                         row = std::move(row)](store::Tx& tx, stage::Outbox& outbox) -> Status {
    if (staged) SEKISHO_RETURN_IF_ERROR(staged->Attach(tx));
    if (row) SEKISHO_RETURN_IF_ERROR(PutPassword(tx, *row));
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSealed, key, mail, parcel));
    return outbox.Journal(key, event);
  });
}

// Cannot be sealed, now or later: the parcel goes back to its sender, and nothing goes out.
Result<stage::Effects> Processor::Refuse(const stage::Input& input, const mail::v1::Parcel& parcel,
                                         const Refusal& refusal) {
  const TimePoint now = around_.clock.Now();
  mail::v1::JournalEvent event = EventOf(parcel, "rejected", mail::v1::RECIPIENT_STATE_REJECTED, now);
  std::string detail = "could not be sealed: " + refusal.en;
  for (const Refusal::Lacking& lacking : refusal.lacking) {
    detail += "; recipient " + std::to_string(lacking.recipient + 1) + ": " + lacking.why;
  }
  event.set_detail(detail);
  mail::v1::Outcome outcome = parcel::OutcomeAbout(parcel, mail::v1::RECIPIENT_STATE_REJECTED, now);
  outcome.set_detail(detail);
  std::optional<notice::SystemMail> notice;
  if (!parcel.envelope().mail_from().empty()) {  // the null sender gets none: there is nobody to tell (RFC 5321 §4.5.5)
    const NoticeAbout about{parcel.envelope().mail_from(), notices_.LanguageFor(parcel.submitter().display_language()),
                            parcel.subject(), AddressesOf(parcel)};
    SEKISHO_TRY(notice, notices_.Write(WriteRefusalNotice(about, refusal), input.mail));
  }
  Count("sekisho_encryption_refused_total", "Parcels that could not be sealed, by cause", "cause", refusal.cause);
  return stage::Effects([mail = input.mail, key = input.key, outcome = std::move(outcome), event = std::move(event),
                         notice = std::move(notice)](store::Tx& tx, stage::Outbox& outbox) -> Status {
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kOutcome, key, mail, outcome));
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, event));
    return notice ? notice->Publish(tx, outbox) : Ok();
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
  if (row->mail != input.mail) return MakeError(Code::kCorrupt, "an outcome is of another mail than its parcel");
  if (outcome.state() != mail::v1::RECIPIENT_STATE_DELIVERED && outcome.state() != mail::v1::RECIPIENT_STATE_RELAYED) {
    return stage::Effects([parcel, ended = int64_t{outcome.recipients_size()}](store::Tx& tx, stage::Outbox&) {
      return CountDown(tx, parcel, ended);
    });
  }
  SEKISHO_TRY(const notice::SystemMail mail, WritePasswordMail(*row));
  mail::v1::JournalEvent event;
  event.set_mail_id(outcome.mail_id());
  event.set_parcel_id(outcome.parcel_id());
  event.set_type("password_told");
  event.set_detail("the sender is told the password in mail " + mail.id.ToString());
  return stage::Effects(
      [parcel, key = input.key, mail, event = std::move(event)](store::Tx& tx, stage::Outbox& outbox) -> Status {
        // Who takes the row away tells it: another outcome of this parcel may have done so meanwhile.
        SEKISHO_TRY(const bool mine, ForgetPassword(tx, parcel));
        if (!mine) return Ok();
        SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, event));
        return mail.Publish(tx, outbox);
      });
}

Result<notice::SystemMail> Processor::WritePasswordMail(const PasswordRow& row) const {
  SEKISHO_TRY(const keys::Opened opened, around_.keys.Open(row.sealed, PasswordContext(row.parcel)));
  v1::PendingPassword pending;
  if (!pending.ParseFromString(opened.plaintext)) return MakeError(Code::kCorrupt, "a kept password cannot be read");
  const NoticeAbout about{pending.mail_from(),
                          notices_.LanguageFor(pending.language()),
                          pending.subject(),
                          {pending.recipients().begin(), pending.recipients().end()}};
  return notices_.Write(WritePasswordNotice(about, Secret<std::string>(pending.password())), row.mail);
}

}  // namespace sekisho::encryption

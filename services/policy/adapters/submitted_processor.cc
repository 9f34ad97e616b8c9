#include "services/policy/adapters/submitted_processor.h"

#include <map>
#include <utility>

#include "services/policy/domain/edits.h"
#include "services/policy/domain/rejection_notice.h"
#include "shared/observe/metrics.h"
#include "shared/parcel/judgement.h"
#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

constexpr size_t kSubjectCharacters = 200;

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

bus::Topic FirstTopic(const mail::v1::Judgement& judgement) {
  switch (judgement.slip(0)) {
    case mail::v1::STAGE_APPROVAL:
      return bus::Topic::kJudged;
    case mail::v1::STAGE_ENCRYPTION:
      return bus::Topic::kCleared;
    default:
      return bus::Topic::kSealed;
  }
}

// "hold" for every wait, however long: labels are few.
std::string LabelOf(const Treatment& treatment) {
  return treatment.hold() == mail::v1::HOLD_CLASS_TIMED ? "hold" : Actions(treatment).front();
}

void CountParcel(const PlannedParcel& parcel) {
  observe::Metrics::Global()
      .GetCounter("sekisho_policy_parcels_total", "Parcels by what is done to them first",
                  {{"action", LabelOf(parcel.treatment)}})
      .Add();
}

}  // namespace

// What the transaction writes; made once a record, shared by its runs.
class SubmittedProcessor::Plan {
 public:
  Plan(const SubmittedProcessor& processor, const stage::Input& input, const mail::v1::Mail& mail,
       const Verdict& verdict, std::shared_ptr<const std::string> raw)
      : processor_(processor),
        mail_id_(input.mail),
        key_(input.key),
        mail_(mail),
        verdict_(verdict),
        raw_(std::move(raw)),
        now_(processor.around_.clock.Now()) {
    if (verdict.model) subject_ = text::Shorten(text::ShowInvisible(verdict.model->subject), kSubjectCharacters);
  }

  Status Make() {
    for (const PlannedParcel& parcel : verdict_.parcels) {
      CountParcel(parcel);
      if (parcel.treatment.block()) {
        AddBlocked(parcel);
      } else {
        SEKISHO_RETURN_IF_ERROR(AddParcel(parcel));
      }
    }
    return blocked_.recipients.empty() ? Ok() : AddNotice();
  }

  stage::Effects Effects() && {
    struct Written {
      MailId mail;
      keys::MailKey key;
      std::vector<std::shared_ptr<content::Staged>> staged;
      std::vector<std::pair<bus::Topic, mail::v1::Parcel>> parcels;
      std::vector<mail::v1::Outcome> outcomes;
      std::vector<mail::v1::JournalEvent> events;
      std::optional<notice::SystemMail> notice;
    };
    auto written =
        std::make_shared<const Written>(Written{mail_id_, key_, std::move(staged_), std::move(parcels_),
                                                std::move(outcomes_), std::move(events_), std::move(notice_)});
    return [written](store::Tx& tx, stage::Outbox& outbox) -> Status {
      for (const auto& staged : written->staged) SEKISHO_RETURN_IF_ERROR(staged->Attach(tx));
      for (const auto& [topic, parcel] : written->parcels) {
        SEKISHO_RETURN_IF_ERROR(outbox.Publish(topic, written->key, written->mail, parcel));
      }
      for (const auto& outcome : written->outcomes) {
        SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kOutcome, written->key, written->mail, outcome));
      }
      for (const auto& event : written->events) SEKISHO_RETURN_IF_ERROR(outbox.Journal(written->key, event));
      return written->notice ? written->notice->Publish(tx, outbox) : Ok();
    };
  }

 private:
  mail::v1::Parcel ParcelOf(const PlannedParcel& planned) const {
    mail::v1::Parcel parcel;
    parcel.set_organization_id(mail_.organization_id());
    parcel.set_mail_id(mail_.mail_id());
    parcel.set_parcel_id(std::string(ParcelId::Generate(now_).octets()));
    parcel.set_hop(1);
    *parcel.mutable_envelope() = mail_.envelope();
    for (const uint32_t index : planned.recipients)
      *parcel.add_recipients() = mail_.recipients(static_cast<int>(index));
    *parcel.mutable_submitter() = mail_.submitter();
    *parcel.mutable_accepted_at() = mail_.accepted_at();
    parcel.set_subject(subject_);
    return parcel;
  }

  Status AddParcel(const PlannedParcel& planned) {
    mail::v1::Parcel parcel = ParcelOf(planned);
    SEKISHO_TRY(*parcel.mutable_content(), ContentFor(planned.treatment.to_cc_to_bcc(), parcel));
    const mail::v1::Judgement judgement = JudgementOf(planned, parcel);
    SEKISHO_TRY(*parcel.mutable_judgement(), parcel::SignJudgement(processor_.around_.keys, judgement));
    AddEvent(planned, parcel, "judged", mail::v1::RECIPIENT_STATE_JUDGED);
    parcels_.emplace_back(FirstTopic(judgement), std::move(parcel));
    return Ok();
  }

  void AddBlocked(const PlannedParcel& planned) {
    const mail::v1::Parcel parcel = ParcelOf(planned);
    AddEvent(planned, parcel, "rejected", mail::v1::RECIPIENT_STATE_REJECTED);
    mail::v1::Outcome& outcome =
        outcomes_.emplace_back(parcel::OutcomeAbout(parcel, mail::v1::RECIPIENT_STATE_REJECTED, now_));
    std::vector<std::string> rules;
    for (const mail::v1::Reason& reason : planned.reasons) rules.push_back(reason.rule_id());
    outcome.set_detail("blocked by policy " + verdict_.policy_version + ": " + Joined(rules));
    blocked_.recipients.insert(blocked_.recipients.end(), outcome.recipients().begin(), outcome.recipients().end());
    blocked_.reasons = planned.reasons;
  }

  void AddEvent(const PlannedParcel& planned, const mail::v1::Parcel& parcel, const char* type,
                mail::v1::RecipientState state) {
    mail::v1::JournalEvent& event = events_.emplace_back(parcel::EventAbout(parcel));
    event.set_type(type);
    event.set_state(state);
    *event.mutable_at() = ToProto(now_);
    event.set_detail(Joined(Actions(planned.treatment)) + " (policy " + verdict_.policy_version + ")");
    for (const mail::v1::Reason& reason : planned.reasons) *event.add_reasons() = reason;
  }

  mail::v1::Judgement JudgementOf(const PlannedParcel& planned, const mail::v1::Parcel& parcel) const {
    mail::v1::Judgement judgement;
    judgement.set_organization_id(mail_.organization_id());
    judgement.set_mail_id(mail_.mail_id());
    judgement.set_root_parcel_id(parcel.parcel_id());
    judgement.set_mail_from(mail_.envelope().mail_from());
    for (const mail::v1::Recipient& recipient : parcel.recipients()) judgement.add_recipients(recipient.address());
    judgement.set_d0_sha256(mail_.content().sha256());
    judgement.set_d1_sha256(parcel.content().sha256());
    *judgement.mutable_treatment() = planned.treatment;
    for (const mail::v1::Stage stage : SlipOf(planned.treatment)) judgement.add_slip(stage);
    judgement.set_policy_version(verdict_.policy_version);
    for (const mail::v1::Reason& reason : planned.reasons) *judgement.add_reasons() = reason;
    return judgement;
  }

  // D1 for parcels with or without the To/Cc→Bcc treatment: D0 itself where nothing changes, else stored once.
  Result<content::ContentRef> ContentFor(bool hide_recipients, const mail::v1::Parcel& parcel) {
    const auto known = contents_.find(hide_recipients);
    if (known != contents_.end()) return known->second;
    SEKISHO_TRY(const std::optional<EditedMail> edited, Edited(hide_recipients));
    content::ContentRef ref = mail_.content();
    if (edited) {
      SEKISHO_TRY(const ParcelId id, ParcelId::FromOctets(parcel.parcel_id()));
      const auto writer = processor_.content_.Create(key_, mail_id_, "d1-" + id.ToString());
      SEKISHO_RETURN_IF_ERROR(writer->Append(edited->header));
      SEKISHO_RETURN_IF_ERROR(writer->Append(edited->body));
      SEKISHO_TRY(auto staged, writer->Finish());
      ref = staged->ref();
      staged_.push_back(std::move(staged));
    }
    contents_.emplace(hide_recipients, ref);
    return ref;
  }

  Result<std::optional<EditedMail>> Edited(bool hide_recipients) const {
    if (!verdict_.model) return StripBccLines(*raw_);
    HeaderEdits edits;
    edits.hide_recipients = hide_recipients;
    edits.message_id = "<" + mail_id_.ToString() + "@" + processor_.hostname_ + ">";
    edits.date = FormatRfc5322(FromProto(mail_.accepted_at()));
    return EditMail(*raw_, *verdict_.model, edits, processor_.limits_);
  }

  // The null sender gets none: there is nobody to tell (RFC 5321 §4.5.5).
  Status AddNotice() {
    if (mail_.envelope().mail_from().empty()) return Ok();
    blocked_.to = mail_.envelope().mail_from();
    blocked_.language = processor_.notices_.LanguageFor(mail_.submitter().display_language());
    blocked_.subject = subject_;
    if (verdict_.model) blocked_.mail_message_id = verdict_.model->message_id;
    SEKISHO_TRY(notice_, processor_.notices_.Write(WriteRejection(blocked_), mail_id_));
    return Ok();
  }

  const SubmittedProcessor& processor_;
  const MailId mail_id_;
  const keys::MailKey key_;
  const mail::v1::Mail& mail_;
  const Verdict& verdict_;
  const std::shared_ptr<const std::string> raw_;
  const TimePoint now_;
  std::string subject_;
  std::map<bool, content::ContentRef> contents_;
  Rejection blocked_;
  std::vector<std::shared_ptr<content::Staged>> staged_;
  std::vector<std::pair<bus::Topic, mail::v1::Parcel>> parcels_;
  std::vector<mail::v1::Outcome> outcomes_;
  std::vector<mail::v1::JournalEvent> events_;
  std::optional<notice::SystemMail> notice_;
};

Result<stage::Effects> SubmittedProcessor::Process(const stage::Input& input) const {
  mail::v1::Mail mail;
  if (!mail.ParseFromString(input.value) || mail.recipients().empty())
    return MakeError(Code::kCorrupt, "a submitted mail cannot be read");
  SEKISHO_TRY(const std::shared_ptr<const std::string> raw, content_.Read(mail.content()));
  Question question{raw, mail.envelope().mail_from(), mail.submitter(), {}};
  for (const mail::v1::Recipient& recipient : mail.recipients()) question.recipients.push_back(recipient.address());
  SEKISHO_TRY(const Verdict verdict, judge_.Run(question));
  Plan plan(*this, input, mail, verdict, raw);
  SEKISHO_RETURN_IF_ERROR(plan.Make());
  return std::move(plan).Effects();
}

}  // namespace sekisho::policy

#include "services/approval/adapters/clerk.h"

#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

constexpr size_t kCommentInJournal = 500;  // characters

std::optional<NoticeKind> NoticeAbout(const Step& step) {
  switch (step.transition->to) {
    case State::kRejected:
      return NoticeKind::kRejected;
    case State::kExpired:
      return NoticeKind::kExpired;
    case State::kDropped:
      return NoticeKind::kDropped;
    case State::kCleared:
      if (step.event == Event::kApprove && !step.comment.empty()) return NoticeKind::kApproved;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::string DetailOf(const Change& change) {
  const Step& step = change.step;
  std::string detail;
  switch (step.event) {
    case Event::kDue:
      detail = "the hold is over";
      break;
    case Event::kRelease:
      detail = "its sender does not wait";
      break;
    case Event::kConfirm:
      detail = "its sender confirmed it";
      break;
    case Event::kRecall:
      detail = "its sender took it back";
      break;
    case Event::kApprove:
      detail = "approved as judged by policy " + change.policy_version;
      break;
    case Event::kReject:
      detail = "rejected";
      break;
    case Event::kExpire:
      detail = "nobody decided in time";
      break;
    case Event::kDrop:
      detail = "an operator removed it";
      break;
  }
  if (!step.comment.empty()) detail += ": " + text::Shorten(text::ShowInvisible(step.comment), kCommentInJournal);
  for (const auto& notice : change.notices.written) detail += "; its sender is told in mail " + notice.id.ToString();
  if (!change.notices.unwritten.empty()) {
    detail += "; no notice to its sender could be written: " + change.notices.unwritten;
  }
  return detail;
}

// Hands the parcel to the next stage of its slip.
Status HandOn(const Change& change, const MailId& mail, stage::Outbox& outbox) {
  mail::v1::Parcel parcel = change.chosen;
  parcel.set_hop(parcel.hop() + 1);
  const bool sealing = change.next == mail::v1::STAGE_ENCRYPTION;
  return outbox.Publish(sealing ? bus::Topic::kCleared : bus::Topic::kSealed, change.key, mail, parcel);
}

}  // namespace

Status PublishOutcome(const keys::MailKey& key, const mail::v1::Parcel& parcel, mail::v1::RecipientState state,
                      const std::string& detail, TimePoint at, stage::Outbox& outbox) {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(parcel.mail_id()));
  mail::v1::Outcome outcome = parcel::OutcomeAbout(parcel, state, at);
  outcome.set_detail(detail);
  return outbox.Publish(bus::Topic::kOutcome, key, mail, outcome);
}

Clerk::Clerk(const stage::Surroundings& around, content::Store& content, const Notifier& notifier)
    : around_(around), content_(content), notifier_(notifier) {}

Result<std::shared_ptr<Change>> Clerk::Prepare(const Held& held, Step step, const Authority& authority) const {
  const TimePoint now = around_.clock.Now();
  SEKISHO_TRY(Split split, SplitParcel(held.parcel(), step.recipients, ParcelId::Generate(now)));
  auto change = std::make_shared<Change>(std::move(step), held.key);
  change->parcel = held.row.parcel;
  change->version = held.row.version;
  change->chosen = std::move(split.chosen);
  change->next = NextStage(held.judgement);
  change->policy_version = held.judgement.policy_version();
  change->traceparent = held.stored.traceparent();
  change->at = now;
  if (split.rest) {
    v1::StoredParcel stored = held.stored;
    *stored.mutable_parcel() = *std::move(split.rest);
    SEKISHO_TRY(change->rest, SealStored(around_.keys, held.key, held.row.parcel, stored));
    change->child = held.row;
    SEKISHO_TRY(change->child.parcel, ParcelId::FromOctets(change->chosen.parcel_id()));
    change->child.state = change->step.transition->to;
    change->child.until = now;
    change->child.sealed.clear();
  }
  SEKISHO_RETURN_IF_ERROR(TellSender(held, authority, *change));
  return change;
}

Status Clerk::TellSender(const Held& held, const Authority& authority, Change& change) const {
  const std::optional<NoticeKind> kind = NoticeAbout(change.step);
  const std::optional<Reader> reader = SenderOf(held.parcel(), authority);
  if (!kind || !reader) return Ok();
  NoticeFacts facts = FactsOf(change.chosen, held.judgement, authority);
  facts.kind = *kind;
  facts.state = held.row.state;
  facts.files.assign(held.stored.attachment_names().begin(), held.stored.attachment_names().end());
  facts.due = held.row.until;
  facts.decider = change.step.actor_name;
  facts.comment = change.step.comment;
  std::shared_ptr<const std::string> original;
  if (change.step.transition->effect == Effect::kReturn) {
    auto read = content_.Read(change.chosen.content());
    // Content that is lost must not keep a decision from being made.
    if (!read.ok() && read.error().retry == Retry::kLater) return std::move(read).error();
    if (read.ok()) original = *std::move(read);
  }
  return notifier_.Write(std::move(facts), *reader, original.get(), change.notices);
}

Status Clerk::Apply(const Change& change, store::Tx& tx, stage::Outbox& outbox) {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(change.chosen.mail_id()));
  const State to = change.step.transition->to;
  bool current = false;
  if (change.rest.empty()) {
    SEKISHO_TRY(current, CloseRow(tx, change.parcel, change.version, to, change.at));
  } else {
    SEKISHO_TRY(current, ReplaceSealed(tx, change.parcel, change.version, change.rest));
  }
  if (!current) return Error{Code::kCancelled, Retry::kLater, "somebody else decided about this parcel just now"};
  if (!change.rest.empty()) {
    SEKISHO_TRY(const bool fresh, InsertRow(tx, change.child));
    SEKISHO_CHECK(fresh);  // its id was minted for this change
  }

  const std::string detail = DetailOf(change);
  mail::v1::RecipientState state = ToMailState(to);
  if (change.step.transition->effect == Effect::kHandOn) {
    if (change.next == mail::v1::STAGE_ENCRYPTION) state = mail::v1::RECIPIENT_STATE_SEALING;
    SEKISHO_RETURN_IF_ERROR(HandOn(change, mail, outbox));
  } else {
    SEKISHO_RETURN_IF_ERROR(PublishOutcome(change.key, change.chosen, state, detail, change.at, outbox));
  }
  mail::v1::JournalEvent event = parcel::EventAbout(change.chosen);
  event.set_type(std::string(PastTense(change.step.event)));
  event.set_state(state);
  event.set_actor(change.step.actor);
  event.set_detail(detail);
  *event.mutable_at() = ToProto(change.at);
  SEKISHO_RETURN_IF_ERROR(outbox.Journal(change.key, std::move(event)));
  return change.notices.Publish(tx, outbox);
}

}  // namespace sekisho::approval

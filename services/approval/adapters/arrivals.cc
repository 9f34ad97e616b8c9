#include "services/approval/adapters/arrivals.h"

#include "services/approval/adapters/mail_view.h"
#include "shared/parcel/check.h"
#include "shared/parcel/judgement.h"
#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"

namespace sekisho::approval {
namespace {

constexpr size_t kMaxAsked = 10;  // people who are asked to decide about one parcel
constexpr std::string_view kRecallContext = "approval.recall";

std::string DetailOf(State state, TimePoint until) {
  const std::string time = FormatRfc3339(until);
  if (state == State::kTimed) return "held until " + time;
  return "waits as " + std::string(StateName(state)) + "; returned to its sender if nobody decides until " + time;
}

}  // namespace

// A parcel that came to wait, with all that was worked out before its transaction.
struct Arrivals::Incoming {
  keys::MailKey key;
  EventId event;
  MailId mail;
  ParcelId child;  // of recipients that were recalled before it came
  v1::StoredParcel stored;
  mail::v1::Judgement judgement;
  Wait wait;
  Row row;
  Notices notices;
  TimePoint now{};

  const mail::v1::Parcel& parcel() const { return stored.parcel(); }
};

Arrivals::Arrivals(Options options, const stage::Surroundings& around, content::Store& content,
                   directory::Directory& directory, const Clerk& clerk, const Notifier& notifier,
                   observe::Metrics& metrics)
    : options_(options),
      around_(around),
      content_(content),
      directory_(directory),
      clerk_(clerk),
      notifier_(notifier),
      metrics_(metrics) {}

Result<stage::Effects> Arrivals::Process(const stage::Input& input) {
  return input.topic == bus::Topic::kControl ? Obey(input) : Take(input);
}

Result<stage::Effects> Arrivals::Take(const stage::Input& input) {
  const TimePoint now = around_.clock.Now();
  auto incoming = std::make_shared<Incoming>(
      Incoming{input.key, input.event, input.mail, ParcelId::Generate(now), {}, {}, {}, {}, {}, now});
  mail::v1::Parcel& parcel = *incoming->stored.mutable_parcel();
  if (!parcel.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a parcel cannot be read");
  SEKISHO_TRY(incoming->judgement, parcel::OpenJudgement(around_.keys, parcel, mail::v1::STAGE_APPROVAL));
  SEKISHO_RETURN_IF_ERROR(parcel::CheckJudged(
      parcel, incoming->judgement, {input.mail, input.source, around_.organization_id}, mail::v1::STAGE_APPROVAL));
  incoming->stored.set_traceparent(input.traceparent);
  incoming->wait = WaitOf(incoming->judgement.treatment(), now, options_.default_expiry);
  if (incoming->wait.state != State::kTimed) SEKISHO_RETURN_IF_ERROR(Look(*incoming));

  const DirectoryPeople people(directory_.Current());
  const auto& senders = incoming->stored.header_senders();
  const Authority authority(OriginOf(parcel, {senders.begin(), senders.end()}), people);
  SEKISHO_RETURN_IF_ERROR(WriteNotices(*incoming, authority, people));

  Row& row = incoming->row;
  SEKISHO_TRY(row.parcel, ParcelId::FromOctets(parcel.parcel_id()));
  row.mail = input.mail;
  if (authority.sender()) {
    SEKISHO_TRY(row.sender, around_.keys.BlindIndex("principal", authority.sender()->login));
  }
  row.state = incoming->wait.state;
  row.held_at = now;
  row.until = incoming->wait.until;
  return stage::Effects([this, incoming](store::Tx& tx, stage::Outbox& outbox) { return Keep(*incoming, tx, outbox); });
}

Status Arrivals::Look(Incoming& incoming) const {
  SEKISHO_TRY(const std::shared_ptr<const std::string> raw, content_.Read(incoming.parcel().content()));
  MailView view = ViewMail(*raw, options_.limits);
  for (std::string& name : view.attachment_names) incoming.stored.add_attachment_names(std::move(name));
  for (std::string& address : view.header_senders) incoming.stored.add_header_senders(std::move(address));
  // Who may not approve it can't be told: then it is for a security officer.
  const State state = incoming.wait.state;
  if (!view.senders_known && (state == State::kApproval || state == State::kUnreadable))
    incoming.wait.state = State::kAmbiguous;
  return Ok();
}

Status Arrivals::WriteNotices(Incoming& incoming, const Authority& authority, const DirectoryPeople& people) const {
  const State state = incoming.wait.state;
  if (state == State::kTimed && !options_.notify_of_timed_holds) return Ok();
  NoticeFacts facts = FactsOf(incoming.parcel(), incoming.judgement, authority);
  facts.state = state;
  facts.due = incoming.wait.until;
  facts.files.assign(incoming.stored.attachment_names().begin(), incoming.stored.attachment_names().end());

  std::vector<Member> deciders;
  const bool superior_decides = state == State::kApproval || state == State::kUnreadable;
  if (superior_decides && authority.superior()) {
    deciders.push_back(*authority.superior());
  } else if (superior_decides || state == State::kAmbiguous) {
    deciders = people.WithRole("security_officer");
  } else if (state == State::kError) {
    deciders = people.WithRole("operator");
  }
  const Transition* approve = Find(state, Event::kApprove);
  std::erase_if(deciders, [&](const Member& member) {
    return approve == nullptr || (authority.CapacitiesOf(member.login, member.roles) & approve->who) == 0;
  });
  if (deciders.size() > kMaxAsked) deciders.resize(kMaxAsked);

  if (const auto sender = SenderOf(incoming.parcel(), authority)) {
    facts.kind = state == State::kConfirm ? NoticeKind::kAskToConfirm : NoticeKind::kHeld;
    if (deciders.size() == 1) facts.decider = deciders[0].name;
    SEKISHO_RETURN_IF_ERROR(notifier_.Write(facts, *sender, nullptr, incoming.notices));
  }
  facts.kind = NoticeKind::kAskToDecide;
  for (const Member& member : deciders) {
    const Reader reader{member.notice_address, member.language};
    SEKISHO_RETURN_IF_ERROR(notifier_.Write(facts, reader, nullptr, incoming.notices));
  }
  return Ok();
}

Status Arrivals::Keep(const Incoming& incoming, store::Tx& tx, stage::Outbox& outbox) const {
  SEKISHO_RETURN_IF_ERROR(LockMail(tx, incoming.mail));
  SEKISHO_TRY(const std::vector<std::string> recalled, RecalledAlready(incoming.parcel(), tx));
  Split split{incoming.parcel(), incoming.parcel()};
  if (recalled.empty()) {
    split.chosen.clear_recipients();
  } else {
    SEKISHO_TRY(split, SplitParcel(incoming.parcel(), recalled, incoming.child));
  }
  const bool all_recalled = !split.rest.has_value();

  Row row = incoming.row;
  if (all_recalled) {
    row.state = State::kRecalled;
    row.until = incoming.now;
  } else {
    v1::StoredParcel stored = incoming.stored;
    *stored.mutable_parcel() = *split.rest;
    SEKISHO_TRY(row.sealed, SealStored(around_.keys, incoming.key, row.parcel, stored));
  }
  SEKISHO_TRY(const bool fresh, InsertRow(tx, row));
  if (!fresh) return Ok();  // it came before

  if (!recalled.empty()) {
    const std::string detail = "its sender took it back before it came here";
    SEKISHO_RETURN_IF_ERROR(
        PublishOutcome(incoming.key, split.chosen, mail::v1::RECIPIENT_STATE_RECALLED, detail, incoming.now, outbox));
    mail::v1::JournalEvent event = parcel::EventAbout(split.chosen);
    event.set_type(std::string(PastTense(Event::kRecall)));
    event.set_state(mail::v1::RECIPIENT_STATE_RECALLED);
    event.set_detail(detail);
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(incoming.key, std::move(event)));
  }
  if (all_recalled) return Ok();
  mail::v1::JournalEvent event = parcel::EventAbout(*split.rest);
  event.set_type("held");
  event.set_state(ToMailState(row.state));
  event.set_detail(DetailOf(row.state, row.until));
  for (const auto& notice : incoming.notices.written) {
    event.set_detail(event.detail() + "; told in mail " + notice.id.ToString());
  }
  if (!incoming.notices.unwritten.empty())
    event.set_detail(event.detail() + "; a notice could not be written: " + incoming.notices.unwritten);
  *event.mutable_reasons() = incoming.judgement.reasons();
  *event.mutable_at() = ToProto(incoming.now);
  SEKISHO_RETURN_IF_ERROR(outbox.Journal(incoming.key, std::move(event)));
  SEKISHO_RETURN_IF_ERROR(incoming.notices.Publish(tx, outbox));
  const observe::Counter held = metrics_.GetCounter("sekisho_approval_held_total", "Parcels that came to wait",
                                                    {{"class", std::string(StateName(row.state))}});
  tx.OnCommitted([held] { held.Add(); });
  return Ok();
}

// Recipients of `parcel` that were recalled before it came here.
Result<std::vector<std::string>> Arrivals::RecalledAlready(const mail::v1::Parcel& parcel, store::Tx& tx) const {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(parcel.mail_id()));
  SEKISHO_TRY(const std::vector<Recall> recalls, RecallsOf(tx, mail));
  std::vector<std::string> recalled;
  for (const Recall& recall : recalls) {
    SEKISHO_TRY(const keys::Opened opened, around_.keys.Open(recall.sealed, kRecallContext));
    mail::v1::Control control;
    if (!control.ParseFromString(opened.plaintext)) return MakeError(Code::kCorrupt, "a recall cannot be read");
    for (std::string& address : RecipientsAmong(parcel, {control.recipients().begin(), control.recipients().end()})) {
      recalled.push_back(std::move(address));
    }
  }
  return recalled;
}

// What a sender asks for. Intake knows who asked, and that it is their mail.
Result<stage::Effects> Arrivals::Obey(const stage::Input& input) {
  mail::v1::Control control;
  if (!control.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a control record cannot be read");
  if (control.organization_id() != around_.organization_id || control.mail_id() != input.mail.octets()) {
    return MakeError(Code::kCorrupt, "control refused: it is another mail's");
  }
  const bool recall = control.action() == mail::v1::Control::ACTION_RECALL;
  if (!recall && control.action() != mail::v1::Control::ACTION_RELEASE) {
    return MakeError(Code::kUnsupported, "control refused: unknown action");
  }
  SEKISHO_TRY(const std::string sealed, around_.keys.Seal(input.key, kRecallContext, input.value));
  const auto people = std::make_shared<DirectoryPeople>(directory_.Current());
  return stage::Effects([this, control, recall, sealed, people, mail = input.mail, event = input.event,
                         now = around_.clock.Now()](store::Tx& tx, stage::Outbox& outbox) -> Status {
    SEKISHO_RETURN_IF_ERROR(LockMail(tx, mail));
    if (recall) SEKISHO_RETURN_IF_ERROR(InsertRecall(tx, mail, event, now, sealed));
    SEKISHO_TRY(std::vector<Row> rows, RowsOfMail(tx, mail));
    for (Row& row : rows) {
      const Event wanted = recall ? Event::kRecall : OnRelease(row.state);
      const auto transition = Decide(row.state, wanted, kSender);
      if (!transition.ok()) continue;  // it waits for somebody else
      SEKISHO_TRY(const Held held, OpenRow(around_.keys, std::move(row)));
      Step step{*transition,
                wanted,
                RecipientsAmong(held.parcel(), {control.recipients().begin(), control.recipients().end()}),
                control.actor(),
                "",
                ""};
      if (step.recipients.empty()) continue;
      // Neither step tells anybody anything, so nothing is read or written here but rows.
      SEKISHO_TRY(const auto change, clerk_.Prepare(held, std::move(step), Authority(held.origin(), *people)));
      SEKISHO_RETURN_IF_ERROR(Clerk::Apply(*change, tx, outbox));
    }
    return Ok();
  });
}

}  // namespace sekisho::approval

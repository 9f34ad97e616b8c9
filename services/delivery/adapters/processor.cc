#include "services/delivery/adapters/processor.h"

#include <map>
#include <set>

#include "services/delivery/domain/system_mail_check.h"
#include "shared/parcel/judgement.h"
#include "shared/parcel/records.h"

namespace sekisho::delivery {
namespace {

constexpr char kRecallContext[] = "delivery.tombstone";

// Whether a recall names this recipient; one that names none means all.
bool Covers(const mail::v1::Control& recall, std::string_view address) {
  if (recall.recipients().empty()) return true;
  for (const std::string& named : recall.recipients()) {
    if (named == address) return true;
  }
  return false;
}

}  // namespace

// What a parcel leads to. The transaction may run twice: what it finds is set anew each time.
struct Processor::Admission {
  // Recipients that go together: claimed at once where there is room, else left to wait.
  struct Group {
    std::shared_ptr<Batch> batch;
    std::string index;
    std::unique_ptr<Dispatcher::Reservation> reservation;  // null: they wait
    std::vector<QueueRow> rows;                            // one for each of the batch's recipients
    std::vector<bool> entered;                             // found by the transaction
  };
  std::vector<Group> groups;
  TimePoint now;
};

Processor::Processor(const stage::Surroundings& surroundings, const RouteTable& routes, std::string owner,
                     Duration lease, Dispatcher& dispatcher, const Preparer& preparer, const Settler& settler,
                     Metrics& metrics)
    : around_(surroundings),
      routes_(routes),
      owner_(std::move(owner)),
      lease_(lease),
      dispatcher_(dispatcher),
      preparer_(preparer),
      settler_(settler),
      metrics_(metrics) {}

Result<stage::Effects> Processor::Process(const stage::Input& input) {
  return input.topic == bus::Topic::kControl ? ProcessControl(input) : ProcessParcel(input);
}

Status Processor::Check(const mail::v1::Parcel& parcel, const stage::Input& input) const {
  const parcel::Arrival arrival{input.mail, input.source, around_.organization_id};
  if (!parcel.has_judgement()) return CheckSystemMail(parcel, arrival);
  SEKISHO_TRY(const mail::v1::Judgement judgement,
              parcel::OpenJudgement(around_.keys, parcel, mail::v1::STAGE_DELIVERY));
  return parcel::CheckJudged(parcel, judgement, arrival, mail::v1::STAGE_DELIVERY);
}

Result<stage::Effects> Processor::ProcessParcel(const stage::Input& input) {
  mail::v1::Parcel parcel;
  if (!parcel.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a parcel cannot be read");
  SEKISHO_RETURN_IF_ERROR(Check(parcel, input));
  SEKISHO_TRY(std::shared_ptr<Admission> admission, Plan(input, std::move(parcel)));
  return stage::Effects(
      [this, admission](store::Tx& tx, stage::Outbox& outbox) { return Admit(admission, tx, outbox); });
}

// Which recipients go together, and whether at once.
Result<std::shared_ptr<Processor::Admission>> Processor::Plan(const stage::Input& input,
                                                              const mail::v1::Parcel& parcel) {
  auto admission = std::make_shared<Admission>();
  admission->now = around_.clock.Now();
  SEKISHO_TRY(const ParcelId parcel_id, ParcelId::FromOctets(parcel.parcel_id()));
  mail::v1::Parcel about = parcel;
  about.clear_recipients();
  about.clear_judgement();
  about.clear_seal();

  std::map<DestinationName, size_t> open;  // the group that still has room
  for (int32_t i = 0; i < parcel.recipients_size(); ++i) {
    const mail::v1::Recipient& recipient = parcel.recipients(i);
    const DestinationName destination = DestinationOf(routes_, recipient.address(), about.envelope().require_tls());
    const auto found = open.find(destination);
    size_t place = found == open.end() ? admission->groups.size() : found->second;
    if (place == admission->groups.size() || admission->groups[place].rows.size() == kMaxBatch) {
      place = admission->groups.size();
      open[destination] = place;
      Admission::Group& group = admission->groups.emplace_back();
      group.batch = std::make_shared<Batch>(
          Batch{input.mail, parcel_id, about, input.key, input.traceparent, destination, {}, {}, 0});
      SEKISHO_TRY(group.index, dispatcher_.IndexOf(destination));
    }
    Admission::Group& group = admission->groups[place];
    QueueRow row;
    row.key = {input.mail, parcel_id, i};
    row.destination = group.index;
    row.queued_at = admission->now;
    mail::v1::Parcel kept = about;
    *kept.add_recipients() = recipient;
    SEKISHO_TRY(row.sealed, around_.keys.Seal(input.key, RowContext(row.key), kept.SerializeAsString()));
    group.rows.push_back(std::move(row));
    group.batch->recipients.push_back(
        {.recipient = recipient, .index = i, .attempts = 1, .queued_at = admission->now, .noticed = false});
  }
  for (Admission::Group& group : admission->groups) {
    group.reservation =
        dispatcher_.Reserve(group.batch->destination, group.rows.size(), std::max<uint64_t>(1, about.content().size()));
    if (group.reservation == nullptr) continue;
    for (QueueRow& row : group.rows) row.attempts = 1;
    if (group.reservation->may_prepare()) group.batch->prepared = preparer_.Prepare(*group.batch);
  }
  return admission;
}

Status Processor::Admit(const std::shared_ptr<Admission>& admission, store::Tx& tx, stage::Outbox& outbox) {
  const Batch& any = *admission->groups.front().batch;
  SEKISHO_RETURN_IF_ERROR(LockMail(tx, any.mail));
  std::vector<mail::v1::Control> recalls;
  SEKISHO_TRY(const std::vector<std::string> tombstones, Tombstones(tx, any.mail));
  for (const std::string& sealed : tombstones) {
    SEKISHO_TRY(const auto opened, around_.keys.Open(sealed, kRecallContext));
    if (!recalls.emplace_back().ParseFromString(opened.plaintext))
      return MakeError(Code::kCorrupt, "a tombstone cannot be read");
  }
  std::map<std::string, std::vector<std::string>> recalled;  // by who asked
  std::vector<std::string> waiting;
  for (Admission::Group& group : admission->groups) {
    const bool claimed = group.reservation != nullptr;
    group.entered.assign(group.rows.size(), false);
    for (size_t i = 0; i < group.rows.size(); ++i) {
      const std::string& address = group.batch->recipients[i].recipient.address();
      const auto recall =
          std::find_if(recalls.begin(), recalls.end(), [&](const auto& one) { return Covers(one, address); });
      if (recall != recalls.end()) {
        recalled[recall->actor()].push_back(address);
        continue;
      }
      const TimePoint due = claimed ? admission->now + lease_ : admission->now;
      SEKISHO_TRY(const bool entered,
                  InsertRow(tx, group.rows[i], claimed ? std::string_view(owner_) : std::string_view(), due));
      group.entered[i] = entered;  // not: the parcel came before, its hop is stale
      if (entered && !claimed) waiting.push_back(address);
    }
  }
  for (const auto& [actor, addresses] : recalled) {
    SEKISHO_RETURN_IF_ERROR(settler_.WriteRecalled(outbox, any.key, any.about, addresses, actor));
  }
  if (!waiting.empty()) {
    mail::v1::JournalEvent event = parcel::EventAbout(any.about);
    event.set_type("queued");
    event.set_state(mail::v1::RECIPIENT_STATE_DELIVERING);
    for (std::string& address : waiting) event.add_recipients(std::move(address));
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(any.key, std::move(event)));
  }
  tx.OnCommitted([this, admission] {
    for (Admission::Group& group : admission->groups) {
      std::vector<QueuedRecipient> entered;
      for (size_t i = 0; i < group.rows.size(); ++i) {
        if (group.entered[i]) entered.push_back(std::move(group.batch->recipients[i]));
      }
      if (entered.empty()) continue;
      if (group.reservation == nullptr) {
        dispatcher_.NoteQueued(group.batch->destination, entered.size());
        continue;
      }
      group.batch->recipients = std::move(entered);
      group.reservation->Admit(std::move(group.batch));
    }
  });
  return Ok();
}

Result<stage::Effects> Processor::ProcessControl(const stage::Input& input) {
  auto control = std::make_shared<mail::v1::Control>();
  if (!control->ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a control record cannot be read");
  if (control->mail_id() != input.mail.octets() || control->organization_id() != around_.organization_id) {
    return MakeError(Code::kCorrupt, "a control record is another mail's");
  }
  switch (control->action()) {
    case mail::v1::Control::ACTION_RELEASE:
      return stage::Effects();  // approval's
    case mail::v1::Control::ACTION_RECALL:
      return stage::Effects(
          [this, control, event = input.event, key = input.key](store::Tx& tx, stage::Outbox& outbox) {
            return Recall(*control, event, key, tx, outbox);
          });
    default:
      return MakeError(Code::kUnsupported, "a control record asks for something unknown");
  }
}

// A row is either claimed or taken back: who changes it first wins, and the other one sees it.
Status Processor::Recall(const mail::v1::Control& control, const EventId& event, const keys::MailKey& key,
                         store::Tx& tx, stage::Outbox& outbox) {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(control.mail_id()));
  SEKISHO_TRY(const std::string sealed, around_.keys.Seal(key, kRecallContext, control.SerializeAsString()));
  SEKISHO_RETURN_IF_ERROR(LockMail(tx, mail));
  SEKISHO_RETURN_IF_ERROR(InsertTombstone(tx, mail, event, around_.clock.Now(), sealed));

  struct Taken {
    mail::v1::Parcel about;
    std::vector<std::string> recipients;
  };
  std::map<ParcelId, Taken> taken;
  std::vector<std::string> too_late;
  std::vector<std::pair<std::string, State>> gone;
  SEKISHO_TRY(const std::vector<MailRow> rows, RowsOfMail(tx, mail));
  for (const MailRow& found : rows) {
    SEKISHO_TRY(const auto opened, around_.keys.Open(found.row.sealed, RowContext(found.row.key)));
    mail::v1::Parcel parcel;
    if (!parcel.ParseFromString(opened.plaintext) || parcel.recipients_size() != 1) {
      return MakeError(Code::kCorrupt, "a queue row cannot be read");
    }
    const std::string address = parcel.recipients(0).address();
    if (!Covers(control, address)) continue;
    const State state = found.claimed ? State::kClaimed : found.row.state;
    if (After(state, Event::kRecall) != State::kRecalled) {
      too_late.push_back(address);
      continue;
    }
    SEKISHO_RETURN_IF_ERROR(DeleteWaitingRow(tx, found.row.key));
    gone.emplace_back(found.row.destination, state);
    Taken& parcel_taken = taken[found.row.key.parcel];
    parcel.clear_recipients();
    parcel_taken.about = std::move(parcel);
    parcel_taken.recipients.push_back(address);
  }
  for (const auto& [parcel, what] : taken) {
    SEKISHO_RETURN_IF_ERROR(settler_.WriteRecalled(outbox, key, what.about, what.recipients, control.actor()));
  }
  if (!too_late.empty()) {
    mail::v1::JournalEvent late;
    late.set_mail_id(control.mail_id());
    late.set_type("recall_too_late");
    late.set_actor(control.actor());
    late.set_detail("an attempt to send was already begun");
    for (std::string& address : too_late) late.add_recipients(std::move(address));
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, std::move(late)));
  }
  tx.OnCommitted([this, gone = std::move(gone)] {
    for (const auto& [index, state] : gone) {
      metrics_.CountOutcome(State::kRecalled);
      dispatcher_.NoteRecalled(index, state);
    }
  });
  return Ok();
}

}  // namespace sekisho::delivery

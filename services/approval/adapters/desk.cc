#include "services/approval/adapters/desk.h"

#include "services/approval/adapters/mail_view.h"
#include "shared/observe/log.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

constexpr int64_t kListed = 1000;  // parcels in one answer
constexpr int64_t kLookedThrough = 20'000;
constexpr size_t kShownText = 64 << 10;
constexpr int kTries = 5;  // when others decide about the same parcel at the same moment

Event EventOf(Desk::Wish wish, State state) {
  switch (wish) {
    case Desk::Wish::kLetGo:
      return OnRelease(state);
    case Desk::Wish::kApprove:
      return Event::kApprove;
    case Desk::Wish::kReject:
      return Event::kReject;
    case Desk::Wish::kDrop:
      return Event::kDrop;
  }
  return Event::kReject;
}

// Whether somebody who acts in `capacities` may bring `event` about.
bool May(State state, Event event, unsigned capacities) {
  const Transition* transition = Find(state, event);
  return transition != nullptr && (transition->who & capacities) != 0;
}

// Whether anything but own mail can wait for `who`: looking through all that waits costs a key operation a parcel.
bool MayDecideAnything(const rpc::Principal& who) {
  return who.Has("approver") || who.Has("security_officer") || who.Has("operator");
}

// As its sender sees it, without evidence; or as who decides does, with it.
v1::HeldParcel Describe(const Held& held, bool with_evidence) {
  v1::HeldParcel out;
  const mail::v1::Parcel& parcel = held.parcel();
  out.set_parcel_id(held.row.parcel.ToString());
  out.set_mail_id(held.row.mail.ToString());
  for (const auto& recipient : parcel.recipients()) out.add_recipients(recipient.address());
  *out.mutable_reasons() = held.judgement.reasons();
  if (!with_evidence) {
    for (auto& reason : *out.mutable_reasons()) reason.clear_evidence();
  }
  *out.mutable_due() = ToProto(held.row.until);
  out.set_hold_class(HoldClassOf(held.row.state));
  out.set_mail_from(parcel.envelope().mail_from());
  out.set_subject(parcel.subject());
  *out.mutable_held_at() = ToProto(held.row.held_at);
  out.set_size(parcel.content().size());
  return out;
}

// A row that can't be opened is not shown; the timer tells the operator of it when it is due.
std::optional<Held> TryOpen(keys::KeyRing& keys, Row row) {
  auto held = OpenRow(keys, std::move(row));
  return held.ok() ? std::optional(*std::move(held)) : std::nullopt;
}

}  // namespace

Desk::Desk(const stage::Surroundings& around, content::Store& content, directory::Directory& directory,
           const Clerk& clerk, const mime::Limits& limits, observe::Metrics& metrics)
    : around_(around),
      content_(content),
      directory_(directory),
      clerk_(clerk),
      limits_(limits),
      metrics_(metrics),
      committer_(around, kSchema) {}

Result<Held> Desk::FindHeld(const ParcelId& parcel) {
  std::optional<Row> row;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(row, FindRow(tx, parcel));
    return Ok();
  }));
  if (!row) return MakeError(Code::kNotFound, "no parcel with this id was held");
  return OpenRow(around_.keys, *std::move(row));
}

Result<v1::DecisionResponse> Desk::Decide(const Request& request, const rpc::Principal& who) {
  for (int tries = 1;; ++tries) {
    auto decided = DecideOnce(request, who);
    // Somebody else was faster: look again, and say what they made of it.
    const bool again = !decided.ok() && decided.error().code == Code::kCancelled && tries < kTries;
    if (!again) return decided;
  }
}

Result<v1::DecisionResponse> Desk::DecideOnce(const Request& request, const rpc::Principal& who) {
  SEKISHO_TRY(const Held held, FindHeld(request.parcel));
  const DirectoryPeople people(directory_.Current());
  const Authority authority(held.origin(), people);
  const Event event = EventOf(request.wish, held.row.state);
  SEKISHO_TRY(const Transition* transition,
              approval::Decide(held.row.state, event, authority.CapacitiesOf(who.login, who.roles)));
  if (!request.content_sha256.empty() && request.content_sha256 != held.parcel().content().sha256()) {
    return MakeError(Code::kInvalid, "content_sha256 is not that of the mail that waits; look at it again");
  }
  Step step{transition, event, request.recipients, who.login, who.login, request.comment};
  if (const auto member = people.Find(who.login); member && !member->name.empty()) step.actor_name = member->name;
  SEKISHO_TRY(const std::shared_ptr<Change> change, clerk_.Prepare(held, std::move(step), authority));
  const Status committed = committer_.CommitAndWait(
      [change](store::Tx& tx, stage::Outbox& outbox) { return Clerk::Apply(*change, tx, outbox); },
      change->traceparent);
  if (!committed.ok()) return committed.error();

  metrics_
      .GetCounter("sekisho_approval_decided_total", "Parcels decided about", {{"event", std::string(PastTense(event))}})
      .Add();
  v1::DecisionResponse response;
  SEKISHO_TRY(const ParcelId decided, ParcelId::FromOctets(change->chosen.parcel_id()));
  response.set_parcel_id(decided.ToString());
  response.set_state(std::string(StateName(transition->to)));
  return response;
}

Result<std::vector<v1::HeldParcel>> Desk::ListHolds(const rpc::Principal& who, bool all) {
  if (all && !who.Has("operator")) return MakeError(Code::kPermission, "this needs the role operator");
  SEKISHO_TRY(const std::string sender, around_.keys.BlindIndex("principal", who.login));
  std::vector<Row> rows;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    if (all) {
      SEKISHO_TRY(rows, WaitingRows(tx, kListed));
      return Ok();
    }
    SEKISHO_TRY(rows, RowsOfSender(tx, sender, kListed));
    if (!MayDecideAnything(who)) return Ok();
    SEKISHO_TRY(std::vector<Row> others, RowsForDeciders(tx, kLookedThrough));
    std::erase_if(others, [&](const Row& row) { return row.sender == sender; });
    rows.insert(rows.end(), std::make_move_iterator(others.begin()), std::make_move_iterator(others.end()));
    return Ok();
  }));
  const DirectoryPeople people(directory_.Current());
  std::vector<v1::HeldParcel> holds;
  for (Row& row : rows) {
    if (holds.size() == static_cast<size_t>(kListed)) break;
    const auto held = TryOpen(around_.keys, std::move(row));
    if (!held) continue;
    const unsigned capacities = Authority(held->origin(), people).CapacitiesOf(who.login, who.roles);
    const bool decides = May(held->row.state, Event::kApprove, capacities);
    if (all || decides || (capacities & kSender) != 0) holds.push_back(Describe(*held, decides));
  }
  return holds;
}

Result<std::vector<v1::HeldParcel>> Desk::ListApprovals(const rpc::Principal& who) {
  std::vector<Row> rows;
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(rows, RowsForDeciders(tx, kLookedThrough));
    return Ok();
  }));
  const DirectoryPeople people(directory_.Current());
  std::vector<v1::HeldParcel> approvals;
  for (Row& row : rows) {
    if (approvals.size() == static_cast<size_t>(kListed)) break;
    const auto held = TryOpen(around_.keys, std::move(row));
    if (!held) continue;
    const unsigned capacities = Authority(held->origin(), people).CapacitiesOf(who.login, who.roles);
    if (May(held->row.state, Event::kApprove, capacities)) approvals.push_back(Describe(*held, true));
  }
  return approvals;
}

Result<v1::GetApprovalResponse> Desk::Show(const ParcelId& parcel, const rpc::Principal& who) {
  SEKISHO_TRY(const Held held, FindHeld(parcel));
  const DirectoryPeople people(directory_.Current());
  SEKISHO_TRY(const Transition* transition,
              approval::Decide(held.row.state, Event::kApprove,
                               Authority(held.origin(), people).CapacitiesOf(who.login, who.roles)));
  static_cast<void>(transition);
  SEKISHO_TRY(const std::shared_ptr<const std::string> raw, content_.Read(held.parcel().content()));
  v1::GetApprovalResponse response;
  *response.mutable_parcel() = Describe(held, true);
  response.set_text(BodyText(*raw, limits_, kShownText));
  *response.mutable_attachment_names() = held.stored.attachment_names();
  response.set_content_sha256(held.parcel().content().sha256());
  return response;
}

}  // namespace sekisho::approval

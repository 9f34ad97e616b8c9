#include "services/delivery/adapters/settler.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "shared/base/failpoint.h"
#include "shared/base/random.h"
#include "shared/parcel/records.h"
#include "shared/stage/proto_time.h"

namespace sekisho::delivery {
namespace {

constexpr Duration kPatienceAfterJump = std::chrono::hours(1);
constexpr Duration kNever = std::chrono::hours(24 * 365 * 100);

// What the sender is told, and what Sekisho says of it in the journal.
std::string DetailOf(const Disposition& disposition, const Decision& decision, const std::string& host) {
  std::string detail = decision.state == State::kExpired ? "given up; last: " + disposition.text : disposition.text;
  if (!host.empty()) detail = host + ": " + detail;
  return detail;
}

}  // namespace

struct Settler::Settlement {
  std::shared_ptr<const Batch> batch;
  Report report;
  std::vector<Decision> decisions;
  std::map<DsnAction, notice::SystemMail> notices;
  TimePoint now;
};

Settler::Settler(Options options, const stage::Surroundings& surroundings, content::Store& content,
                 const RouteTable& routes, WorkerPool& workers, Metrics& metrics)
    : options_(std::move(options)),
      around_(surroundings),
      content_(content),
      routes_(routes),
      notices_(options_.notices, surroundings, content),
      workers_(workers),
      metrics_(metrics),
      committer_(surroundings, kSchema) {
  static_cast<void>(IsForgiving(around_.clock.Now()));  // from here on jumps are seen
}

std::vector<Decision> Settler::DecideAll(const Batch& batch, const Report& report) const {
  SEKISHO_CHECK(report.dispositions.size() == batch.recipients.size());
  const Route* route =
      batch.destination.kind == DestinationName::Kind::kRoute ? routes_.FindByName(batch.destination.name) : nullptr;
  const TimePoint now = around_.clock.Now();
  RetrySchedule schedule = options_.schedule;
  if (IsForgiving(now)) schedule.give_up_after = kNever;
  std::vector<Decision> decisions;
  for (size_t i = 0; i < batch.recipients.size(); ++i) {
    const QueuedRecipient& recipient = batch.recipients[i];
    const Attempted attempted{.envelope = &batch.about.envelope(),
                              .recipient = &recipient.recipient,
                              .queued_at = recipient.queued_at,
                              .attempts = recipient.attempts,
                              .noticed = recipient.noticed,
                              .smart_host = route != nullptr && route->smart_host,
                              .dsn_passed_on = report.dsn_passed_on};
    decisions.push_back(Decide(attempted, report.dispositions[i], schedule, now, RandomUnit()));
  }
  return decisions;
}

void Settler::Settle(std::shared_ptr<const Batch> batch, Report report, std::function<void(Result<Settled>)> done) {
  if (Failpoint("delivery.before_outcome"))
    return done(MakeError(Code::kUnavailable, "failpoint delivery.before_outcome"));
  auto settlement = std::make_shared<Settlement>();
  settlement->decisions = DecideAll(*batch, report);
  settlement->batch = std::move(batch);
  settlement->report = std::move(report);
  settlement->now = around_.clock.Now();
  const auto& decisions = settlement->decisions;
  if (std::none_of(decisions.begin(), decisions.end(),
                   [](const Decision& decision) { return decision.notice.has_value(); })) {
    return Commit(std::move(settlement), std::move(done));
  }
  const bool posted = workers_.TryPost([this, settlement, done] {
    if (Status written = WriteNotices(*settlement); !written.ok()) return done(std::move(written).error());
    Commit(settlement, done);
  });
  if (!posted) done(MakeError(Code::kExhausted, "no worker to write a notice"));
}

bool Settler::IsForgiving(TimePoint now) const {
  const auto steady = around_.clock.Steady();
  const std::scoped_lock lock(clock_mutex_);
  if (clock_watch_.Look(now, steady)) forgiving_until_ = steady + kPatienceAfterJump;
  return steady < forgiving_until_;
}

Status Settler::WriteNotices(Settlement& settlement) const {
  for (const DsnAction action : {DsnAction::kFailed, DsnAction::kDelayed, DsnAction::kRelayed}) {
    auto notice = WriteNotice(settlement, action);
    if (notice.ok()) {
      if (*notice) settlement.notices.emplace(action, **std::move(notice));
    } else if (notice.error().retry == Retry::kLater) {
      return std::move(notice).error();
    }
    // One that can't be written at all leaves the outcome as it is; the journal says that nobody is told.
  }
  return Ok();
}

void Settler::Commit(const std::shared_ptr<Settlement>& settlement, std::function<void(Result<Settled>)> done) {
  committer_.Commit([this, settlement](store::Tx& tx, stage::Outbox& outbox) { return Apply(*settlement, tx, outbox); },
                    [this, settlement, done = std::move(done)](const Status& status) {
                      if (!status.ok()) return done(status.error());
                      Count(*settlement);
                      Settled settled;
                      for (const Decision& decision : settlement->decisions) {
                        if (decision.state != State::kDeferred) continue;
                        ++settled.deferred;
                        settled.next_due = std::min(settled.next_due, decision.due);
                      }
                      done(settled);
                    },
                    settlement->batch->traceparent);
}

Status Settler::Apply(const Settlement& settlement, store::Tx& tx, stage::Outbox& outbox) const {
  const Batch& batch = *settlement.batch;
  for (size_t i = 0; i < batch.recipients.size(); ++i) {
    const RowKey key = batch.KeyOf(batch.recipients[i]);
    const Decision& decision = settlement.decisions[i];
    if (decision.state == State::kDeferred) {
      SEKISHO_RETURN_IF_ERROR(DeferRow(tx, key, options_.owner, decision.due, decision.noticed));
    } else {
      SEKISHO_RETURN_IF_ERROR(DeleteRow(tx, key, options_.owner));
    }
  }
  SEKISHO_RETURN_IF_ERROR(Tell(settlement, outbox));
  for (const auto& [action, notice] : settlement.notices) SEKISHO_RETURN_IF_ERROR(notice.Publish(tx, outbox));
  // Nobody but delivery needs the content of a mail that Sekisho wrote.
  if (batch.about.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
    SEKISHO_TRY(const bool more, HasRows(tx, batch.mail));
    if (!more) SEKISHO_RETURN_IF_ERROR(content_.Remove(tx, batch.mail));
  }
  return Ok();
}

// One outcome and one journal event for the recipients that share a state and a reason.
Status Settler::Tell(const Settlement& settlement, stage::Outbox& outbox) const {
  const Batch& batch = *settlement.batch;
  std::map<std::tuple<State, std::string, std::optional<DsnAction>>, std::vector<std::string>> groups;
  std::vector<std::string> ambiguous;
  for (size_t i = 0; i < batch.recipients.size(); ++i) {
    const Disposition& disposition = settlement.report.dispositions[i];
    const Decision& decision = settlement.decisions[i];
    const std::string& address = batch.recipients[i].recipient.address();
    groups[{decision.state, DetailOf(disposition, decision, settlement.report.host), decision.notice}].push_back(
        address);
    if (disposition.ambiguous) ambiguous.push_back(address);
  }
  for (const auto& [key, recipients] : groups) {
    const auto& [state, detail, notice] = key;
    mail::v1::JournalEvent event = parcel::EventAbout(batch.about);
    event.set_type(std::string(StateName(state)));
    event.set_state(ToMailState(state));
    event.set_detail(detail + WhoIsTold(settlement, notice));
    *event.mutable_at() = ToProto(settlement.now);
    for (const std::string& recipient : recipients) event.add_recipients(recipient);
    SEKISHO_RETURN_IF_ERROR(outbox.Journal(batch.key, std::move(event)));
    if (!IsTerminal(state)) continue;
    mail::v1::Outcome outcome = parcel::OutcomeAbout(batch.about, ToMailState(state), settlement.now);
    outcome.set_detail(detail);
    for (const std::string& recipient : recipients) outcome.add_recipients(recipient);
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kOutcome, batch.key, batch.mail, outcome));
  }
  if (ambiguous.empty()) return Ok();
  mail::v1::JournalEvent event = parcel::EventAbout(batch.about);
  event.set_type("possibly_duplicate");
  event.set_detail("the peer had the whole mail and did not answer; it may have taken it");
  *event.mutable_at() = ToProto(settlement.now);
  for (std::string& recipient : ambiguous) event.add_recipients(std::move(recipient));
  return outbox.Journal(batch.key, std::move(event));
}

std::string Settler::WhoIsTold(const Settlement& settlement, std::optional<DsnAction> action) {
  if (!action) return "";
  const auto notice = settlement.notices.find(*action);
  if (notice == settlement.notices.end()) return "; no notice to the sender could be written";
  return "; the sender is told in mail " + notice->second.id.ToString();
}

Result<std::optional<notice::SystemMail>> Settler::WriteNotice(const Settlement& settlement, DsnAction action) const {
  const Batch& batch = *settlement.batch;
  const mail::v1::Parcel& about = batch.about;
  Dsn dsn;
  for (size_t i = 0; i < settlement.decisions.size(); ++i) {
    if (settlement.decisions[i].notice != action) continue;
    const Disposition& disposition = settlement.report.dispositions[i];
    dsn.recipients.push_back({.recipient = &batch.recipients[i].recipient,
                              .status = settlement.decisions[i].status,
                              .diagnostic = disposition.text,
                              .from_peer = disposition.from_peer,
                              .remote_host = settlement.report.host});
    dsn.arrived_at = batch.recipients[i].queued_at;
  }
  if (dsn.recipients.empty()) return std::optional<notice::SystemMail>();

  const std::string about_id = batch.mail.ToString();
  dsn.action = action;
  dsn.envelope = &about.envelope();
  dsn.language = notices_.LanguageFor(about.submitter().display_language());
  dsn.subject = about.subject();
  dsn.mail_id = about_id;
  std::shared_ptr<const std::string> original = batch.prepared.content;
  if (original == nullptr) {  // no host was reached: it was never read
    if (auto read = content_.Read(about.content()); read.ok()) original = *std::move(read);
  }
  if (original != nullptr) dsn.original = *original;
  dsn.attempted_at = settlement.now;
  dsn.retry_until = dsn.arrived_at + options_.schedule.give_up_after;
  dsn.hostname = options_.notices.hostname;
  SEKISHO_TRY(notice::SystemMail mail, notices_.Write(WriteDsn(dsn), batch.mail));
  return std::optional(std::move(mail));
}

void Settler::Count(const Settlement& settlement) const {
  for (size_t i = 0; i < settlement.decisions.size(); ++i) {
    metrics_.CountOutcome(settlement.decisions[i].state);
    if (settlement.report.dispositions[i].ambiguous) metrics_.CountPossibleDuplicates(1);
  }
  metrics_.CountNotices(settlement.notices.size());
}

Status Settler::WriteRecalled(stage::Outbox& outbox, const keys::MailKey& key, const mail::v1::Parcel& about,
                              const std::vector<std::string>& recipients, const std::string& actor) const {
  if (recipients.empty()) return Ok();
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(about.mail_id()));
  mail::v1::JournalEvent event = parcel::EventAbout(about);
  event.set_type("recalled");
  event.set_state(mail::v1::RECIPIENT_STATE_RECALLED);
  event.set_actor(actor);
  event.set_detail("taken back before it was sent");
  mail::v1::Outcome outcome = parcel::OutcomeAbout(about, mail::v1::RECIPIENT_STATE_RECALLED, around_.clock.Now());
  outcome.set_detail("recalled by the sender");
  for (const std::string& recipient : recipients) {
    event.add_recipients(recipient);
    outcome.add_recipients(recipient);
  }
  SEKISHO_RETURN_IF_ERROR(outbox.Journal(key, std::move(event)));
  return outbox.Publish(bus::Topic::kOutcome, key, mail, outcome);
}

}  // namespace sekisho::delivery

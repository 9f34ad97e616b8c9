#include "shared/stage/loop.h"

#include <pthread.h>

#include <algorithm>
#include <tuple>

#include "shared/base/failpoint.h"
#include "shared/base/random.h"
#include "shared/stage/handover.h"
#include "shared/stage/outbox.h"
#include "shared/stage/topology.h"
#include "shared/text/utf8.h"

namespace sekisho::stage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kFetch = 128;      // records asked for at once
constexpr size_t kLaterInARow = 8;  // then a dependency is taken to be down
constexpr Duration kFirstPause = seconds(1), kLongestPause = seconds(30);
constexpr Duration kLease = std::chrono::minutes(2);  // of a waiting record that is being tried
constexpr Duration kIdleLook = milliseconds(200);
constexpr Duration kRecount = seconds(5);  // of what waits, where other replicas may have put it

// Who a record is about, for the journal, when it is parked.
void Describe(bus::Topic topic, const std::string& value, mail::v1::JournalEvent& event) {
  if (topic == bus::Topic::kSubmitted) {
    mail::v1::Mail mail;
    if (!mail.ParseFromString(value)) return;
    for (const auto& recipient : mail.recipients()) event.add_recipients(recipient.address());
  } else if (topic == bus::Topic::kJudged || topic == bus::Topic::kCleared || topic == bus::Topic::kSealed) {
    mail::v1::Parcel parcel;
    if (!parcel.ParseFromString(value)) return;
    event.set_parcel_id(parcel.parcel_id());
    for (const auto& recipient : parcel.recipients()) event.add_recipients(recipient.address());
  }
  if (event.recipients_size() > 0) event.set_state(mail::v1::RECIPIENT_STATE_PARKED);
}

}  // namespace

Loop::Loop(const Options& options, const Surroundings& around, const Tables& tables, bus::Topic topic,
           Processor& processor)
    : options_(options), around_(around), tables_(tables), topic_(topic), processor_(processor) {}

Status Loop::Start() {
  SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(waiting_, tables_.CountWaiting(tx, topic_));
    return Ok();
  }));
  SEKISHO_TRY(consumer_, around_.bus.Subscribe(topic_, options_.name));
  started_ = true;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(),
                       (options_.name.substr(0, 8) + ":" + std::string(bus::TopicName(topic_)).substr(0, 6)).c_str());
    Run();
  });
  return Ok();
}

void Loop::Drain() {
  if (!started_) return;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  consumer_->Stop();
  if (thread_.joinable()) thread_.join();
  // What is in work is finished; what the database refuses is found again after the next start.
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !committing_ && (in_flight_ == 0 || in_flight_ == ready_.size()); });
}

v1::Queue Loop::Queue() const {
  v1::Queue queue;
  queue.set_stage(options_.name);
  queue.set_topic(std::string(bus::TopicName(topic_)));
  if (!consumer_) return queue;
  const bus::Consumer::Lag lag = consumer_->lag();
  queue.set_depth(lag.depth);
  if (lag.depth > 0 && lag.oldest != TimePoint{}) {
    const Duration age = std::max(Duration{}, around_.clock.Now() - lag.oldest);
    queue.mutable_oldest_age()->set_seconds(age.count() / 1'000'000);
    queue.mutable_oldest_age()->set_nanos(static_cast<int32_t>(age.count() % 1'000'000 * 1000));
  }
  const std::scoped_lock lock(mutex_);
  queue.set_in_flight(in_flight_);
  queue.set_waiting(waiting_);
  queue.set_paused(paused_);
  if (paused_) queue.set_pause_reason(pause_reason_);
  return queue;
}

void Loop::WaitingAdded() {
  const std::scoped_lock lock(mutex_);
  ++waiting_;
  next_waiting_look_ = {};
}

void Loop::Run() {
  for (;;) {
    size_t room = 0;
    bool look_at_waiting = false;
    bool fetch = true;
    RecountWaiting();
    {
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      const SteadyTime now = around_.clock.Steady();
      if (const auto batch = TakeBatchLocked()) {
        lock.unlock();
        Commit(batch);
        lock.lock();
      }
      room = options_.window - std::min(options_.window, in_flight_);
      if (paused_) {
        // One record at a time asks whether the dependency is back.
        fetch = false;
        room = in_flight_ == 0 && now >= probe_at_ ? 1 : 0;
      }
      if (room == 0) {
        changed_.wait_for(lock, kIdleLook);
        continue;
      }
      look_at_waiting = waiting_ > 0 && (paused_ || now >= next_waiting_look_);
      if (look_at_waiting) next_waiting_look_ = now + kIdleLook;
    }
    if (look_at_waiting) DispatchDueWaiting(room);
    if (!fetch) {
      std::unique_lock lock(mutex_);
      if (in_flight_ == 0 && waiting_ == 0) paused_ = false;  // nothing to ask with: go on
      if (!stopping_) changed_.wait_for(lock, kIdleLook);
      continue;
    }
    auto records = consumer_->Fetch(std::min(room, kFetch), kIdleLook);
    if (!records.ok()) {
      std::unique_lock lock(mutex_);
      if (!stopping_) changed_.wait_for(lock, kIdleLook);
      continue;
    }
    for (bus::Record& record : *records) {
      // What must never be, for the tests of those who check the books.
      if (Failpoint("stage.offset_early")) consumer_->Finished({&record.position, 1});
      Item item;
      item.record.event = record.message.header.id;
      item.record.topic = topic_;
      item.record.message = std::move(record.message);
      item.position = record.position;
      item.damage = std::move(record.damage);
      Dispatch(std::move(item));
    }
  }
}

// A replica that is gone may have left records that wait, and one that lives may have finished ours.
void Loop::RecountWaiting() {
  const SteadyTime now = around_.clock.Steady();
  if (around_.database.sole_process() || now < next_recount_) return;
  next_recount_ = now + kRecount;
  uint64_t count = 0;
  const Status counted = around_.database.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(count, tables_.CountWaiting(tx, topic_));
    return Ok();
  });
  if (!counted.ok()) return;
  const std::scoped_lock lock(mutex_);
  waiting_ = count;  // what is committed at this moment is counted the next time
}

void Loop::DispatchDueWaiting(size_t room) {
  std::vector<Kept> due;
  const bool paused = [&] {
    const std::scoped_lock lock(mutex_);
    return paused_;
  }();
  const Status leased = around_.database.RunAndWait([&](store::Tx& tx) -> Status {
    const TimePoint now = around_.clock.Now();
    // A probe doesn't wait for its record to be due: it asks for the dependency, not for the record.
    SEKISHO_TRY(due, tables_.LeaseWaiting(tx, topic_, paused ? TimePoint::max() : now, now + kLease,
                                          static_cast<int64_t>(std::min(room, kFetch))));
    return Ok();
  });
  if (!leased.ok()) return;
  for (Kept& kept : due) {
    Item item;
    item.record = std::move(kept);
    Dispatch(std::move(item));
  }
}

void Loop::Dispatch(Item item) {
  {
    const std::scoped_lock lock(mutex_);
    ++in_flight_;
  }
  auto shared = std::make_shared<Item>(std::move(item));
  if (!around_.workers.Post([this, shared] { Work(*shared); })) {
    const std::scoped_lock lock(mutex_);  // stopping: it is found again after the next start
    --in_flight_;
  }
}

void Loop::Work(Item& item) {
  item.result = Compute(item);
  static_cast<void>(Failpoint("stage.processed"));
  std::shared_ptr<Batch> batch;
  {
    const std::scoped_lock lock(mutex_);
    ready_.push_back(std::move(item));
    batch = TakeBatchLocked();
    if (stopping_) changed_.notify_all();  // Drain; Run has nothing to do before a commit makes room
  }
  if (batch != nullptr) Commit(batch);
}

Result<Effects> Loop::Compute(Item& item) {
  if (item.damage) return *item.damage;
  const bus::Message& message = item.record.message;
  if (const Status genuine = CheckHandOver(around_.keys, topic_, message, options_.name); !genuine.ok()) {
    // Whoever forged it may have taken the id of a genuine record, which must not be taken for a repetition of it.
    if (item.position && genuine.error().retry == Retry::kNever) {
      item.record.event = bus::IdOfPosition(topic_, *item.position);
    }
    return genuine.error();
  }
  SEKISHO_TRY(auto opened, around_.keys.Open(message.value, ValueContext(topic_, message.header.id)));
  item.key = std::move(opened.key);
  item.value = std::move(opened.plaintext);
  Input input{topic_,
              item.record.event,
              message.key,
              message.header.source,
              item.value,
              *item.key,
              message.header.traceparent,
              item.record.attempts + 1};
  return processor_.Process(input);
}

std::shared_ptr<Loop::Batch> Loop::TakeBatchLocked() {
  if (committing_ || ready_.empty() || around_.clock.Steady() < commit_not_before_) return nullptr;
  auto batch = std::make_shared<Batch>();
  batch->items = std::exchange(ready_, {});
  // In the order of their mails, so that no two batches wait for each other's locks and rows.
  std::sort(batch->items.begin(), batch->items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.record.message.key, a.record.event) < std::tie(b.record.message.key, b.record.event);
  });
  for (const Item& item : batch->items) {
    if (item.position) batch->positions.push_back(*item.position);
  }
  committing_ = true;
  return batch;
}

void Loop::Commit(const std::shared_ptr<Batch>& batch) {
  around_.database.Run([this, batch](store::Tx& tx) { return Apply(tx, *batch); },
                       [this, batch](const Status& status) { Committed(batch, status); });
}

Status Loop::Apply(store::Tx& tx, Batch& batch) {
  batch.done = batch.to_waiting = batch.from_waiting = batch.parked = batch.later = 0;
  for (Item& item : batch.items) {
    const Status applied = item.result->ok() ? ApplyItem(tx, batch, item) : Status(item.result->error());
    if (!applied.ok()) SEKISHO_RETURN_IF_ERROR(Fail(tx, batch, item, applied.error()));
  }
  if (!batch.positions.empty()) SEKISHO_RETURN_IF_ERROR(consumer_->Finish(tx, batch.positions));
  static_cast<void>(Failpoint("stage.before_commit"));
  return Ok();
}

Status Loop::ApplyItem(store::Tx& tx, Batch& batch, Item& item) {
  bool left_waiting = false;
  SEKISHO_RETURN_IF_ERROR(tx.Savepoint([&]() -> Status {
    bool fresh = true;
    if (item.position) {
      SEKISHO_TRY(fresh, EntersFirst(tx, item));
    } else {
      SEKISHO_TRY(left_waiting, tables_.RemoveWaiting(tx, item.record.event));
      fresh = left_waiting;  // else its lease ended while it was in work, and it was given, and finished, a second time
    }
    if (!fresh || !**item.result) return Ok();
    TransactionOutbox outbox(around_, options_.name, tx, item.record.message.header.traceparent);
    return (**item.result)(tx, outbox);
  }));
  ++batch.done;
  if (left_waiting) ++batch.from_waiting;
  return Ok();
}

// Whether a record from the topic is seen for the first time. It enters the inbox when it leaves the topic, for its
// effects, for the waiting table or to be parked: in those its row stands for it, and nothing that the topic gives
// again is done beside it.
Result<bool> Loop::EntersFirst(store::Tx& tx, const Item& item) {
  if (consumer_->finishes_atomically() || Failpoint("stage.inbox_off")) return true;
  return tables_.EnterInbox(tx, item.record.event);
}

// Takes the record out of the way of the others, inside the same transaction: to be tried later, or parked.
Status Loop::Fail(store::Tx& tx, Batch& batch, Item& item, const Error& error) {
  if (item.position) {
    SEKISHO_TRY(const bool fresh, EntersFirst(tx, item));
    if (!fresh) return Ok();
  } else {
    SEKISHO_TRY(const bool left_waiting, tables_.RemoveWaiting(tx, item.record.event));
    if (!left_waiting) return Ok();  // finished a second time, see above
    ++batch.from_waiting;
  }
  Kept kept = item.record;
  // It may quote anything: a column for text takes neither ill-formed UTF-8 nor NUL.
  kept.cause = text::ShowInvisible(text::SanitizeUtf8(error.ToString()));
  kept.at = around_.clock.Now();
  const bool paused = [&] {
    const std::scoped_lock lock(mutex_);
    return paused_;
  }();
  // While the whole stage waits for a dependency, a record's own tries don't count.
  if (!paused) ++kept.attempts;
  batch.last_error = kept.cause;
  if (error.retry == Retry::kLater) ++batch.later;
  if (error.retry == Retry::kLater && kept.attempts < static_cast<uint32_t>(options_.max_attempts)) {
    kept.at += BackOff(kept.attempts);
    ++batch.to_waiting;
    return tables_.PutWaiting(tx, kept);
  }
  ++batch.parked;
  SEKISHO_RETURN_IF_ERROR(tables_.PutParked(tx, kept));
  TransactionOutbox outbox(around_, options_.name, tx, item.record.message.header.traceparent);
  SEKISHO_RETURN_IF_ERROR(outbox.DeadLetter(kept, error.code, item.key.has_value()));
  return JournalParked(outbox, item, kept.cause);
}

Status Loop::JournalParked(Outbox& outbox, const Item& item, const std::string& cause) const {
  const auto& producers = RouteOf(bus::Topic::kJournal).producers;
  if (std::find(producers.begin(), producers.end(), options_.name) == producers.end()) return Ok();
  mail::v1::JournalEvent event;
  event.set_mail_id(std::string(item.record.message.key.octets()));
  event.set_type("parked");
  event.set_detail(cause);
  Describe(topic_, item.value, event);
  std::optional<keys::MailKey> key = item.key;
  if (!key) {  // the record could not be opened
    SEKISHO_TRY(key, around_.keys.NewMailKey(around_.clock.Now()));
  }
  return outbox.Journal(*key, std::move(event));
}

void Loop::Committed(const std::shared_ptr<Batch>& batch, const Status& status) {
  if (status.ok()) {
    static_cast<void>(Failpoint("stage.after_commit"));
    if (!batch->positions.empty()) consumer_->Finished(batch->positions);
  }
  std::shared_ptr<Batch> next;
  {
    // Drain returns, and this object dies, as soon as it sees that nothing is left: no member is touched after the lock
    // is given back, unless there is more to commit, for which Drain waits.
    const std::scoped_lock lock(mutex_);
    committing_ = false;
    if (status.ok()) {
      in_flight_ -= batch->items.size();
      waiting_ += batch->to_waiting;
      waiting_ -= std::min(waiting_, batch->from_waiting);
      JudgeHealthLocked(*batch);
    } else {
      // The database refused the whole group: nothing happened, everything is tried again.
      for (Item& item : batch->items) ready_.push_back(std::move(item));
      commit_not_before_ = around_.clock.Steady() + seconds(1);
    }
    next = TakeBatchLocked();
    changed_.notify_all();
  }
  if (next != nullptr) Commit(next);
}

void Loop::JudgeHealthLocked(const Batch& batch) {
  if (batch.done > 0) {
    later_in_a_row_ = 0;
    paused_ = false;
    pause_ = {};
    return;
  }
  later_in_a_row_ += batch.later;
  if (batch.later == 0 || (!paused_ && later_in_a_row_ < kLaterInARow)) return;
  paused_ = true;
  pause_reason_ = batch.last_error;
  pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
  probe_at_ = around_.clock.Steady() + pause_;
}

Duration Loop::BackOff(uint32_t attempts) const {
  Duration wait = options_.first_retry;
  for (uint32_t i = 1; i < attempts && wait < options_.max_retry; ++i) wait *= 2;
  wait = std::min(wait, options_.max_retry);
  return Duration(static_cast<int64_t>(static_cast<double>(wait.count()) * (0.75 + 0.5 * RandomUnit())));
}

}  // namespace sekisho::stage

#include "shared/bus/kafka/relay.h"

#include <pthread.h>

#include "shared/base/failpoint.h"

namespace sekisho::bus::kafka {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kBatch = 256;
constexpr size_t kMostUndeleted = 4 * kBatch;
constexpr Duration kAfterTrouble = milliseconds(200);
constexpr seconds kSlow(5);  // a broker that takes longer is trouble

}  // namespace

void Bell::Ring() {
  {
    const std::scoped_lock lock(mutex_);
    rung_ = true;
  }
  rung_or_stopped_.notify_all();
}

void Bell::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
  }
  rung_or_stopped_.notify_all();
}

bool Bell::stopped() const {
  const std::scoped_lock lock(mutex_);
  return stopped_;
}

bool Bell::Await(Duration wait) {
  std::unique_lock lock(mutex_);
  rung_or_stopped_.wait_for(lock, wait, [&] { return rung_ || stopped_; });
  rung_ = false;
  return !stopped_;
}

bool Bell::Pause(Duration wait) {
  std::unique_lock lock(mutex_);
  return !rung_or_stopped_.wait_for(lock, wait, [&] { return stopped_; });
}

Relay::Relay(store::Database& database, const KafkaOptions& options, TopicCheck& topics, const OutboxTable& outbox,
             int shard)
    : database_(database), options_(options), topics_(topics), outbox_(outbox), shard_(shard) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("relay:" + outbox_.schema()).substr(0, 15).c_str());
    Run();
  });
}

Relay::~Relay() {
  bell_->Stop();
  thread_.join();
}

std::string Relay::trouble() const {
  const std::scoped_lock lock(mutex_);
  if (trouble_.empty() && publishing_since_ && std::chrono::steady_clock::now() - *publishing_since_ > kSlow) {
    return "kafka: the brokers do not acknowledge";
  }
  return trouble_;
}

void Relay::Run() {
  while (bell_->Await(options_.look)) {
    const Status status = PublishAll();
    {
      const std::scoped_lock lock(mutex_);
      trouble_ = status.ok() ? "" : status.error().ToString();
    }
    if (!status.ok() && bell_->Pause(kAfterTrouble)) bell_->Ring();
  }
  publisher_.reset();
  std::unique_lock lock(mutex_);
  deleted_.wait(lock, [&] { return deleting_ == 0; });
  if (options_.shard_lock != nullptr) options_.shard_lock->Release(outbox_.schema(), shard_);
}

bool Relay::HoldsLock() const {
  return options_.shard_lock == nullptr || options_.shard_lock->Hold(outbox_.schema(), shard_);
}

Status Relay::PublishAll() {
  while (!bell_->stopped() && HoldsLock()) {
    SEKISHO_RETURN_IF_ERROR(topics_.Verify());
    SEKISHO_TRY(const std::vector<OutboxRow> rows, Unpublished());
    if (rows.empty()) break;
    SEKISHO_RETURN_IF_ERROR(Publish(rows));
  }
  return Ok();
}

Result<std::vector<OutboxRow>> Relay::Unpublished() {
  std::vector<OutboxKey> again;
  {
    const std::scoped_lock lock(mutex_);
    again.swap(undeleted_);
  }
  if (!again.empty()) Delete(std::move(again));
  std::set<OutboxKey> published;  // of before the reading: what is deleted meanwhile may still be seen
  {
    std::unique_lock lock(mutex_);
    deleted_.wait(lock, [&] { return acknowledged_.size() < kMostUndeleted || deleting_ == 0; });
    published = acknowledged_;
  }
  if (published.size() >= kMostUndeleted) return MakeError(Code::kUnavailable, "published rows cannot be deleted");
  std::vector<OutboxRow> rows;
  SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) -> Status {
    SEKISHO_TRY(rows, outbox_.Select(tx, shard_, kBatch, published));
    return Ok();
  }));
  return rows;
}

Status Relay::Publish(const std::vector<OutboxRow>& rows) {
  if (publisher_ == nullptr) {
    SEKISHO_TRY(publisher_, Publisher::Open(options_, "sekisho-" + outbox_.schema() + "-" + std::to_string(shard_)));
  }
  {
    const std::scoped_lock lock(mutex_);
    publishing_since_ = std::chrono::steady_clock::now();
  }
  std::vector<OutboxKey> acknowledged;
  const Status status = publisher_->Publish(
      rows, [&] { return !bell_->stopped(); }, acknowledged);
  if (publisher_->broken()) publisher_.reset();
  const bool forget = Failpoint("bus.published");  // as if this process had died here
  {
    const std::scoped_lock lock(mutex_);
    publishing_since_.reset();
    if (forget) return MakeError(Code::kInternal, "bus.published failed");
    acknowledged_.insert(acknowledged.begin(), acknowledged.end());
  }
  if (!acknowledged.empty()) Delete(std::move(acknowledged));
  return status;
}

void Relay::Delete(std::vector<OutboxKey> keys) {
  {
    const std::scoped_lock lock(mutex_);
    ++deleting_;
  }
  const auto shared = std::make_shared<const std::vector<OutboxKey>>(std::move(keys));
  database_.Run([this, shared](store::Tx& tx) { return outbox_.Delete(tx, *shared); },
                [this, shared](const Status& status) { Deleted(*shared, status.ok()); });
}

void Relay::Deleted(const std::vector<OutboxKey>& keys, bool ok) {
  // Under the lock to the end: whoever waits for the last deletion destroys this object.
  const std::scoped_lock lock(mutex_);
  --deleting_;
  if (ok) {
    for (const OutboxKey& key : keys) acknowledged_.erase(key);
  } else {
    undeleted_.insert(undeleted_.end(), keys.begin(), keys.end());
  }
  deleted_.notify_all();
}

}  // namespace sekisho::bus::kafka

#include "shared/testing/store/table_bus.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>

#include "shared/bus/header.h"

namespace sekisho::testing {
namespace {

constexpr Duration kPoll = std::chrono::milliseconds(5);

const store::Statement kAppend(
    "INSERT INTO {bus.record} (event, topic, mail, header, value) VALUES ($1, $2, $3, $4, $5)");
const store::Statement kIds("SELECT event FROM {bus.record} WHERE topic = $1 ORDER BY event");
const store::Statement kRecord("SELECT mail, header, value FROM {bus.record} WHERE event = $1");

Result<std::vector<EventId>> Ids(store::Tx& tx, bus::Topic topic) {
  std::vector<EventId> ids;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kIds, {static_cast<int64_t>(topic)}, [&](const store::Row& row) -> Status {
    SEKISHO_TRY(const EventId id, EventId::FromOctets(row.Blob(0)));
    ids.push_back(id);
    return Ok();
  }));
  return ids;
}

Result<bus::Record> Load(store::Tx& tx, bus::Topic topic, const EventId& id) {
  bus::Record record;
  record.topic = topic;
  SEKISHO_RETURN_IF_ERROR(tx.Query(kRecord, {store::Octets{id.octets()}}, [&](const store::Row& row) -> Status {
    SEKISHO_TRY(record.message.key, MailId::FromOctets(row.Blob(0)));
    SEKISHO_TRY(record.message.header, bus::DecodeHeader(row.Blob(1)));
    record.message.value = row.Blob(2);
    return Ok();
  }));
  return record;
}

class TableConsumer final : public bus::Consumer {
 public:
  TableConsumer(store::Database& database, bus::Topic topic) : database_(database), topic_(topic) {}

  Result<std::vector<bus::Record>> Fetch(size_t max, Duration wait) override {
    const auto until = std::chrono::steady_clock::now() + wait;
    std::vector<bus::Record> records;
    for (;;) {
      SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) -> Status {
        SEKISHO_TRY(const std::vector<EventId> ids, Ids(tx, topic_));
        for (const EventId& id : ids) {
          if (records.size() == max || !given_.insert(id).second) continue;
          SEKISHO_TRY(bus::Record record, Load(tx, topic_, id));
          record.position.offset = ++offset_;
          records.push_back(std::move(record));
        }
        return Ok();
      }));
      std::unique_lock lock(mutex_);
      unfinished_ += records.size();
      if (!records.empty() || stopped_ || std::chrono::steady_clock::now() >= until) return records;
      changed_.wait_for(lock, kPoll, [&] { return stopped_; });
    }
  }
  Status Finish(store::Tx&, std::span<const bus::Position>) override { return Ok(); }
  void Finished(std::span<const bus::Position> positions) override {
    const std::scoped_lock lock(mutex_);
    unfinished_ -= positions.size();
  }
  bool finishes_atomically() const override { return false; }
  Lag lag() const override { return {depth(), {}}; }
  uint64_t depth() const override {
    const std::scoped_lock lock(mutex_);
    return unfinished_;
  }
  void Stop() override {
    const std::scoped_lock lock(mutex_);
    stopped_ = true;
    changed_.notify_all();
  }

 private:
  store::Database& database_;
  const bus::Topic topic_;
  std::set<EventId> given_;
  int64_t offset_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t unfinished_ = 0;
  bool stopped_ = false;
};

}  // namespace

TableBus::TableBus(store::Database& database) : database_(database) {
  const store::Migration migrations[] = {
      {1,
       "CREATE TABLE {bus.record} (event {blob} NOT NULL PRIMARY KEY, topic INTEGER NOT NULL, mail {blob} NOT NULL, "
       "header {blob} NOT NULL, value {blob} NOT NULL);\n"
       "CREATE INDEX bus_record_topic ON {bus.record} (topic, event)"}};
  SEKISHO_CHECK(database_.Migrate("bus", migrations).ok());
}

Status TableBus::Append(store::Tx& tx, std::string_view, bus::Topic topic, const bus::Message& message) {
  SEKISHO_RETURN_IF_ERROR(tx.Execute(
      kAppend,
      {store::Octets{message.header.id.octets()}, static_cast<int64_t>(topic), store::Octets{message.key.octets()},
       store::Octets{bus::EncodeHeader(message.header)}, store::Octets{message.value}}));
  return Ok();
}

Result<std::unique_ptr<bus::Consumer>> TableBus::Subscribe(bus::Topic topic, std::string_view) {
  return std::unique_ptr<bus::Consumer>(std::make_unique<TableConsumer>(database_, topic));
}

Result<std::vector<bus::Record>> TableBus::Read(bus::Topic topic) const {
  std::vector<bus::Record> records;
  SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) -> Status {
    records.clear();
    SEKISHO_TRY(const std::vector<EventId> ids, Ids(tx, topic));
    for (const EventId& id : ids) {
      SEKISHO_TRY(bus::Record record, Load(tx, topic, id));
      records.push_back(std::move(record));
    }
    return Ok();
  }));
  return records;
}

}  // namespace sekisho::testing

#include "shared/bus/local.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "shared/bus/header.h"
#include "shared/bus/offset.h"

namespace sekisho::bus {
namespace {

constexpr int64_t kTrimEvery = 512;  // finished records are deleted this many at a time

std::string Table(Topic topic) { return "{bus." + std::string(TopicName(topic)) + "}"; }

// One topic's table and who waits for it.
struct Log {
  explicit Log(Topic which)
      : topic(which),
        insert("INSERT INTO " + Table(which) + " (seq, at, mail, header, value) VALUES ($1, $2, $3, $4, $5)"),
        fetch("SELECT seq, mail, header, value FROM " + Table(which) + " WHERE seq > $1 ORDER BY seq LIMIT $2"),
        oldest("SELECT at FROM " + Table(which) + " WHERE seq > $1 ORDER BY seq LIMIT 1"),
        trim("DELETE FROM " + Table(which) + " WHERE seq <= $1") {}

  const Topic topic;
  const store::Statement insert, fetch, oldest, trim;

  std::mutex mutex;
  std::condition_variable appended;
  int64_t next = 1;                       // touched only inside transactions, and at open
  int64_t visible = 0;                    // highest committed
  std::map<std::string, int64_t> lows;    // durable, by group
  std::map<std::string, uint64_t> depth;  // committed and not finished, by group

  // The lowest durable low of the groups but `mine`.
  int64_t LowestOther(const std::string& mine) {
    const std::scoped_lock lock(mutex);
    int64_t lowest = INT64_MAX;
    for (const auto& [group, low] : lows) {
      if (group != mine) lowest = std::min(lowest, low);
    }
    return lowest;
  }
};

const store::Statement kSelectOffset("SELECT low, done FROM {bus.consumer} WHERE topic = $1 AND consumer_group = $2");
const store::Statement kSaveOffset(
    "INSERT INTO {bus.consumer} (topic, consumer_group, low, done) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (topic, consumer_group) DO UPDATE SET low = excluded.low, done = excluded.done");

class LocalConsumer final : public Consumer {
 public:
  LocalConsumer(store::Database& database, Log& log, std::string group, Offset offset)
      : database_(database),
        log_(log),
        group_(std::move(group)),
        offset_(std::move(offset)),
        fetched_(offset_.low()),
        trimmed_(offset_.low()) {}

  Result<std::vector<Record>> Fetch(size_t max, Duration wait) override {
    {
      std::unique_lock lock(log_.mutex);
      log_.appended.wait_for(lock, wait, [&] { return stopped_ || log_.visible > fetched_; });
      if (stopped_ || log_.visible <= fetched_) return std::vector<Record>();
    }
    std::vector<Record> records;
    int64_t last = fetched_;
    SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) {
      records.clear();
      last = fetched_;
      return tx.Query(log_.fetch, {fetched_, static_cast<int64_t>(max)}, [&](const store::Row& row) -> Status {
        last = row.Int(0);
        Record record;
        record.topic = log_.topic;
        record.position.offset = last;
        SEKISHO_TRY(record.message.key, MailId::FromOctets(row.Blob(1)));
        SEKISHO_TRY(record.message.header, DecodeHeader(row.Blob(2)));
        record.message.value = row.Blob(3);
        records.push_back(std::move(record));
        return Ok();
      });
    }));
    const std::scoped_lock lock(mutex_);
    std::erase_if(records, [&](const Record& record) { return offset_.IsDone(record.position.offset); });
    for (const Record& record : records) offset_.Give(record.position.offset);
    fetched_ = last;
    return records;
  }

  Status Finish(store::Tx& tx, std::span<const Position> positions) override {
    Offset after = After(positions);
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(kSaveOffset, {TopicName(log_.topic), group_, after.low(), store::Octets{after.EncodeDone()}}));
    if (after.low() - trimmed_ >= kTrimEvery) {
      // Of the others only what is durably finished counts; mine is undone together with the deletion.
      const int64_t upto = std::min(log_.LowestOther(group_), after.low());
      SEKISHO_RETURN_IF_ERROR(tx.Execute(log_.trim, {upto}));
      trimmed_ = upto;
    }
    return Ok();
  }

  void Finished(std::span<const Position> positions) override {
    Offset after = After(positions);
    const int64_t low = after.low();
    {
      const std::scoped_lock lock(mutex_);
      offset_ = std::move(after);
    }
    const std::scoped_lock lock(log_.mutex);
    log_.lows[group_] = low;
    uint64_t& depth = log_.depth[group_];
    depth -= std::min<uint64_t>(depth, positions.size());
  }

  bool finishes_atomically() const override { return true; }

  Lag lag() const override {
    Lag lag;
    int64_t low = 0;
    {
      const std::scoped_lock lock(log_.mutex);
      lag.depth = log_.depth[group_];
      low = log_.lows[group_];
    }
    if (lag.depth > 0) {
      static_cast<void>(database_.Read([&](store::Tx& tx) {
        return tx.Query(log_.oldest, {low}, [&](const store::Row& row) {
          lag.oldest = FromMicros(row.Int(0));
          return Ok();
        });
      }));
    }
    return lag;
  }

  uint64_t depth() const override {
    const std::scoped_lock lock(log_.mutex);
    const auto found = log_.depth.find(group_);
    return found == log_.depth.end() ? 0 : found->second;
  }

  void Stop() override {
    {
      const std::scoped_lock lock(log_.mutex);
      stopped_ = true;
    }
    log_.appended.notify_all();
  }

 private:
  Offset After(std::span<const Position> positions) const {
    std::vector<int64_t> offsets;
    offsets.reserve(positions.size());
    for (const Position& position : positions) offsets.push_back(position.offset);
    const std::scoped_lock lock(mutex_);
    Offset after = offset_;
    after.Finish(offsets);
    return after;
  }

  store::Database& database_;
  Log& log_;
  const std::string group_;
  mutable std::mutex mutex_;
  Offset offset_;
  int64_t fetched_;  // by the fetching thread
  int64_t trimmed_;  // inside transactions
  bool stopped_ = false;
};

class LocalBus final : public Bus {
 public:
  LocalBus(store::Database& database, const std::map<Topic, std::vector<std::string>>& groups)
      : database_(database), groups_(groups) {
    for (const Topic topic : kTopics) logs_.push_back(std::make_unique<Log>(topic));
  }

  Status Open() {
    std::string sql =
        "CREATE TABLE {bus.consumer} (topic TEXT NOT NULL, consumer_group TEXT NOT NULL, low BIGINT NOT NULL, "
        "done {blob} NOT NULL, PRIMARY KEY (topic, consumer_group));\n";
    for (const Topic topic : kTopics) {
      sql += "CREATE TABLE " + Table(topic) +
             " (seq INTEGER PRIMARY KEY, at BIGINT NOT NULL, mail {blob} NOT NULL, header {blob} NOT NULL, "
             "value {blob} NOT NULL);\n";
    }
    const store::Migration migrations[] = {{1, sql}};
    SEKISHO_RETURN_IF_ERROR(database_.Migrate("bus", migrations));
    return database_.Read([&](store::Tx& tx) -> Status {
      for (const auto& log : logs_) SEKISHO_RETURN_IF_ERROR(Recover(tx, *log));
      return Ok();
    });
  }

  Status Append(store::Tx& tx, std::string_view, Topic topic, const Message& message) override {
    Log& log = LogOf(topic);
    if (groups_.find(topic) == groups_.end() || groups_[topic].empty()) return Ok();  // nobody would ever take it
    const int64_t seq = log.next++;
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(log.insert, {seq, ToMicros(message.header.time), store::Octets{message.key.octets()},
                                store::Octets{EncodeHeader(message.header)}, store::Octets{message.value}}));
    tx.OnCommitted([&log, seq] {
      {
        const std::scoped_lock lock(log.mutex);
        log.visible = std::max(log.visible, seq);
        for (auto& [group, depth] : log.depth) ++depth;
      }
      log.appended.notify_all();
    });
    return Ok();
  }

  Result<std::unique_ptr<Consumer>> Subscribe(Topic topic, std::string_view group) override {
    Log& log = LogOf(topic);
    const auto& known = groups_[topic];
    if (std::find(known.begin(), known.end(), group) == known.end()) {
      return MakeError(Code::kInternal, std::string(group) + " is no consumer of " + std::string(TopicName(topic)));
    }
    Offset offset;
    SEKISHO_RETURN_IF_ERROR(
        database_.Read([&](store::Tx& tx) { return LoadOffset(tx, topic, std::string(group), offset); }));
    return std::unique_ptr<Consumer>(new LocalConsumer(database_, log, std::string(group), std::move(offset)));
  }

 private:
  Log& LogOf(Topic topic) { return *logs_[static_cast<size_t>(topic)]; }

  static Status LoadOffset(store::Tx& tx, Topic topic, const std::string& group, Offset& offset) {
    offset = Offset();
    return tx.Query(kSelectOffset, {TopicName(topic), group}, [&](const store::Row& row) -> Status {
      SEKISHO_TRY(offset, Offset::Decode(row.Int(0), row.Blob(1)));
      return Ok();
    });
  }

  // Numbers go on above everything that was ever given out: a table that was emptied must not start again at 1.
  Status Recover(store::Tx& tx, Log& log) {
    const store::Statement newest("SELECT COALESCE(MAX(seq), 0) FROM " + Table(log.topic));
    SEKISHO_RETURN_IF_ERROR(tx.Query(newest, {}, [&](const store::Row& row) {
      log.visible = row.Int(0);
      return Ok();
    }));
    log.next = log.visible + 1;
    for (const std::string& group : groups_[log.topic]) {
      Offset offset;
      SEKISHO_RETURN_IF_ERROR(LoadOffset(tx, log.topic, group, offset));
      log.lows[group] = offset.low();
      log.next = std::max(log.next, offset.low() + 1);
      const store::Statement count("SELECT seq FROM " + Table(log.topic) + " WHERE seq > $1");
      SEKISHO_RETURN_IF_ERROR(tx.Query(count, {offset.low()}, [&](const store::Row& row) {
        log.depth[group] += offset.IsDone(row.Int(0)) ? 0 : 1;
        return Ok();
      }));
      log.depth.try_emplace(group, 0);
    }
    return Ok();
  }

  store::Database& database_;
  std::map<Topic, std::vector<std::string>> groups_;
  std::vector<std::unique_ptr<Log>> logs_;
};

}  // namespace

Result<std::unique_ptr<Bus>> OpenLocal(store::Database& database,
                                       const std::map<Topic, std::vector<std::string>>& groups) {
  auto bus = std::make_unique<LocalBus>(database, groups);
  SEKISHO_RETURN_IF_ERROR(bus->Open());
  return std::unique_ptr<Bus>(std::move(bus));
}

}  // namespace sekisho::bus

#include <algorithm>

#include "shared/bus/header.h"
#include "shared/bus/tail.h"

namespace sekisho::bus {
namespace {

class LocalTail final : public Tail {
 public:
  LocalTail(store::Database& database, Topic topic)
      : database_(database),
        topic_(topic),
        newest_("SELECT COALESCE(MAX(seq), 0) FROM " + Table()),
        next_("SELECT seq, mail, header, value FROM " + Table() + " WHERE seq > $1 ORDER BY seq LIMIT $2") {}

  Status Begin(size_t newest) {
    SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) {
      return tx.Query(newest_, {}, [&](const store::Row& row) {
        end_ = row.Int(0);
        return Ok();
      });
    }));
    given_ = std::max<int64_t>(0, end_ - static_cast<int64_t>(newest));
    return Ok();
  }

  Result<std::vector<Record>> Next(size_t max) override {
    std::vector<Record> records;
    SEKISHO_RETURN_IF_ERROR(database_.Read([&](store::Tx& tx) {
      records.clear();
      return tx.Query(next_, {given_, static_cast<int64_t>(max)}, [&](const store::Row& row) -> Status {
        Record& record = records.emplace_back();
        record.topic = topic_;
        record.position.offset = row.Int(0);
        SEKISHO_TRY(record.message.key, MailId::FromOctets(row.Blob(1)));
        SEKISHO_TRY(record.message.header, DecodeHeader(row.Blob(2)));
        record.message.value = row.Blob(3);
        return Ok();
      });
    }));
    // What was trimmed meanwhile won't come any more.
    given_ = records.empty() ? std::max(given_, end_) : records.back().position.offset;
    return records;
  }

  bool caught_up() const override { return given_ >= end_; }

 private:
  std::string Table() const { return "{bus." + std::string(TopicName(topic_)) + "}"; }

  store::Database& database_;
  const Topic topic_;
  const store::Statement newest_, next_;
  int64_t end_ = 0, given_ = 0;
};

}  // namespace

Result<std::unique_ptr<Tail>> OpenLocalTail(store::Database& database, Topic topic, size_t newest) {
  auto tail = std::make_unique<LocalTail>(database, topic);
  SEKISHO_RETURN_IF_ERROR(tail->Begin(newest));
  return std::unique_ptr<Tail>(std::move(tail));
}

}  // namespace sekisho::bus

#pragma once
// Topics between the stages. A record is appended inside the transaction whose effect it tells of, and consumed with an
// offset that moves only past finished work. Drivers: local.h (a log in SQLite), kafka.h.
// Each passes tests/unit/shared/bus/conformance.h.

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/ids.h"
#include "shared/base/result.h"
#include "shared/store/store.h"

namespace sekisho::bus {

enum class Topic { kSubmitted, kJudged, kCleared, kSealed, kOutcome, kControl, kJournal, kDeadLetter };
inline constexpr std::array kTopics = {Topic::kSubmitted, Topic::kJudged,  Topic::kCleared, Topic::kSealed,
                                       Topic::kOutcome,   Topic::kControl, Topic::kJournal, Topic::kDeadLetter};
std::string_view TopicName(Topic topic);  // "submitted"; on Kafka "<prefix>.submitted.v1"
std::optional<Topic> TopicByName(std::string_view name);

// Of a record on Topic::kDeadLetter: which record it stands for, and why that was given up.
struct DeadLetter {
  Topic topic = Topic::kSubmitted;
  EventId event;       // of the record as it was produced: its value is sealed for this topic and event
  std::string source;  // the stage that produced it; empty when nobody knows
  std::string cause;   // an Error's code: "malformed"
  uint32_t attempts = 0;
  bool operator==(const DeadLetter&) const = default;
};

// What travels in the clear: CloudEvents attributes and what the consumer needs before it can open the value. No
// personal data.
struct Header {
  EventId id;          // ce_id: minted once, the same when published again
  std::string type;    // ce_type: the protobuf message, "sekisho.mail.v1.Parcel"
  std::string source;  // ce_source: the stage that produced it, "policy"
  TimePoint time{};    // ce_time
  std::string organization_id;
  std::string traceparent;                  // W3C Trace Context; may be empty
  EventId causation;                        // nil, or the event that was redriven or given up
  std::map<std::string, std::string> macs;  // consuming stage → HMAC over the record (stage/handover.h)
  std::optional<DeadLetter> dead_letter;
};

struct Message {
  Header header;
  MailId key;         // partitions by this
  std::string value;  // sealed
};

struct Position {
  int32_t partition = 0;
  int64_t offset = 0;
  auto operator<=>(const Position&) const = default;
};

// The same for a record whenever it is given, and nobody else's: UUIDv8 (RFC 9562 §5.8). For a record whose own id is
// not to be trusted.
EventId IdOfPosition(Topic topic, const Position& position);

struct Record {
  Topic topic = Topic::kSubmitted;
  Position position;
  Message message;
  // Set when its key or headers cannot be read (kCorrupt): who could write to the topic broke it. Nothing in `message`
  // may be trusted but header.id, which is then IdOfPosition. To be parked, and finished like any other.
  std::optional<Error> damage;
};

// One member of a consumer group. Fetch is called by one thread; Finish and Finished by whichever commits.
class Consumer {
 public:
  virtual ~Consumer() = default;

  // Up to `max` records not given before, in order within a partition. Waits up to `wait` for the first; empty after
  // that or Stop().
  virtual Result<std::vector<Record>> Fetch(size_t max, Duration wait) = 0;

  // Inside the transaction of their effects: these records are finished, in any order. One Finish at a time: the next
  // only after Finished, or after its transaction failed.
  virtual Status Finish(store::Tx& tx, std::span<const Position> positions) = 0;
  // After that transaction is durable: the same positions. Moves the offset to the lowest unfinished.
  virtual void Finished(std::span<const Position> positions) = 0;

  // True when Finish commits the offset with the effects, so that no record is ever given again after its effects are
  // durable. False: the stage keeps an inbox of event ids.
  virtual bool finishes_atomically() const = 0;

  struct Lag {
    uint64_t depth = 0;  // records not finished
    TimePoint oldest{};  // time of the oldest of them; zero when none
  };
  virtual Lag lag() const = 0;         // may read the database
  virtual uint64_t depth() const = 0;  // the same depth, cheap enough to ask for each mail

  virtual void Stop() = 0;  // wakes Fetch; idempotent
};

class Bus {
 public:
  virtual ~Bus() = default;
  // Appends inside `tx`: seen by consumers once that is durable, and exactly then. `schema` is the producing stage's
  // own.
  virtual Status Append(store::Tx& tx, std::string_view schema, Topic topic, const Message& message) = 0;
  // One consumer for each group and process. A new group starts at the oldest record kept.
  virtual Result<std::unique_ptr<Consumer>> Subscribe(Topic topic, std::string_view group) = 0;
};

}  // namespace sekisho::bus

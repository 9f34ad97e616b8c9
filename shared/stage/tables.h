#pragma once
// A stage's own tables: inbox (events whose effects are durable), waiting (to be tried again), parked (given up).

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/bus/bus.h"
#include "shared/store/store.h"

namespace sekisho::stage {

// A record outside its topic: it waits, or it was parked.
struct Kept {
  EventId event;  // as processed; differs from message.header.id when it was redriven
  bus::Topic topic = bus::Topic::kSubmitted;
  bus::Message message;
  uint32_t attempts = 0;
  TimePoint at{};  // waiting: due; parked: when
  std::string cause;
};

class Tables {
 public:
  explicit Tables(std::string_view schema);

  // False when the event's effects were committed before.
  Result<bool> EnterInbox(store::Tx& tx, const EventId& event) const;
  // Forgets events that no topic can give any more. Only where the inbox has partitions (PostgreSQL): a bus that shares
  // the database with the stage needs no inbox.
  Status ForgetInbox(store::Database& database, TimePoint now) const;

  Status PutWaiting(store::Tx& tx, const Kept& kept) const;
  // False when it does not wait: somebody else finished it.
  Result<bool> RemoveWaiting(store::Tx& tx, const EventId& event) const;
  // Leases up to `max` records of `topic` due at `now` until `until`: no other replica gets them before.
  Result<std::vector<Kept>> LeaseWaiting(store::Tx& tx, bus::Topic topic, TimePoint now, TimePoint until,
                                         int64_t max) const;
  Result<uint64_t> CountWaiting(store::Tx& tx, bus::Topic topic) const;

  // At most 1,000, the soonest due first.
  Result<std::vector<Kept>> ListWaiting(store::Tx& tx) const;

  Status PutParked(store::Tx& tx, const Kept& kept) const;
  Result<std::vector<Kept>> ListParked(store::Tx& tx) const;
  Result<std::map<bus::Topic, uint64_t>> CountParked(store::Tx& tx) const;
  Result<std::optional<Kept>> FindParked(store::Tx& tx, const EventId& event) const;
  // Takes it out. Errors: kNotFound.
  Result<Kept> TakeParked(store::Tx& tx, const EventId& event) const;

 private:
  store::Statement enter_inbox_, newest_in_inbox_, put_waiting_, remove_waiting_, lease_, count_waiting_, list_waiting_,
      put_parked_, list_parked_, count_parked_, find_parked_, take_parked_;
  std::vector<std::unique_ptr<const store::Statement>> empty_inbox_;  // by day
};

}  // namespace sekisho::stage

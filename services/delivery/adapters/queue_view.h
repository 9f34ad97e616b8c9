#pragma once
// The queue's rows as its operator looks at them. Inside the caller's transaction; nothing changes.

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "services/delivery/adapters/queue_table.h"

namespace sekisho::delivery {

// The ages that part a shape, as Postfix's qshape has them: each twice the one before.
inline constexpr std::array<std::chrono::minutes, 9> kAges = {
    std::chrono::minutes(5),   std::chrono::minutes(10),  std::chrono::minutes(20),
    std::chrono::minutes(40),  std::chrono::minutes(80),  std::chrono::minutes(160),
    std::chrono::minutes(320), std::chrono::minutes(640), std::chrono::minutes(1280)};

struct Shape {
  std::string destination;                             // blind index
  std::array<uint64_t, kAges.size() + 1> counts = {};  // younger than each age but not than the one before; older
};
// Walks all rows.
Result<std::vector<Shape>> ShapeRows(store::Tx& tx, TimePoint now);

struct ViewedRow {
  QueueRow row;
  bool claimed = false;
  TimePoint due{};  // of one that waits: the next attempt
};
struct RowFilter {
  RowKey after;                           // in the order of keys, which is that of the mails' acceptance
  std::optional<MailId> mail;             // of this one only
  std::vector<std::string> destinations;  // else of these only, by their blind indexes; none: all
  int64_t limit = 100;
};
Result<std::vector<ViewedRow>> ViewRows(store::Tx& tx, const RowFilter& filter);

}  // namespace sekisho::delivery

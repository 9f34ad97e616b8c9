#include "shared/distributed/unpublished.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

namespace sekisho::distributed {
namespace {

constexpr auto kFresh = std::chrono::milliseconds(500);

struct Known {
  std::mutex asking;
  std::chrono::steady_clock::time_point asked{};  // guarded by asking
  std::atomic<uint64_t> rows{0};
};

}  // namespace

std::function<uint64_t()> Unpublished(const bus::KafkaBus& bus) {
  return [&bus, known = std::make_shared<Known>()]() -> uint64_t {
    const std::unique_lock lock(known->asking, std::try_to_lock);
    const auto now = std::chrono::steady_clock::now();
    if (!lock.owns_lock() || now - known->asked < kFresh) return known->rows;
    known->asked = now;
    const auto outboxes = bus.outboxes();
    if (!outboxes.ok()) return known->rows;
    uint64_t rows = 0;
    for (const bus::KafkaBus::Outbox& outbox : *outboxes) rows += outbox.depth;
    known->rows = rows;
    return rows;
  };
}

}  // namespace sekisho::distributed

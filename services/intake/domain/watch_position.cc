#include "services/intake/domain/watch_position.h"

#include "shared/base/bytes.h"

namespace sekisho::intake {
namespace {

constexpr Duration kOverlap = std::chrono::minutes(1);
constexpr size_t kMostRecent = 64;  // 1 KiB of token
constexpr size_t kIdSize = 16;

}  // namespace

Result<WatchPosition> WatchPosition::Parse(std::string_view token) {
  WatchPosition position;
  SEKISHO_TRY(const std::string octets, Base64UrlDecode(token));
  if (octets.size() % kIdSize != 0 || octets.size() > kMostRecent * kIdSize) {
    return MakeError(Code::kInvalid, "the token is not one of ours");
  }
  for (size_t at = 0; at < octets.size(); at += kIdSize) {
    SEKISHO_TRY(const EventId id, EventId::FromOctets(std::string_view(octets).substr(at, kIdSize)));
    position.recent_.insert(id);
  }
  return position;
}

bool WatchPosition::Take(std::string_view event_id) {
  const auto id = EventId::Parse(event_id);
  if (!id.ok()) return true;  // better twice than never
  if (!recent_.empty() && id->uuid().time() + kOverlap < recent_.rbegin()->uuid().time()) return false;
  if (!recent_.insert(*id).second) return false;
  const TimePoint newest = recent_.rbegin()->uuid().time();
  while (recent_.size() > kMostRecent || recent_.begin()->uuid().time() + kOverlap < newest)
    recent_.erase(recent_.begin());
  return true;
}

std::string WatchPosition::ToToken() const {
  std::string octets;
  for (const EventId& id : recent_) octets += id.octets();
  return Base64UrlEncode(octets);
}

}  // namespace sekisho::intake

#pragma once
// UUIDv7 (RFC 9562 §5.7): time-ordered, so that ids make good keys; strong types, so that a parcel's id is never taken
// for a mail's.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho {

class Uuid {
 public:
  constexpr Uuid() = default;  // the nil UUID

  // A new UUIDv7 for `now`. Within one process ids never go back, even when the clock does. Thread safe.
  static Uuid Generate(TimePoint now);
  // Parses the 36-character form. Errors: kInvalid.
  static Result<Uuid> Parse(std::string_view text);
  // From 16 octets, as stored. Errors: kInvalid.
  static Result<Uuid> FromOctets(std::string_view octets);

  std::string ToString() const;  // "0193-…", lower case, 36 characters
  std::string_view octets() const { return {reinterpret_cast<const char*>(octets_.data()), octets_.size()}; }
  bool is_nil() const { return *this == Uuid(); }
  TimePoint time() const;  // its 48-bit milliseconds

  auto operator<=>(const Uuid&) const = default;

 private:
  std::array<unsigned char, 16> octets_{};
};

// An id of one kind. Tag is a type that names the kind.
template <typename Tag>
class Id {
 public:
  constexpr Id() = default;
  explicit Id(const Uuid& uuid) : uuid_(uuid) {}
  static Id Generate(TimePoint now) { return Id(Uuid::Generate(now)); }
  static Result<Id> Parse(std::string_view text) {
    SEKISHO_TRY(const Uuid uuid, Uuid::Parse(text));
    return Id(uuid);
  }
  static Result<Id> FromOctets(std::string_view octets) {
    SEKISHO_TRY(const Uuid uuid, Uuid::FromOctets(octets));
    return Id(uuid);
  }
  std::string ToString() const { return uuid_.ToString(); }
  std::string_view octets() const { return uuid_.octets(); }
  const Uuid& uuid() const { return uuid_; }
  bool is_nil() const { return uuid_.is_nil(); }
  auto operator<=>(const Id&) const = default;

 private:
  Uuid uuid_;
};

using MailId = Id<struct MailTag>;      // one accepted submission
using ParcelId = Id<struct ParcelTag>;  // recipients of one mail that share a treatment
using EventId = Id<struct EventTag>;    // one record on the bus

}  // namespace sekisho

template <>
struct std::hash<sekisho::Uuid> {
  size_t operator()(const sekisho::Uuid& uuid) const { return std::hash<std::string_view>()(uuid.octets()); }
};
template <typename Tag>
struct std::hash<sekisho::Id<Tag>> {
  size_t operator()(const sekisho::Id<Tag>& id) const { return std::hash<sekisho::Uuid>()(id.uuid()); }
};

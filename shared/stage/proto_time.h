#pragma once
// Between our times and protobuf's.

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "shared/base/clock.h"

namespace sekisho {

inline google::protobuf::Timestamp ToProto(TimePoint time) {
  google::protobuf::Timestamp stamp;
  int64_t seconds = ToMicros(time) / 1'000'000;
  int64_t micros = ToMicros(time) % 1'000'000;
  if (micros < 0) {
    --seconds;
    micros += 1'000'000;
  }
  stamp.set_seconds(seconds);
  stamp.set_nanos(static_cast<int32_t>(micros * 1000));
  return stamp;
}

inline TimePoint FromProto(const google::protobuf::Timestamp& stamp) {
  return FromMicros(stamp.seconds() * 1'000'000 + stamp.nanos() / 1000);
}

inline google::protobuf::Duration ToProto(Duration duration) {
  google::protobuf::Duration out;
  out.set_seconds(duration.count() / 1'000'000);
  out.set_nanos(static_cast<int32_t>(duration.count() % 1'000'000 * 1000));
  return out;
}

inline Duration FromProto(const google::protobuf::Duration& duration) {
  return Duration(duration.seconds() * 1'000'000 + duration.nanos() / 1000);
}

}  // namespace sekisho

#pragma once
// What every client of the cluster needs: its settings, and the library's objects as handles.

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>
#include <utility>

#include "shared/base/handle.h"
#include "shared/bus/kafka.h"

namespace sekisho::bus::kafka {

using Client = Handle<rd_kafka_t, rd_kafka_destroy>;
using PartitionList = Handle<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;
using Queue = Handle<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using Event = Handle<rd_kafka_event_t, rd_kafka_event_destroy>;

// Settings of one client. The first wrong one is remembered, and Make returns it.
class Settings {
 public:
  // Those of the connection. `name` is what the broker's logs call the client.
  Settings(const KafkaConnection& connection, const std::string& name);

  Settings& Set(const char* name, const std::string& value);
  rd_kafka_conf_t* raw() { return settings_.get(); }  // for callbacks

  // Errors: kInvalid, kUnsupported.
  Result<Client> Make(rd_kafka_type_t type) &&;

 private:
  Handle<rd_kafka_conf_t, rd_kafka_conf_destroy> settings_;
  Status status_;
};

// "<doing>: <the library's words>". kUnavailable, but for what does not pass by waiting.
Error FromKafka(rd_kafka_resp_err_t error, std::string_view doing);

std::string TopicOnKafka(const KafkaOptions& options, Topic topic);

}  // namespace sekisho::bus::kafka

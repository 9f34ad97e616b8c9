#include "shared/bus/kafka/topics.h"

#include <array>
#include <charconv>
#include <map>
#include <vector>

namespace sekisho::bus::kafka {
namespace {

constexpr int kWaitMs = 3'000, kMakeMs = 15'000, kAgainMs = 50;

using Metadata = Handle<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;
using NewTopic = Handle<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using Resource = Handle<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;
using AdminOptions = Handle<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;

struct Shape {
  int partitions = 0;
  int replication = 0;
};

Result<std::map<std::string, Shape>> ListTopics(rd_kafka_t* client) {
  const rd_kafka_metadata_t* raw = nullptr;
  if (const auto error = rd_kafka_metadata(client, 1, nullptr, &raw, kWaitMs); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return FromKafka(error, "listing the topics");
  }
  const Metadata metadata(raw);
  std::map<std::string, Shape> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR || topic.partition_cnt == 0) continue;
    topics[topic.topic] = {topic.partition_cnt, topic.partitions[0].replica_cnt};
  }
  return topics;
}

Result<Event> Await(rd_kafka_queue_t* queue, int within_ms, std::string_view doing) {
  Event event(rd_kafka_queue_poll(queue, within_ms));
  if (event == nullptr) return FromKafka(RD_KAFKA_RESP_ERR__TIMED_OUT, doing);
  if (const auto error = rd_kafka_event_error(event.get()); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return FromKafka(error, doing);
  }
  return event;
}

Status Create(rd_kafka_t* client, const std::vector<std::string>& names, const KafkaTopics& settings) {
  std::array<char, 512> why{};
  std::vector<NewTopic> topics;
  std::vector<rd_kafka_NewTopic_t*> raw;
  for (const std::string& name : names) {
    NewTopic topic(
        rd_kafka_NewTopic_new(name.c_str(), settings.partitions, settings.replication, why.data(), why.size()));
    if (topic == nullptr) return MakeError(Code::kInvalid, std::string("kafka: a new topic: ") + why.data());
    const auto set = [&](const char* key, int64_t value) {
      rd_kafka_NewTopic_set_config(topic.get(), key, std::to_string(value).c_str());
    };
    set("retention.ms", settings.retention / std::chrono::milliseconds(1));
    set("min.insync.replicas", settings.min_insync);
    rd_kafka_NewTopic_set_config(topic.get(), "cleanup.policy", "delete");
    raw.push_back(topic.get());
    topics.push_back(std::move(topic));
  }
  const AdminOptions options(rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_CREATETOPICS));
  rd_kafka_AdminOptions_set_operation_timeout(options.get(), kMakeMs, why.data(), why.size());
  const Queue queue(rd_kafka_queue_new(client));
  rd_kafka_CreateTopics(client, raw.data(), raw.size(), options.get(), queue.get());
  SEKISHO_TRY(const Event event, Await(queue.get(), 2 * kMakeMs, "making topics"));
  size_t count = 0;
  const auto results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto error = rd_kafka_topic_result_error(results[i]);
    // Another replica may have been first.
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) continue;
    return FromKafka(error, std::string("making topic ") + rd_kafka_topic_result_name(results[i]));
  }
  return Ok();
}

using Configuration = std::map<std::string, std::string>;

Result<std::map<std::string, Configuration>> Describe(rd_kafka_t* client, const std::vector<std::string>& names) {
  std::vector<Resource> resources;
  std::vector<rd_kafka_ConfigResource_t*> raw;
  for (const std::string& name : names) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
    raw.push_back(resources.back().get());
  }
  const Queue queue(rd_kafka_queue_new(client));
  rd_kafka_DescribeConfigs(client, raw.data(), raw.size(), nullptr, queue.get());
  SEKISHO_TRY(const Event event, Await(queue.get(), 2 * kWaitMs, "reading the topics' settings"));
  size_t count = 0;
  const auto described =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  std::map<std::string, Configuration> topics;
  for (size_t i = 0; i < count; ++i) {
    const char* const name = rd_kafka_ConfigResource_name(described[i]);
    if (const auto error = rd_kafka_ConfigResource_error(described[i]); error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return FromKafka(error, std::string("reading the settings of topic ") + name);
    }
    size_t entries = 0;
    const auto configs = rd_kafka_ConfigResource_configs(described[i], &entries);
    for (size_t j = 0; j < entries; ++j) {
      const char* const value = rd_kafka_ConfigEntry_value(configs[j]);
      topics[name][rd_kafka_ConfigEntry_name(configs[j])] = value == nullptr ? "" : value;
    }
  }
  return topics;
}

int64_t Number(const std::string& text) {
  int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// What is wrong with one topic, each with its remedy; empty when nothing is.
std::string Faults(const Shape& shape, Configuration configuration, const KafkaTopics& want) {
  std::string faults;
  const auto at_least = [&](std::string_view what, int64_t have, int64_t need) {
    if (have < need) {
      faults +=
          " " + std::string(what) + " is " + std::to_string(have) + ", must be at least " + std::to_string(need) + ";";
    }
  };
  at_least("the number of partitions", shape.partitions, want.partitions);
  at_least("the replication factor", shape.replication, want.replication);
  at_least("min.insync.replicas", Number(configuration["min.insync.replicas"]), want.min_insync);
  const int64_t most = want.retention / std::chrono::milliseconds(1), retention = Number(configuration["retention.ms"]);
  if (retention < 0 || retention > most) {
    faults += " retention.ms is " + configuration["retention.ms"] + ", must be " + std::to_string(most) +
              " at most: records must not outlive their keys;";
  }
  if (configuration["cleanup.policy"] != "delete") {
    faults += " cleanup.policy is " + configuration["cleanup.policy"] + ", must be delete: compaction loses records;";
  }
  return faults;
}

}  // namespace

Status TopicCheck::Verify() {
  const std::scoped_lock lock(mutex_);
  if (verified_) return Ok();
  if (std::chrono::steady_clock::now() < not_before_) return last_;
  last_ = Check();
  verified_ = last_.ok();
  not_before_ = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  return last_;
}

Status TopicCheck::Check() {
  SEKISHO_TRY(const Client client, Settings(options_.connection, "sekisho-topics").Make(RD_KAFKA_PRODUCER));
  std::vector<std::string> names;
  for (const Topic topic : kTopics) names.push_back(TopicOnKafka(options_, topic));

  SEKISHO_TRY(auto shapes, ListTopics(client.get()));
  const auto absent = [&] {
    std::vector<std::string> missing;
    for (const std::string& name : names) {
      if (!shapes.contains(name)) missing.push_back(name);
    }
    return missing;
  };
  if (const auto missing = absent(); !missing.empty() && options_.topics.create) {
    SEKISHO_RETURN_IF_ERROR(Create(client.get(), missing, options_.topics));
    // The controller has made them; the brokers learn of it a moment later.
    for (int waited = 0; !absent().empty() && waited < kMakeMs; waited += kAgainMs) {
      SEKISHO_TRY(shapes, ListTopics(client.get()));
      if (!absent().empty()) rd_kafka_poll(client.get(), kAgainMs);
    }
  }
  std::string faults;
  for (const std::string& name : absent()) {
    faults += " topic " + name + " does not exist, or we may not see it: make it, or allow us to;";
  }
  if (!faults.empty()) return MakeError(Code::kPrecondition, "kafka:" + faults);

  SEKISHO_TRY(const auto configurations, Describe(client.get(), names));
  for (const std::string& name : names) {
    const auto found = configurations.find(name);
    const std::string fault =
        Faults(shapes[name], found == configurations.end() ? Configuration() : found->second, options_.topics);
    if (!fault.empty()) faults += " topic " + name + ":" + fault;
  }
  if (!faults.empty()) return MakeError(Code::kPrecondition, "kafka:" + faults);
  return Ok();
}

}  // namespace sekisho::bus::kafka

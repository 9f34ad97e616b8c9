#include "shared/bus/kafka/publisher.h"

#include "shared/bus/cloudevents.h"

namespace sekisho::bus::kafka {
namespace {

constexpr int kPollMs = 100;
using Headers = Handle<rd_kafka_headers_t, rd_kafka_headers_destroy>;

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::Open(const KafkaOptions& options, const std::string& name) {
  std::unique_ptr<Publisher> publisher(new Publisher(options));
  Settings settings(options.connection, name);
  settings.Set("enable.idempotence", "true")
      .Set("acks", "all")
      .Set("partitioner", "murmur2_random")
      .Set("linger.ms", "0")
      .Set("message.timeout.ms", "0")  // never: order is kept through an outage, and the outbox has the row anyway
      .Set("queue.buffering.max.messages", "2000")
      .Set("queue.buffering.max.kbytes", "16384");
  rd_kafka_conf_set_opaque(settings.raw(), publisher.get());
  rd_kafka_conf_set_dr_msg_cb(settings.raw(), &Publisher::OnReport);
  SEKISHO_TRY(publisher->client_, std::move(settings).Make(RD_KAFKA_PRODUCER));
  return publisher;
}

void Publisher::OnReport(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
  auto& report = *static_cast<Report*>(message->_private);
  report.error = message->err;
  report.acknowledged = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
  --static_cast<Publisher*>(self)->outstanding_;
}

rd_kafka_resp_err_t Publisher::Produce(const OutboxRow& row, Report& report) {
  const NamedOctets named = EncodeCloudEvent(row.message.header);
  Headers headers(rd_kafka_headers_new(named.size()));
  for (const auto& [name, value] : named) {
    rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }
  const std::string topic = TopicOnKafka(options_, row.topic), key = row.message.key.ToString();
  const std::string& value = row.message.value;
  const auto error = rd_kafka_producev(
      client_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
      RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_HEADERS(headers.get()), RD_KAFKA_V_OPAQUE(static_cast<void*>(&report)), RD_KAFKA_V_END);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(headers.release());  // the message has them now
    ++outstanding_;
  }
  return error;
}

Status Publisher::Publish(std::span<const OutboxRow> rows, const std::function<bool()>& go_on,
                          std::vector<OutboxKey>& acknowledged) {
  std::vector<Report> reports(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) reports[i].error = Produce(rows[i], reports[i]);
  for (bool given_up = false; outstanding_ > 0;) {
    rd_kafka_poll(client_.get(), kPollMs);
    if (given_up || (go_on() && !broken())) continue;
    // Reports for all of them follow, with an error for those that were not acknowledged yet.
    rd_kafka_purge(client_.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    given_up = true;
  }
  Status status;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (reports[i].acknowledged) {
      acknowledged.push_back(rows[i].key);
    } else if (status.ok()) {
      status = go_on() ? FromKafka(reports[i].error, "publishing to " + TopicOnKafka(options_, rows[i].topic))
                       : MakeError(Code::kCancelled, "kafka: stopping");
    }
  }
  return status;
}

}  // namespace sekisho::bus::kafka

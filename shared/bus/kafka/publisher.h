#pragma once
// Produces records and waits until the brokers have them. Used by one thread.

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "shared/bus/kafka/client.h"
#include "shared/bus/kafka/outbox.h"

namespace sekisho::bus::kafka {

class Publisher {
 public:
  static Result<std::unique_ptr<Publisher>> Open(const KafkaOptions& options, const std::string& name);

  // Produces `rows` in order and returns when each was acknowledged by every in-sync replica, or refused; while the
  // brokers are away it waits, for as long as `go_on` says. What was acknowledged goes to `acknowledged`; the rest may
  // have been written, too. Errors: the first refusal; kCancelled after go_on said no.
  Status Publish(std::span<const OutboxRow> rows, const std::function<bool()>& go_on,
                 std::vector<OutboxKey>& acknowledged);

  // True after an error that the library can't get over: another one must be opened.
  bool broken() const { return rd_kafka_fatal_error(client_.get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR; }

 private:
  struct Report {
    bool acknowledged = false;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  explicit Publisher(const KafkaOptions& options) : options_(options) {}
  static void OnReport(rd_kafka_t* client, const rd_kafka_message_t* message, void* self);
  rd_kafka_resp_err_t Produce(const OutboxRow& row, Report& report);

  const KafkaOptions& options_;
  size_t outstanding_ = 0;
  Client client_;
};

}  // namespace sekisho::bus::kafka

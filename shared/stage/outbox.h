#pragma once
// The one Outbox: seals, signs and appends inside the transaction.

#include "shared/stage/stage.h"

namespace sekisho::stage {

class TransactionOutbox final : public Outbox {
 public:
  // `traceparent` is that of what is being worked on; new records carry it on.
  TransactionOutbox(const Surroundings& around, std::string_view stage, store::Tx& tx, std::string_view traceparent)
      : around_(around), stage_(stage), tx_(tx), traceparent_(traceparent) {}

  Status Publish(bus::Topic topic, const keys::MailKey& key, const MailId& mail,
                 const google::protobuf::MessageLite& value) override;
  Status Journal(const keys::MailKey& key, mail::v1::JournalEvent event) override;

 private:
  const Surroundings& around_;
  const std::string_view stage_;
  store::Tx& tx_;
  const std::string_view traceparent_;
};

}  // namespace sekisho::stage

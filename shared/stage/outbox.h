#pragma once
// The one Outbox: seals, signs and appends inside the transaction.

#include "shared/stage/stage.h"
#include "shared/stage/tables.h"

namespace sekisho::stage {

class TransactionOutbox final : public Outbox {
 public:
  // `traceparent` is that of what is being worked on; new records carry it on.
  TransactionOutbox(const Surroundings& around, std::string_view stage, store::Tx& tx, std::string_view traceparent)
      : around_(around), stage_(stage), tx_(tx), traceparent_(traceparent) {}

  Status Publish(bus::Topic topic, const keys::MailKey& key, const MailId& mail,
                 const google::protobuf::MessageLite& value) override;
  Status Journal(const keys::MailKey& key, mail::v1::JournalEvent event) override;
  // A copy of a record that is given up, for who watches the dead-letter topic; the row in `parked` is the one that is
  // redriven. Without type, source and value unless it was `opened`: what strangers wrote is not passed on.
  Status DeadLetter(const Kept& kept, Code cause, bool opened);

 private:
  bus::Header NewHeader() const;
  Status Append(bus::Topic topic, const bus::Message& message);

  const Surroundings& around_;
  const std::string_view stage_;
  store::Tx& tx_;
  const std::string_view traceparent_;
};

}  // namespace sekisho::stage

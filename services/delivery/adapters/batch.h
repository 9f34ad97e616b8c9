#pragma once
// Recipients of one parcel that go in one SMTP transaction, and what an attempt made of them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/delivery/adapters/queue_table.h"
#include "services/delivery/domain/disposition.h"
#include "services/delivery/domain/route_table.h"
#include "shared/keys/keys.h"

namespace sekisho::delivery {

inline constexpr size_t kMaxBatch = 100;  // RFC 5321 §4.5.3.1.8: every server takes as many

struct QueuedRecipient {
  mail::v1::Recipient recipient;
  int32_t index = 0;  // in its parcel
  int attempts = 1;   // this one included
  TimePoint queued_at{};
  bool noticed = false;
};

// The mail as it goes on the wire: `prefix`, then `content`.
struct Prepared {
  std::string prefix;                          // trace fields and DKIM signatures
  std::shared_ptr<const std::string> content;  // null when it must not be sent
  bool has_8bit = false;                       // octets over 127 anywhere
  bool header_8bit = false;
  std::optional<Disposition> refusal;  // why it must not be sent: a loop, content lost
};

struct Batch {
  MailId mail;
  ParcelId parcel;
  mail::v1::Parcel about;  // without recipients, judgement and seal
  keys::MailKey key;
  std::string traceparent;
  DestinationName destination;
  std::vector<QueuedRecipient> recipients;  // each a row that we hold
  Prepared prepared;
  uint64_t held = 0;  // octets of content that it may keep in memory; 0: none, it is not prepared

  RowKey KeyOf(const QueuedRecipient& recipient) const { return {mail, parcel, recipient.index}; }
};

// What an attempt came to.
struct Report {
  std::vector<Disposition> dispositions;  // one for each recipient, in their order
  std::string host;                       // the peer; empty when there was none
  bool dsn_passed_on = false;             // the peer speaks DSN: it answers for NOTIFY=SUCCESS
};

// What is sealed in a row, and for what: it opens nowhere else.
std::string RowContext(const RowKey& key);

}  // namespace sekisho::delivery

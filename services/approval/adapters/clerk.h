#pragma once
// Takes one step with a waiting parcel, or with some of its recipients: works out what it leads to outside the
// transaction, then writes rows, records and notices inside it. Who calls has decided that the step may be taken.
// Thread safe.

#include <memory>
#include <string>
#include <vector>

#include "services/approval/adapters/notifier.h"
#include "services/approval/adapters/stored_parcel.h"
#include "services/approval/domain/parcel.h"

namespace sekisho::approval {

struct Step {
  const Transition* transition = nullptr;
  Event event = Event::kDue;
  std::vector<std::string> recipients;  // empty: all
  std::string actor;                    // a login; empty: nobody, the time came
  std::string actor_name;               // as people know them
  std::string comment;
};

// A step that was worked out; it may be applied twice when its transaction runs twice.
struct Change {
  Change(Step a_step, const keys::MailKey& mail_key) : step(std::move(a_step)), key(mail_key) {}

  Step step;
  keys::MailKey key;
  ParcelId parcel;  // of the row it starts from
  int64_t version = 0;
  mail::v1::Parcel chosen;  // what the step is about
  mail::v1::Stage next = mail::v1::STAGE_UNSPECIFIED;
  std::string policy_version;
  std::string rest;  // sealed: what goes on waiting; empty when nothing does
  Row child;         // the row of `chosen` when it is a child
  Notices notices;
  std::string traceparent;
  TimePoint at{};
};

class Clerk {
 public:
  // All outlive it.
  Clerk(const stage::Surroundings& around, content::Store& content, const Notifier& notifier);

  // Works `step` out. Reads and writes content where the sender is told something. Errors: kInvalid for a recipient
  // that is not the parcel's; what the content store can't do now.
  Result<std::shared_ptr<Change>> Prepare(const Held& held, Step step, const Authority& authority) const;

  // The transaction's part. Errors: kCancelled when the row changed since it was read: read it again.
  static Status Apply(const Change& change, store::Tx& tx, stage::Outbox& outbox);

 private:
  Status TellSender(const Held& held, const Authority& authority, Change& change) const;

  const stage::Surroundings around_;
  content::Store& content_;
  const Notifier& notifier_;
};

// Tells the other stages that its recipients reached their end.
Status PublishOutcome(const keys::MailKey& key, const mail::v1::Parcel& parcel, mail::v1::RecipientState state,
                      const std::string& detail, TimePoint at, stage::Outbox& outbox);

}  // namespace sekisho::approval

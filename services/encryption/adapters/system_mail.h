#pragma once
// A mail of our own, ready to be published: stored content, the parcel, the journal's first entry.

#include <memory>
#include <string>

#include "sekisho/mail/v1/mail.pb.h"
#include "shared/content/content.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

struct SystemMail {
  MailId id;
  keys::MailKey key;
  std::shared_ptr<content::Staged> staged;
  mail::v1::Parcel parcel;
  mail::v1::JournalEvent event;

  // Inside a transaction.
  Status Send(store::Tx& tx, stage::Outbox& outbox) const;
};

// `octets`: the message. `to`: its only recipient. `about`: the mail it is about, for the journal.
Result<SystemMail> MakeSystemMail(const stage::Surroundings& around, content::Store& content, const MailId& id,
                                  mail::v1::SystemMail kind, const std::string& octets, const std::string& to,
                                  const std::string& subject, const MailId& about);

}  // namespace sekisho::encryption

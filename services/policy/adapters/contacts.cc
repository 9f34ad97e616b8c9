#include "services/policy/adapters/contacts.h"

#include <algorithm>

#include "services/policy/adapters/tables.h"
#include "services/policy/domain/address.h"
#include "shared/stage/proto_time.h"

namespace sekisho::policy {

Result<std::string> Contacts::Index(std::string_view address) const {
  return keys_.BlindIndex("policy.contact", ComparableAddress(address));
}

Status Contacts::MarkFirst(std::string_view mail_from, std::vector<EnvelopeRecipient>& recipients) const {
  SEKISHO_TRY(const std::string sender, Index(mail_from));
  std::vector<std::string> indexes;
  for (const EnvelopeRecipient& recipient : recipients) {
    SEKISHO_TRY(std::string index, Index(recipient.address));
    indexes.push_back(std::move(index));
  }
  return database_.Read([&](store::Tx& tx) -> Status {
    for (size_t i = 0; i < recipients.size(); ++i) {
      SEKISHO_TRY(const bool known, HasContact(tx, sender, indexes[i]));
      recipients[i].first_contact = !known;
    }
    return Ok();
  });
}

Result<stage::Effects> Contacts::Learn(const mail::v1::Outcome& outcome, const Scopes& scopes) const {
  const bool reached =
      outcome.state() == mail::v1::RECIPIENT_STATE_DELIVERED || outcome.state() == mail::v1::RECIPIENT_STATE_RELAYED;
  if (!reached || outcome.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED || outcome.mail_from().empty()) {
    return stage::Effects([](store::Tx&, stage::Outbox&) { return Ok(); });
  }
  SEKISHO_TRY(std::string sender, Index(outcome.mail_from()));
  std::vector<std::string> recipients;
  for (const std::string& address : outcome.recipients()) {
    if (scopes.IsInternal(ComparableAddress(address))) continue;
    SEKISHO_TRY(std::string index, Index(address));
    recipients.push_back(std::move(index));
  }
  std::sort(recipients.begin(), recipients.end());  // rows are locked in one order
  return stage::Effects([sender = std::move(sender), recipients = std::move(recipients), at = FromProto(outcome.at())](
                            store::Tx& tx, stage::Outbox&) -> Status {
    for (const std::string& recipient : recipients) SEKISHO_RETURN_IF_ERROR(PutContact(tx, sender, recipient, at));
    return Ok();
  });
}

}  // namespace sekisho::policy

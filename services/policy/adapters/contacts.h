#pragma once
// Whom a sender has reached before: learned from what was delivered or relayed, never from what was only submitted.
// Addresses are kept as blind indexes: the table says nothing without the key ring. Thread safe.

#include <string>
#include <string_view>
#include <vector>

#include "services/policy/domain/mail_facts.h"
#include "services/policy/domain/scope.h"
#include "shared/base/clock.h"
#include "shared/keys/keys.h"
#include "shared/stage/stage.h"
#include "shared/store/store.h"

namespace sekisho::policy {

class Contacts {
 public:
  // Both outlive it.
  Contacts(store::Database& database, keys::KeyRing& keys) : database_(database), keys_(keys) {}

  // Fills in EnvelopeRecipient::first_contact. Errors: the database's and the key ring's.
  Status MarkFirst(std::string_view mail_from, std::vector<EnvelopeRecipient>& recipients) const;

  // What an outcome teaches; nothing for system mail, the null sender, recipients inside, and states other than
  // delivered and relayed.
  Result<stage::Effects> Learn(const mail::v1::Outcome& outcome, const Scopes& scopes) const;

 private:
  Result<std::string> Index(std::string_view address) const;
  store::Database& database_;
  keys::KeyRing& keys_;
};

}  // namespace sekisho::policy

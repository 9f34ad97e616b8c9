#pragma once
// Where a recipient stands towards the organisation: inside, a partner, outside, never written to; and whether its
// domain may be taken for one we know. Pure; immutable once built, safe for concurrent use.

#include <string>
#include <string_view>
#include <vector>

#include "sekisho/policy/v1/policy.pb.h"
#include "services/policy/domain/address.h"
#include "services/policy/domain/look_alike.h"

namespace sekisho::policy {

struct Standing {
  std::string address;  // comparable
  bool internal = false;
  bool first_contact = false;
  std::vector<uint32_t> lists;  // of partners, by index in the document, ascending; none for internal ones
  std::string resembles;        // the known domain its own may be taken for; empty: none

  bool IsIn(v1::Scope scope) const;
};

class Scopes {
 public:
  Scopes(const std::vector<std::string>& own_domains, const v1::PolicyDocument& document);

  Standing Find(std::string_view address, bool first_contact) const;
  bool IsInternal(std::string_view comparable_address) const { return own_.Contains(comparable_address); }

 private:
  AddressSet own_;
  std::vector<AddressSet> lists_;
  LookAlikes look_alikes_;
};

}  // namespace sekisho::policy

#include "services/policy/domain/scope.h"

#include <iterator>

namespace sekisho::policy {

bool Standing::IsIn(v1::Scope scope) const {
  switch (scope) {
    case v1::INTERNAL:
      return internal;
    case v1::PARTNER:
      return !lists.empty();
    case v1::EXTERNAL:
      return !internal;
    case v1::UNKNOWN:
      return !internal && lists.empty();
    case v1::FIRST_CONTACT:
      return !internal && first_contact;
    default:
      return false;
  }
}

Scopes::Scopes(const std::vector<std::string>& own_domains, const v1::PolicyDocument& document) {
  std::vector<std::string> known;
  for (const std::string& domain : own_domains) own_.AddDomain(domain);
  for (const v1::PartnerList& partners : document.partners()) {
    AddressSet& list = lists_.emplace_back();
    for (const std::string& domain : partners.domains()) list.AddDomain(domain);
    for (const std::string& address : partners.addresses()) list.AddAddress(address);
    std::vector<std::string> domains = list.Domains();
    std::move(domains.begin(), domains.end(), std::back_inserter(known));
  }
  std::vector<std::string> own = own_.Domains();
  std::move(own.begin(), own.end(), std::back_inserter(known));
  look_alikes_ = LookAlikes(known);
}

Standing Scopes::Find(std::string_view address, bool first_contact) const {
  Standing standing;
  standing.address = ComparableAddress(address);
  standing.internal = own_.Contains(standing.address);
  if (standing.internal) return standing;
  standing.first_contact = first_contact;
  for (uint32_t i = 0; i < lists_.size(); ++i) {
    if (lists_[i].Contains(standing.address)) standing.lists.push_back(i);
  }
  if (standing.lists.empty()) standing.resembles = look_alikes_.Find(DomainOf(standing.address));
  return standing;
}

}  // namespace sekisho::policy

#pragma once
// Addresses as policy compares them: the domain as A-label, the local part unquoted and without regard to ASCII case.
// (RFC 5321 §2.4 leaves the local part's case to the receiver; no receiver that matters tells "Sato" from "sato", and a
// rule that did would be easy to slip past.) Pure.

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace sekisho::policy {

std::string ComparableAddress(std::string_view address);
std::string ComparableDomain(std::string_view domain);
std::string_view DomainOf(std::string_view address);  // what follows the last '@'; empty without one

// Domains and addresses that a rule or list names.
class AddressSet {
 public:
  // "partner.example": the domain itself; ".partner.example": its subdomains, not itself.
  void AddDomain(std::string_view domain);
  void AddAddress(std::string_view address);

  bool Contains(std::string_view comparable_address) const;
  bool empty() const { return domains_.empty() && parents_.empty() && addresses_.empty(); }

  // The domains named, without the leading dot, those of addresses included.
  std::vector<std::string> Domains() const;

 private:
  std::unordered_set<std::string> domains_, parents_, addresses_;
};

}  // namespace sekisho::policy

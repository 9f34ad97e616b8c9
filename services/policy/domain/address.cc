#include "services/policy/domain/address.h"

#include "shared/base/bytes.h"
#include "shared/text/domain.h"

namespace sekisho::policy {
namespace {

// "\"sato\"@…" is the mailbox of "sato@…" (RFC 5321 §4.1.2).
std::string Unquote(std::string_view local_part) {
  if (local_part.size() < 2 || local_part.front() != '"' || local_part.back() != '"') return std::string(local_part);
  std::string plain;
  for (size_t i = 1; i + 1 < local_part.size(); ++i) {
    if (local_part[i] == '\\' && i + 2 < local_part.size()) ++i;
    plain += local_part[i];
  }
  return plain;
}

}  // namespace

std::string ComparableDomain(std::string_view domain) {
  auto ascii = text::DomainToAscii(domain);
  return ascii ? *std::move(ascii) : AsciiLower(domain);
}

std::string_view DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

std::string ComparableAddress(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return AsciiLower(address);
  return AsciiLower(Unquote(address.substr(0, at))) + '@' + ComparableDomain(address.substr(at + 1));
}

void AddressSet::AddDomain(std::string_view domain) {
  if (domain.starts_with('.')) {
    parents_.insert(ComparableDomain(domain.substr(1)));
  } else {
    domains_.insert(ComparableDomain(domain));
  }
}

void AddressSet::AddAddress(std::string_view address) { addresses_.insert(ComparableAddress(address)); }

bool AddressSet::Contains(std::string_view comparable_address) const {
  if (addresses_.contains(std::string(comparable_address))) return true;
  const std::string_view domain = DomainOf(comparable_address);
  if (domain.empty()) return false;
  if (domains_.contains(std::string(domain))) return true;
  if (parents_.empty()) return false;
  for (size_t dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1)) {
    if (parents_.contains(std::string(domain.substr(dot + 1)))) return true;
  }
  return false;
}

std::vector<std::string> AddressSet::Domains() const {
  std::unordered_set<std::string> all = domains_;
  all.insert(parents_.begin(), parents_.end());
  for (const std::string& address : addresses_) {
    if (const std::string_view domain = DomainOf(address); !domain.empty()) all.emplace(domain);
  }
  return {all.begin(), all.end()};
}

}  // namespace sekisho::policy

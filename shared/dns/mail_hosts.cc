#include "shared/dns/mail_hosts.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>

#include "shared/base/bytes.h"
#include "shared/base/random.h"

namespace sekisho::dns {
namespace {

Result<MailHosts> ReadMailHosts(const std::string& domain, std::string_view own_name, Result<Answer> answer) {
  if (!answer.ok()) return std::move(answer).error();
  MailHosts hosts{.names = {}, .secure = answer->secure, .implicit = false, .ttl = answer->ttl};
  switch (answer->kind) {
    case Answer::Kind::kNxDomain:
      return MakeError(Code::kNotFound, "the domain does not exist");
    case Answer::Kind::kNoData:
      hosts.implicit = true;
      hosts.names.push_back(domain);
      return hosts;
    case Answer::Kind::kRecords:
      break;
  }
  std::vector<Mx> records;
  for (const std::string& rdata : answer->rdata) {
    SEKISHO_TRY(Mx record, ReadMx(rdata));
    records.push_back(std::move(record));
  }
  SEKISHO_TRY(hosts.names, OrderMailHosts(std::move(records), own_name, RandomBelow));
  return hosts;
}

// Waits for both questions of FindAddresses.
struct AddressSearch {
  std::mutex mutex;
  std::optional<Result<Answer>> v6, v4;
  std::function<void(Result<Addresses>)> done;
};

Status Collect(const Answer& answer, Result<std::string> (*read)(std::string_view), Addresses& into) {
  for (const std::string& rdata : answer.rdata) {
    SEKISHO_TRY(std::string address, read(rdata));
    into.addresses.push_back(std::move(address));
  }
  return Ok();
}

Result<Addresses> Combine(const Result<Answer>& v6, const Result<Answer>& v4) {
  Addresses found;
  if (v6.ok()) SEKISHO_RETURN_IF_ERROR(Collect(*v6, ReadAaaa, found));
  if (v4.ok()) SEKISHO_RETURN_IF_ERROR(Collect(*v4, ReadA, found));
  if (found.addresses.empty()) {
    if (!v6.ok()) return v6.error();
    if (!v4.ok()) return v4.error();
    return MakeError(Code::kNotFound, "the host has no address");
  }
  found.secure = (!v6.ok() || v6->secure) && (!v4.ok() || v4->secure);
  found.ttl = std::min(v6.ok() && !v6->rdata.empty() ? v6->ttl : std::chrono::seconds::max(),
                       v4.ok() && !v4->rdata.empty() ? v4->ttl : std::chrono::seconds::max());
  return found;
}

void Arrive(AddressSearch& search, std::optional<Result<Answer>>& slot, Result<Answer> answer) {
  {
    const std::scoped_lock lock(search.mutex);
    slot = std::move(answer);
    if (!search.v6 || !search.v4) return;
  }
  search.done(Combine(*search.v6, *search.v4));
}

}  // namespace

void FindMailHosts(Resolver& resolver, const std::string& domain, std::string_view own_name, Duration limit,
                   std::function<void(Result<MailHosts>)> done) {
  if (domain.starts_with('[')) {
    Result<std::string> address = ParseAddressLiteral(domain);
    if (!address.ok()) return done(std::move(address).error());
    return done(MailHosts{.names = {*std::move(address)}, .secure = false, .implicit = true, .ttl = {}});
  }
  resolver.Lookup(domain, Type::kMx, limit,
                  [domain, own = std::string(own_name), done = std::move(done)](Result<Answer> answer) {
                    done(ReadMailHosts(domain, own, std::move(answer)));
                  });
}

void FindAddresses(Resolver& resolver, const std::string& host, Duration limit,
                   std::function<void(Result<Addresses>)> done) {
  if (IsIpAddress(host)) return done(Addresses{.addresses = {host}, .secure = false, .ttl = {}});
  auto search = std::make_shared<AddressSearch>();
  search->done = std::move(done);
  resolver.Lookup(host, Type::kAaaa, limit,
                  [search](Result<Answer> answer) { Arrive(*search, search->v6, std::move(answer)); });
  resolver.Lookup(host, Type::kA, limit,
                  [search](Result<Answer> answer) { Arrive(*search, search->v4, std::move(answer)); });
}

Result<std::vector<std::string>> OrderMailHosts(std::vector<Mx> records, std::string_view own_name,
                                                const std::function<uint64_t(uint64_t)>& random) {
  if (records.size() == 1 && records.front().exchange.empty()) {
    return MakeError(Code::kUnsupported, "the domain says that it takes no mail (null MX)");
  }
  std::erase_if(records, [](const Mx& mx) { return mx.exchange.empty(); });  // RFC 7505 §3: meaningless beside others
  for (size_t i = records.size(); i > 1; --i) std::swap(records[i - 1], records[random(i)]);
  std::stable_sort(records.begin(), records.end(),
                   [](const Mx& a, const Mx& b) { return a.preference < b.preference; });

  const auto own = std::find_if(records.begin(), records.end(),
                                [&](const Mx& mx) { return AsciiEqualsIgnoreCase(mx.exchange, own_name); });
  if (own != records.end()) {
    const uint16_t preference = own->preference;
    std::erase_if(records, [&](const Mx& mx) { return mx.preference >= preference; });
    if (records.empty()) return MakeError(Code::kPrecondition, "the domain's best mail host is this host itself");
  }
  std::vector<std::string> names;
  for (Mx& mx : records) {
    if (std::find(names.begin(), names.end(), mx.exchange) == names.end()) names.push_back(std::move(mx.exchange));
  }
  if (names.empty()) return MakeError(Code::kUnsupported, "the domain names no mail host");
  return names;
}

Result<std::string> ParseAddressLiteral(std::string_view domain) {
  if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') {
    return MakeError(Code::kInvalid, "not an address literal");
  }
  std::string_view inner = domain.substr(1, domain.size() - 2);
  const bool v6 = AsciiEqualsIgnoreCase(inner.substr(0, 5), "IPv6:");
  if (v6) inner.remove_prefix(5);
  if (!IsIpAddress(inner) || v6 != (inner.find(':') != std::string_view::npos)) {
    return MakeError(Code::kInvalid, "not an address literal");
  }
  return std::string(inner);
}

}  // namespace sekisho::dns

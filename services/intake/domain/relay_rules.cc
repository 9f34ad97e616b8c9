#include "services/intake/domain/relay_rules.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "shared/base/bytes.h"
#include "shared/text/domain.h"

namespace sekisho::intake {
namespace {

std::string AddressOctets(std::string_view text) {
  const std::string address(text);
  unsigned char octets[16];
  if (inet_pton(AF_INET, address.c_str(), octets) == 1) return {reinterpret_cast<char*>(octets), 4};
  if (inet_pton(AF_INET6, address.c_str(), octets) == 1) return {reinterpret_cast<char*>(octets), 16};
  return {};
}

bool Within(const std::string& address, const std::string& block, int bits) {
  if (address.size() != block.size()) return false;
  const size_t whole = static_cast<size_t>(bits / 8);
  if (address.compare(0, whole, block, 0, whole) != 0) return false;
  if (bits % 8 == 0) return true;
  const int mask = 0xff << (8 - bits % 8) & 0xff;
  return (static_cast<unsigned char>(address[whole]) & mask) == (static_cast<unsigned char>(block[whole]) & mask);
}

std::string CanonicalSender(std::string_view sender) {
  const size_t at = sender.rfind('@');
  if (at == std::string_view::npos) return AsciiLower(sender);
  const auto domain = text::DomainToAscii(sender.substr(at + 1));
  return AsciiLower(sender.substr(0, at)) + "@" + (domain.ok() ? *domain : AsciiLower(sender.substr(at + 1)));
}

}  // namespace

Result<RelayRules> RelayRules::Make(const config::v1::Relay& relay, const std::vector<std::string>& domains) {
  RelayRules rules;
  for (const std::string& host : relay.hosts()) {
    const size_t slash = std::min(host.find('/'), host.size());
    Block block;
    block.octets = AddressOctets(host.substr(0, slash));
    const int whole = static_cast<int>(block.octets.size() * 8);
    block.bits = whole;
    bool good = whole > 0;
    if (good && slash < host.size()) {
      const std::string_view bits = std::string_view(host).substr(slash + 1);
      const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), block.bits);
      good = error == std::errc() && end == bits.data() + bits.size() && block.bits >= 0 && block.bits <= whole;
    }
    if (!good)
      return MakeError(Code::kInvalid, "relay host '" + host + "' is not an address or a block like 192.0.2.0/24");
    rules.blocks_.push_back(std::move(block));
  }
  for (const std::string& fingerprint : relay.certificate_sha256()) {
    std::string hex = AsciiLower(fingerprint);
    std::erase(hex, ':');
    if (hex.size() != 64 || !HexDecode(hex).ok()) {
      return MakeError(Code::kInvalid,
                       "relay certificate_sha256 must be 64 hex digits: openssl x509 -fingerprint -sha256");
    }
    rules.certificates_.push_back(std::move(hex));
  }
  for (const std::string& sender : relay.senders()) rules.senders_.push_back(CanonicalSender(sender));
  if (rules.senders_.empty()) {
    for (const std::string& domain : domains) rules.senders_.push_back(CanonicalSender("@" + domain));
  }
  return rules;
}

bool RelayRules::MayConnect(std::string_view address, std::string_view certificate) const {
  if (!certificate.empty() && std::find(certificates_.begin(), certificates_.end(), certificate) != certificates_.end())
    return true;
  const std::string octets = AddressOctets(address);
  return std::any_of(blocks_.begin(), blocks_.end(),
                     [&](const Block& block) { return Within(octets, block.octets, block.bits); });
}

bool RelayRules::MaySendAs(std::string_view address) const {
  const std::string canonical = CanonicalSender(address);
  const size_t at = canonical.rfind('@');
  return std::any_of(senders_.begin(), senders_.end(), [&](const std::string& sender) {
    return sender == canonical ||
           (sender.starts_with('@') && at != std::string::npos && canonical.substr(at) == sender);
  });
}

}  // namespace sekisho::intake

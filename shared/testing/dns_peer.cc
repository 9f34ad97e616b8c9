#include "shared/testing/dns_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::testing {
namespace {

constexpr uint16_t kA = 1, kCname = 5, kSoa = 6, kMx = 15, kTxt = 16, kAaaa = 28, kOpt = 41, kRrsig = 46, kDnskey = 48,
                   kTlsa = 52;
constexpr uint32_t kTtl = 300;
constexpr uint8_t kEd25519 = 15;  // RFC 8080

std::string Uint16(uint32_t value) { return {static_cast<char>(value >> 8), static_cast<char>(value)}; }
std::string Uint32(uint32_t value) { return Uint16(value >> 16) + Uint16(value & 0xffff); }

std::string WireName(std::string_view name) {
  std::string wire;
  while (!name.empty() && name != ".") {
    const std::string_view label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(name.size(), label.size() + 1));
  }
  return wire + '\0';
}

size_t Labels(std::string_view name) { return static_cast<size_t>(std::count(name.begin(), name.end(), '.')) + 1; }

std::string Record(const std::string& name, uint16_t type, const std::string& rdata) {
  return WireName(name) + Uint16(type) + Uint16(1) + Uint32(kTtl) + Uint16(static_cast<uint32_t>(rdata.size())) + rdata;
}

}  // namespace

struct DnsPeer::Key {
  Handle<EVP_PKEY, EVP_PKEY_free> pair;
  std::string dnskey;  // rdata

  uint16_t Tag() const {  // RFC 4034 appendix B
    uint32_t sum = 0;
    for (size_t i = 0; i < dnskey.size(); ++i) {
      const uint32_t octet = static_cast<unsigned char>(dnskey[i]);
      sum += (i & 1) != 0 ? octet : octet << 8;
    }
    return static_cast<uint16_t>(sum + (sum >> 16));
  }
};

DnsPeer::DnsPeer() {
  socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SEKISHO_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  socklen_t size = sizeof address;
  SEKISHO_CHECK(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  SEKISHO_CHECK(pipe(stop_) == 0);
  thread_ = std::thread([this] { Loop(); });
}

DnsPeer::~DnsPeer() {
  close(stop_[1]);
  thread_.join();
  close(stop_[0]);
  close(socket_);
}

std::string DnsPeer::forwarder() const { return "127.0.0.1@" + std::to_string(port_); }

void DnsPeer::AddA(const std::string& name, const std::string& address) {
  in_addr octets{};
  SEKISHO_CHECK(inet_pton(AF_INET, address.c_str(), &octets) == 1);
  AddRaw(name, kA, std::string(reinterpret_cast<const char*>(&octets), sizeof octets));
}

void DnsPeer::AddAaaa(const std::string& name, const std::string& address) {
  in6_addr octets{};
  SEKISHO_CHECK(inet_pton(AF_INET6, address.c_str(), &octets) == 1);
  AddRaw(name, kAaaa, std::string(reinterpret_cast<const char*>(&octets), sizeof octets));
}

void DnsPeer::AddMx(const std::string& name, uint16_t preference, const std::string& exchange) {
  AddRaw(name, kMx, Uint16(preference) + WireName(exchange));
}

void DnsPeer::AddCname(const std::string& name, const std::string& target) { AddRaw(name, kCname, WireName(target)); }

void DnsPeer::AddTxt(const std::string& name, const std::vector<std::string>& strings) {
  std::string rdata;
  for (const std::string& text : strings) rdata += static_cast<char>(text.size()) + text;
  AddRaw(name, kTxt, rdata);
}

void DnsPeer::AddTlsa(const std::string& name, uint8_t usage, uint8_t selector, uint8_t matching,
                      const std::string& association) {
  AddRaw(name, kTlsa,
         std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} + association);
}

void DnsPeer::AddRaw(const std::string& name, uint16_t type, const std::string& rdata) {
  const std::scoped_lock lock(mutex_);
  records_[name][type].push_back(rdata);
}

void DnsPeer::Remove(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  records_.erase(name);
}

void DnsPeer::Answer(const std::string& name, uint8_t rcode) {
  const std::scoped_lock lock(mutex_);
  rcodes_[name] = rcode;
}

void DnsPeer::Mute(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  mute_.insert(name);
}

std::string DnsPeer::Sign(const std::string& zone) {
  auto key = std::make_unique<Key>();
  key->pair.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  SEKISHO_CHECK(key->pair != nullptr);
  std::string public_key(32, '\0');
  size_t size = public_key.size();
  SEKISHO_CHECK(
      EVP_PKEY_get_raw_public_key(key->pair.get(), reinterpret_cast<unsigned char*>(public_key.data()), &size) == 1);
  key->dnskey = Uint16(257) + std::string{3, static_cast<char>(kEd25519)} + public_key;

  const std::scoped_lock lock(mutex_);
  zone_ = zone;
  records_[zone][kDnskey] = {key->dnskey};
  key_ = std::move(key);
  return zone + ". IN DNSKEY 257 3 15 " + Base64Encode(public_key) + "\n";
}

void DnsPeer::BreakSignatures() {
  const std::scoped_lock lock(mutex_);
  broken_ = true;
}

size_t DnsPeer::Queries(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto found = queries_.find(name);
  return found == queries_.end() ? 0 : found->second;
}

void DnsPeer::Loop() {
  for (;;) {
    pollfd fds[] = {{stop_[0], POLLIN, 0}, {socket_, POLLIN, 0}};
    poll(fds, 2, -1);
    if (fds[0].revents != 0) return;
    char buffer[4096];
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        recvfrom(socket_, buffer, sizeof buffer, MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 12) continue;
    const std::string reply = Reply(std::string_view(buffer, static_cast<size_t>(got)));
    if (!reply.empty()) sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

std::string DnsPeer::SignedBy(const std::string& name) const {
  return key_ != nullptr && (name == zone_ || name.ends_with("." + zone_)) ? zone_ : std::string();
}

std::string DnsPeer::Signature(const std::string& name, uint16_t type, const std::vector<std::string>& set) const {
  const auto now = static_cast<uint32_t>(time(nullptr));
  const std::string head = Uint16(type) + std::string{static_cast<char>(kEd25519), static_cast<char>(Labels(name))} +
                           Uint32(kTtl) + Uint32(now + 86400) + Uint32(now - 86400) + Uint16(key_->Tag()) +
                           WireName(zone_);
  std::vector<std::string> ordered = set;
  std::sort(ordered.begin(), ordered.end());
  std::string octets = head;
  for (const std::string& rdata : ordered) octets += Record(name, type, rdata);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::string signature(64, '\0');
  size_t size = signature.size();
  SEKISHO_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pair.get()) == 1 &&
                EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                               reinterpret_cast<const unsigned char*>(octets.data()), octets.size()) == 1);
  if (broken_ && type != kDnskey) signature[5] ^= 1;
  return head + signature;
}

void DnsPeer::AppendSet(std::string& packet, uint16_t& count, const std::string& name, uint16_t type,
                        bool with_signature) const {
  const std::vector<std::string>& set = records_.at(name).at(type);
  for (const std::string& rdata : set) packet += Record(name, type, rdata);
  count = static_cast<uint16_t>(count + set.size());
  if (with_signature && !SignedBy(name).empty()) {
    packet += Record(name, kRrsig, Signature(name, type, set));
    ++count;
  }
}

std::string DnsPeer::Reply(std::string_view query) {
  // One question, its name uncompressed.
  std::string name;
  size_t at = 12;
  while (at < query.size() && query[at] != 0) {
    const auto length = static_cast<unsigned char>(query[at]);
    if (length > 63 || at + length + 1 >= query.size()) return {};
    if (!name.empty()) name += '.';
    name += query.substr(at + 1, length);
    at += length + 1U;
  }
  if (at + 5 > query.size()) return {};
  const auto type =
      static_cast<uint16_t>(static_cast<unsigned char>(query[at + 1]) << 8 | static_cast<unsigned char>(query[at + 2]));
  const std::string_view question = query.substr(12, at + 5 - 12);
  name = AsciiLower(name);

  const std::scoped_lock lock(mutex_);
  ++queries_[name];
  if (mute_.contains(name)) return {};

  uint8_t rcode = 0;
  uint16_t answers = 0, authorities = 0;
  std::string sections;
  if (const auto forced = rcodes_.find(name); forced != rcodes_.end()) {
    rcode = forced->second;
  } else {
    std::string owner = name;
    for (int links = 0; links < 8 && records_.contains(owner) && records_[owner].contains(kCname) && type != kCname;
         ++links) {
      AppendSet(sections, answers, owner, kCname, true);
      const std::string target = records_[owner][kCname].front();
      owner.clear();
      for (size_t i = 0; target[i] != 0; i += static_cast<unsigned char>(target[i]) + 1U) {
        owner += (owner.empty() ? "" : ".") + target.substr(i + 1, static_cast<unsigned char>(target[i]));
      }
    }
    if (!records_.contains(owner)) {
      rcode = 3;
    } else if (records_[owner].contains(type)) {
      AppendSet(sections, answers, owner, type, true);
    }
    if (rcode == 3 || !records_[owner].contains(type)) {
      sections += Record(".", kSoa,
                         WireName("ns.invalid") + WireName("root.invalid") + Uint32(1) + Uint32(1) + Uint32(1) +
                             Uint32(1) + Uint32(60));
      authorities = 1;
    }
  }
  const std::string opt = std::string(1, '\0') + Uint16(kOpt) + Uint16(1232) + Uint32(0x8000) + Uint16(0);
  return std::string(query.substr(0, 2)) + std::string{static_cast<char>(0x85), static_cast<char>(0x80 | rcode)} +
         Uint16(1) + Uint16(answers) + Uint16(authorities) + Uint16(1) + std::string(question) + sections + opt;
}

}  // namespace sekisho::testing

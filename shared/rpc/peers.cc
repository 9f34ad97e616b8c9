#include "shared/rpc/peers.h"

#include "shared/base/bytes.h"
#include "shared/base/random.h"

namespace sekisho::rpc {
namespace {

constexpr std::string_view kScheme = "unix-abstract:";

}  // namespace

std::string AddressOfPeer(std::string_view peer) { return Peers::Global().Find(peer).address; }
std::vector<std::string> CertificateNamesOfPeer(std::string_view peer) { return Peers::Global().Find(peer).names; }

const std::string& OwnProcessSecret() {
  static const std::string secret = HexEncode(RandomOctets(32));
  return secret;
}

Peers::Peers() : prefix_("sekisho-" + HexEncode(RandomOctets(16)) + "-") {}

Peers& Peers::Global() {
  static Peers peers;
  return peers;
}

std::string Peers::NewName() {
  const std::scoped_lock lock(mutex_);
  return prefix_ + std::to_string(++count_);
}

void Peers::Add(const std::string& name, Peer peer) {
  const std::scoped_lock lock(mutex_);
  peers_[name] = std::move(peer);
}

void Peers::Remove(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  peers_.erase(name);
}

Peers::Peer Peers::Find(std::string_view peer) const {
  if (!peer.starts_with(kScheme)) return {std::string(peer), {}};
  const std::scoped_lock lock(mutex_);
  const auto found = peers_.find(peer.substr(kScheme.size()));
  return found == peers_.end() ? Peer{"unknown", {}} : found->second;
}

}  // namespace sekisho::rpc

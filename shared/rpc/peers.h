#pragma once
// Who is behind a connection. The gate hands connections to the gRPC library under names that are never used again
// ("unix-abstract:sekisho-…"), which the library gives back as a call's peer(); here stands what the gate learned of
// them. A call whose connection has ended meanwhile is nobody's. Thread safe.

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace sekisho::rpc {

// The client's address: "192.0.2.7", "2001:db8::7"; "unknown" once its connection has ended. What came through no gate
// ("inproc") is given back as it is.
std::string AddressOfPeer(std::string_view peer);

// The DNS names of the client's certificate, which our CA vouches for; none when it showed none.
std::vector<std::string> CertificateNamesOfPeer(std::string_view peer);

// By the metadata kOwnProcess the in-process channel proves that the caller is of this process: the library gives such
// a peer no name. The secret is this process's own and never leaves it.
inline constexpr char kOwnProcess[] = "sekisho-own-process";
const std::string& OwnProcessSecret();

// For the gate.
class Peers {
 public:
  static Peers& Global();

  struct Peer {
    std::string address;
    std::vector<std::string> names;
  };
  // A name for a socket, unlike any before, in this process or another.
  std::string NewName();
  void Add(const std::string& name, Peer peer);
  void Remove(const std::string& name);
  Peer Find(std::string_view peer) const;

 private:
  Peers();
  const std::string prefix_;
  mutable std::mutex mutex_;
  uint64_t count_ = 0;
  std::map<std::string, Peer, std::less<>> peers_;  // by name
};

}  // namespace sekisho::rpc

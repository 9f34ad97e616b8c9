#pragma once
// A name server on loopback with the records that a test gives it: every name it doesn't know does not exist. It can be
// mute, fail, sign a zone (DNSSEC, Ed25519) and sign it wrongly. Thread safe.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace sekisho::testing {

class DnsPeer {
 public:
  DnsPeer();
  ~DnsPeer();

  std::string forwarder() const;  // "127.0.0.1@40123"

  void AddA(const std::string& name, const std::string& address);
  void AddAaaa(const std::string& name, const std::string& address);
  void AddMx(const std::string& name, uint16_t preference, const std::string& exchange);  // "" or ".": the root
  void AddCname(const std::string& name, const std::string& target);
  void AddTxt(const std::string& name, const std::vector<std::string>& strings);
  void AddTlsa(const std::string& name, uint8_t usage, uint8_t selector, uint8_t matching,
               const std::string& association);
  void AddRaw(const std::string& name, uint16_t type, const std::string& rdata);
  void Remove(const std::string& name);

  void Answer(const std::string& name, uint8_t rcode);  // always this: 2 SERVFAIL, 5 REFUSED
  void Mute(const std::string& name);                   // never answers

  // Signs what lies at or below `zone` from now on. Gives the trust anchor: a zone-file line with its key.
  std::string Sign(const std::string& zone);
  void BreakSignatures();

  size_t Queries(const std::string& name) const;

 private:
  struct Key;

  void Loop();
  std::string Reply(std::string_view query);
  std::string SignedBy(const std::string& name) const;
  void AppendSet(std::string& packet, uint16_t& count, const std::string& name, uint16_t type,
                 bool with_signature) const;
  std::string Signature(const std::string& name, uint16_t type, const std::vector<std::string>& set) const;

  int socket_ = -1;
  int stop_[2] = {-1, -1};
  uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<uint16_t, std::vector<std::string>>> records_;
  std::map<std::string, uint8_t> rcodes_;
  std::set<std::string> mute_;
  std::map<std::string, size_t> queries_;
  std::string zone_;
  std::unique_ptr<Key> key_;
  bool broken_ = false;
  std::thread thread_;
};

}  // namespace sekisho::testing

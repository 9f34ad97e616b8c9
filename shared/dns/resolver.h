#pragma once
// Asynchronous DNS lookups that say what DNSSEC proved. Thread safe. A validating, caching resolver (libunbound) that
// asks the configured forwarders.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::dns {

enum class Type : uint16_t { kA = 1, kCname = 5, kMx = 15, kTxt = 16, kAaaa = 28, kTlsa = 52 };

struct Answer {
  enum class Kind {
    kRecords,
    kNoData,    // the name exists, records of this type don't
    kNxDomain,  // the name does not exist
  };
  Kind kind = Kind::kNoData;
  bool secure = false;             // DNSSEC proved it, an absence too
  std::chrono::seconds ttl{0};     // the least of the records'
  std::string canonical_name;      // where CNAMEs led; lower case, without the last dot
  std::vector<std::string> rdata;  // wire form (RFC 1035 §3.3), names uncompressed; read it with records.h
};

class Resolver {
 public:
  using Done = std::function<void(Result<Answer>)>;
  using Ticket = uint64_t;

  virtual ~Resolver() = default;  // Stop()

  // Asks for `type` records of `name` (A-labels, last dot optional). `done` is called exactly once, on the resolver's
  // thread (on the caller's when refused at once): be short, never block. Errors: kInvalid (not a domain name),
  // kUnavailable (SERVFAIL, REFUSED, no server), kTimeout (no answer within `limit`), kCorrupt with Retry::kLater
  // (DNSSEC: bogus), kExhausted (too many lookups at once), kCancelled.
  virtual Ticket Lookup(std::string name, Type type, Duration limit, Done done) = 0;

  // `done` of that lookup gets kCancelled, unless it was called already.
  virtual void Cancel(Ticket ticket) = 0;

  // Cancels every lookup and refuses new ones. Not to be called from a `done`. Idempotent.
  virtual void Stop() = 0;
};

struct UnboundOptions {
  std::vector<std::string>
      forwarders;                 // "192.0.2.53" or "127.0.0.1@5353"; empty: the machine's resolv.conf and hosts file
  std::string trust_anchor_file;  // zone-file lines of DS or DNSKEY records; empty: nothing is validated
  size_t max_lookups = 10'000;    // at once
};

// Errors: kInvalid (a forwarder), kNotFound (the trust anchor file), kInternal.
Result<std::unique_ptr<Resolver>> MakeUnbound(const UnboundOptions& options);

}  // namespace sekisho::dns

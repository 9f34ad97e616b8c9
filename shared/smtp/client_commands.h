#pragma once
// What a client may say to a peer that offers certain extensions. Pure.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/smtp/client.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

// EHLO keywords in upper case, and what follows them.
using Extensions = std::map<std::string, std::string, std::less<>>;
Extensions ParseExtensions(const Reply& ehlo);

struct ContentFacts {
  uint64_t size = 0;
  bool octets_over_127 = false;
};

// MAIL FROM, a RCPT TO for each recipient, and DATA, each with its CRLF. Parameters only where the peer offers what
// they need. Errors: kUnsupported when it lacks 8BITMIME, SMTPUTF8 or REQUIRETLS and the mail needs that; kMalformed
// when an address or a parameter is none, and so could say more than it should.
Result<std::vector<std::string>> EnvelopeCommands(const Transaction& mail, const ContentFacts& content,
                                                  const Extensions& extensions, bool tls);

}  // namespace sekisho::smtp

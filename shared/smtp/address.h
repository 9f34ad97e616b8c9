#pragma once
// Mailboxes and paths of the envelope (RFC 5321 §4.1.2, RFC 6531 §3.3). Header addresses are mime's. Pure.

#include <string>
#include <string_view>

#include "shared/base/result.h"

namespace sekisho::smtp {

struct Mailbox {
  std::string local_part;  // as given; quoted strings keep their quotes
  std::string domain;      // lower case where ASCII; "[192.0.2.1]" for a literal
  bool needs_smtputf8 = false;

  std::string ToString() const { return local_part + "@" + domain; }
};

// "hanako@example.jp". Local part ≤ 64 octets, domain ≤ 255. Octets over 127 only with `smtputf8`.
// Errors: kInvalid, saying what is wrong without repeating the address.
Result<Mailbox> ParseMailbox(std::string_view text, bool smtputf8);

// "<hanako@example.jp>", "<@relay:hanako@example.jp>" (the source route is dropped), and for MAIL FROM "<>".
// `rest` is what follows the path. An empty mailbox stands for "<>".
struct Path {
  Mailbox mailbox;
  bool null = false;
};
Result<Path> ParsePath(std::string_view text, bool smtputf8, bool null_allowed, std::string_view& rest);

bool IsDomainName(std::string_view text, bool smtputf8);

}  // namespace sekisho::smtp

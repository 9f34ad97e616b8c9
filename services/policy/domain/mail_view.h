#pragma once
// What the tests of a policy that concern the mail, not the recipient, say about one mail; each computed once. Pure.
// Internal to evaluator.cc.

#include <cstdint>
#include <string>
#include <vector>

#include "services/policy/domain/compiled_policy.h"
#include "services/policy/domain/mail_facts.h"

namespace sekisho::policy {

// What a rule stands on.
struct Finding {
  std::string place;     // "subject", "body line 3", "attachment 2 name"
  std::string evidence;  // shortened
  auto operator<=>(const Finding&) const = default;
};

// What could hide that a test holds, as bits.
enum Veil : uint8_t {
  kNoVeil = 0,
  kSealVeil = 1,     // the sender's own encryption of the whole mail
  kTextVeil = 2,     // an attachment whose text could not be read
  kMembersVeil = 4,  // a container whose members could not all be listed or typed
};

struct TestResult {
  bool holds = false;
  uint8_t veils = kNoVeil;                 // when it doesn't hold: what it might hold behind
  std::vector<Finding> findings;           // when it holds
  std::vector<uint32_t> about_unreadable;  // attachments that the test names for being encrypted or unreadable
};

struct MailView {
  // Errors: kLimit when `out_of_time` says that the patterns took too long.
  static Result<MailView> Make(const CompiledPolicy& policy, const MailFacts& mail, FunctionRef<bool()> out_of_time);

  std::vector<TestResult> contents, attachments;        // by index of CompiledPolicy
  size_t external_addresses = 0, external_domains = 0;  // distinct, in To and Cc
  std::string sender;                                   // comparable
  std::vector<uint32_t> unreadable;                     // attachments with a text or members veil
};

}  // namespace sekisho::policy

#pragma once
// Judges one mail: every rule for every envelope recipient (never the first only: CVE-2002-2408), combined by the
// strictest. Pure; safe for concurrent use. The cost grows with the octets of text and with recipients × rules, not
// with the number of keywords.
//
// What can't be seen is never taken for absent. A condition that looks where an attachment could not be read may hold;
// the rule then holds the mail as unreadable, unless a rule that names encrypted or unreadable attachments covers that
// attachment.

#include <string>
#include <vector>

#include "services/policy/domain/compiled_policy.h"
#include "services/policy/domain/mail_facts.h"
#include "services/policy/domain/mail_view.h"
#include "services/policy/domain/treatment.h"
#include "shared/base/function_ref.h"
#include "shared/base/result.h"

namespace sekisho::policy {

// A rule that shaped the treatment, with what it stands on. `words` lives as long as the policy.
struct Cause {
  const RuleWords* words = nullptr;
  std::vector<Finding> findings;
};

struct RecipientDecision {
  uint32_t recipient = 0;  // index in MailFacts::recipients
  Treatment treatment;
  std::vector<Cause> causes;  // in the document's order, Sekisho's own last; empty for pass
};

// One decision for each recipient, in order. Errors: kLimit when `out_of_time` says that the patterns took longer than
// a mail may take: the caller holds the mail.
Result<std::vector<RecipientDecision>> Evaluate(const CompiledPolicy& policy, const MailFacts& mail,
                                                FunctionRef<bool()> out_of_time);

// The decision about a mail that could not be judged: all its recipients are held. kMalformed holds as ambiguous,
// anything else as error. The detail of `why` is shown to people.
std::vector<RecipientDecision> HoldAll(size_t recipients, const Error& why);

}  // namespace sekisho::policy

#pragma once
// What the tests of the domain share: documents from protobuf text, mails by hand.

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/policy/domain/compiled_policy.h"
#include "services/policy/domain/evaluator.h"
#include "services/policy/domain/mail_facts.h"

namespace sekisho::policy {

inline v1::PolicyDocument Document(const std::string& text) {
  v1::PolicyDocument document;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &document)) << text;
  return document;
}

inline const std::vector<std::string>& OwnDomains() {
  static const std::vector<std::string> domains{"example.jp"};
  return domains;
}

inline std::shared_ptr<const CompiledPolicy> Compiled(const std::string& text) {
  auto compiled = CompiledPolicy::Compile(Document(text), OwnDomains(), "0123456789ab");
  EXPECT_TRUE(compiled.ok()) << (compiled.ok() ? "" : compiled.error().ToString());
  return compiled.ok() ? *compiled : nullptr;
}

inline MailFacts MailTo(const std::vector<std::string>& recipients) {
  MailFacts mail;
  mail.mail_from = "hanako@example.jp";
  for (const std::string& address : recipients) mail.recipients.push_back({address, false});
  return mail;
}

inline void AddText(MailFacts& mail, TextPart part, std::string place, std::string_view text) {
  mail.owned.push_back(text::Normalize(text));
  mail.texts.push_back({part, std::move(place), part == v1::ContentCondition::BODY, &mail.owned.back()});
}

inline bool Never() { return false; }

inline std::vector<RecipientDecision> Judged(const CompiledPolicy& policy, const MailFacts& mail) {
  bool (*never)() = Never;
  auto decisions = Evaluate(policy, mail, never);
  EXPECT_TRUE(decisions.ok());
  return decisions.ok() ? *std::move(decisions) : std::vector<RecipientDecision>();
}

// "hold 3m+bcc": what is done to the first recipient.
inline std::string ActionsOfFirst(const CompiledPolicy& policy, const MailFacts& mail) {
  const auto decisions = Judged(policy, mail);
  std::string actions;
  if (decisions.empty()) return "no decision";
  for (const std::string& action : Actions(decisions.front().treatment))
    actions += (actions.empty() ? "" : "+") + action;
  return actions;
}

// The ids of the rules that shaped the treatment of the first recipient.
inline std::vector<std::string> CausesOfFirst(const CompiledPolicy& policy, const MailFacts& mail) {
  std::vector<std::string> ids;
  const auto decisions = Judged(policy, mail);
  if (!decisions.empty()) {
    for (const Cause& cause : decisions.front().causes) ids.push_back(cause.words->id);
  }
  return ids;
}

}  // namespace sekisho::policy

#pragma once
// A policy document made ready for judging: names resolved, all keywords and patterns in one matcher. Pure; immutable,
// safe for concurrent use. evaluator.h runs it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/policy/v1/policy.pb.h"
#include "services/policy/domain/address.h"
#include "services/policy/domain/matcher.h"
#include "services/policy/domain/scope.h"
#include "services/policy/domain/treatment.h"
#include "shared/base/result.h"

namespace sekisho::policy {

struct RecipientTest {
  std::vector<v1::Scope> scopes;
  std::vector<uint32_t> lists;  // indexes of the document's partner lists
  bool asks_named = false;      // domains or addresses
  AddressSet named;
  bool look_alike = false;
};
struct SenderTest {
  AddressSet addresses;
  std::vector<std::string> groups, relays;
};
struct ContentTest {
  std::vector<uint32_t> terms;  // of the matcher, ascending
  uint32_t parts = 0;           // a bit for each ContentCondition::Part looked into
  uint32_t at_least = 1;
  bool LooksInto(v1::ContentCondition::Part part) const { return (parts >> part & 1) != 0; }
};
struct CompiledCondition {
  std::vector<CompiledCondition> all, any, none;  // `none`: at most one, of `not`
  std::optional<RecipientTest> recipient;
  std::optional<SenderTest> sender;
  std::optional<v1::CountCondition> count;
  std::optional<uint32_t> content;     // index in CompiledPolicy::contents
  std::optional<uint32_t> attachment;  // index in CompiledPolicy::attachments
  uint64_t message_size_over = 0;
};

// What is said about a rule that applies; both languages filled.
struct RuleWords {
  std::string id;
  v1::Text reason, remedy;
};
struct CompiledRule {
  RuleWords words;
  CompiledCondition when;
  Treatment treatment;
  bool asks = false;  // `treatment` is more than pass
};

struct CompiledPolicy {
  // Errors: kInvalid, naming the first problem, when CheckDocument finds any; kLimit when the patterns need too much
  // memory.
  static Result<std::shared_ptr<const CompiledPolicy>> Compile(const v1::PolicyDocument& document,
                                                               const std::vector<std::string>& own_domains,
                                                               std::string version);

  CompiledPolicy(const std::vector<std::string>& own_domains, const v1::PolicyDocument& document)
      : scopes(own_domains, document) {}

  std::string version;
  Scopes scopes;
  std::vector<CompiledRule> rules;  // the enabled ones
  std::vector<ContentTest> contents;
  std::vector<v1::AttachmentCondition> attachments;
  std::vector<std::vector<uint32_t>> tests_of_term;  // term → indexes of `contents`
  std::shared_ptr<const Matcher> matcher;
  v1::ClientEncrypted client_encrypted = v1::HOLD;
  std::vector<v1::ClientEncrypted> client_encrypted_of_list;  // UNSPECIFIED: the document's
  bool asks_first_contact = false;                            // whether MailFacts must tell it
  bool looks_into_attachments = false;  // whether the text of attachments, or what archives hold, matters to any rule
};

}  // namespace sekisho::policy

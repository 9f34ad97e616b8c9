#pragma once
// What is wrong with a policy document that YAML and protobuf can't see: names that name nothing, keywords that can't
// be found, patterns that don't compile, treatments that contradict each other. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "sekisho/policy/v1/policy.pb.h"

namespace sekisho::policy {

struct Problem {
  std::string path;     // "rules[2].when.content.keyword_sets[0]": the loader knows its line and column
  std::string message;  // what is wrong and what to write instead
};

// All problems of `document`, in its order; empty when it may come into force. `own_domains`: the organisation's.
std::vector<Problem> CheckDocument(const v1::PolicyDocument& document, const std::vector<std::string>& own_domains);

// Rules that the evaluator adds have ids that begin so; a document's may not.
inline constexpr std::string_view kReservedIdPrefix = "sekisho-";

}  // namespace sekisho::policy

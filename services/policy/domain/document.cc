#include "services/policy/domain/document.h"

#include <algorithm>
#include <set>

#include "services/policy/domain/address.h"
#include "services/policy/domain/document_check.h"
#include "shared/text/domain.h"

namespace sekisho::policy {
namespace {

constexpr int kMaxRules = 10'000;
constexpr size_t kMaxKeywords = 100'000;
constexpr size_t kMaxPatterns = 1'000;

bool IsId(std::string_view id) {
  if (id.empty() || id.size() > 64 || id.front() == '-' || id.back() == '-') return false;
  return std::all_of(id.begin(), id.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// Names of the lists and sets that rules may refer to; complains of empty and repeated ones.
template <typename Named>
std::set<std::string> CollectNames(const Named& named, const std::string& path, DocumentCheck& check) {
  std::set<std::string> names;
  for (int i = 0; i < named.size(); ++i) {
    const std::string at = Path(path, i) + ".name";
    if (named[i].name().empty()) {
      check.Add(at, "has no name; rules refer to it by its name");
    } else if (!names.insert(named[i].name()).second) {
      check.Add(at, "'" + named[i].name() + "' is defined twice; merge the two or rename one");
    }
  }
  return names;
}

void CheckPartners(const v1::PolicyDocument& document, const std::vector<std::string>& own_domains,
                   DocumentCheck& check) {
  AddressSet own;
  for (const std::string& domain : own_domains) own.AddDomain(domain);
  for (int i = 0; i < document.partners_size(); ++i) {
    const v1::PartnerList& list = document.partners(i);
    const std::string path = Path("partners", i);
    if (list.domains_size() + list.addresses_size() == 0)
      check.Add(path, "lists nobody; write its domains or addresses");
    check.Domains(list.domains(), path + ".domains");
    check.Addresses(list.addresses(), path + ".addresses");
    for (int j = 0; j < list.domains_size(); ++j) {
      if (own.Contains("x@" + ComparableDomain(list.domains(j)))) {
        check.Add(Path(path + ".domains", j),
                  "'" + list.domains(j) + "' is the organisation's own domain, which is INTERNAL and never a partner");
      }
    }
  }
}

void CheckThen(const v1::Then& then, const std::string& path, DocumentCheck& check) {
  const bool holds = then.hold_case() != v1::Then::HOLD_NOT_SET;
  const bool changes = then.to_cc_to_bcc() || then.smime_sign() || then.smime_encrypt() ||
                       then.attachments() != mail::v1::ATTACHMENT_SEAL_UNSPECIFIED;
  if (!holds && !changes && !then.block() && !then.pass())
    check.Add(path, "asks for nothing; write 'pass: true' if nothing is meant");
  if (then.pass() && (holds || changes || then.block())) {
    check.Add(path + ".pass",
              "contradicts the rest of 'then'; 'pass' lifts nothing that is asked for: leave one of them out");
  }
  if (then.block() && (holds || changes)) {
    check.Add(path + ".block", "what is blocked is not sent, so nothing else can be done to it: leave one of them out");
  }
  if (then.hold_case() == v1::Then::kConfirm && !then.confirm()) {
    check.Add(path + ".confirm", "'confirm: false' asks for nothing; leave it out");
  }
  if (then.has_hold_for()) check.Lasts(then.hold_for(), 1, 30 * 86'400, path + ".hold_for", "1s to 30d");
  if (then.approval().has_expire_after()) {
    check.Lasts(then.approval().expire_after(), 60, 90 * 86'400, path + ".approval.expire_after", "1m to 90d");
  }
}

void CheckRules(const v1::PolicyDocument& document, const References& references, DocumentCheck& check) {
  std::set<std::string> ids;
  for (int i = 0; i < document.rules_size(); ++i) {
    const v1::Rule& rule = document.rules(i);
    const std::string path = Path("rules", i);
    if (!IsId(rule.id())) {
      check.Add(path + ".id", "'" + rule.id() + "' is not an id; write 1 to 64 lower-case letters, digits and hyphens");
    } else if (rule.id().starts_with(kReservedIdPrefix)) {
      check.Add(path + ".id",
                "ids that begin with '" + std::string(kReservedIdPrefix) + "' are Sekisho's own; choose another");
    } else if (!ids.insert(rule.id()).second) {
      check.Add(path + ".id", "'" + rule.id() + "' is used twice; every rule needs an id of its own");
    }
    if (rule.has_when()) check.When(rule.when(), references, path + ".when");
    if (rule.has_then()) {
      CheckThen(rule.then(), path + ".then", check);
    } else {
      check.Add(path, "has no 'then'; write what is to be done, or 'then: {pass: true}'");
    }
  }
}

}  // namespace

std::vector<Problem> CheckDocument(const v1::PolicyDocument& document, const std::vector<std::string>& own_domains) {
  DocumentCheck check;
  References references;
  references.partner_lists = CollectNames(document.partners(), "partners", check);
  CheckPartners(document, own_domains, check);
  references.keyword_sets = CollectNames(document.keyword_sets(), "keyword_sets", check);
  for (int i = 0; i < document.keyword_sets_size(); ++i) {
    const std::string path = Path("keyword_sets", i);
    if (document.keyword_sets(i).words().empty()) check.Add(path, "has no words");
    check.Keywords(document.keyword_sets(i).words(), path + ".words");
  }
  references.pattern_sets = CollectNames(document.pattern_sets(), "pattern_sets", check);
  for (int i = 0; i < document.pattern_sets_size(); ++i) {
    const std::string path = Path("pattern_sets", i);
    if (document.pattern_sets(i).patterns().empty()) check.Add(path, "has no patterns");
    check.Patterns(document.pattern_sets(i).patterns(), path + ".patterns");
  }
  // A file that an editor has emptied, or not yet written, must not let everything pass.
  if (document.rules().empty())
    check.Add("", "has no rules; one that lets everything pass is 'rules: [{id: pass-all, then: {pass: true}}]'");
  if (document.rules_size() > kMaxRules) {
    check.Add("rules", "more than " + std::to_string(kMaxRules) +
                           " rules; merge rules that differ in words only into keyword sets");
  } else {
    CheckRules(document, references, check);
  }
  if (check.keywords() > kMaxKeywords)
    check.Add("keyword_sets", "more than " + std::to_string(kMaxKeywords) + " keywords in all");
  if (check.patterns() > kMaxPatterns)
    check.Add("pattern_sets", "more than " + std::to_string(kMaxPatterns) + " patterns in all");
  return check.Take();
}

}  // namespace sekisho::policy

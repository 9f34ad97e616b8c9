#include "services/policy/domain/compiled_policy.h"

#include <algorithm>
#include <map>

#include "services/policy/domain/document.h"

namespace sekisho::policy {
namespace {

using Part = v1::ContentCondition;

class Compiler {
 public:
  Compiler(const v1::PolicyDocument& document, CompiledPolicy& to) : document_(document), to_(to) {}

  Status Run() {
    to_.client_encrypted =
        document_.client_encrypted() == v1::CLIENT_ENCRYPTED_UNSPECIFIED ? v1::HOLD : document_.client_encrypted();
    for (const v1::PartnerList& list : document_.partners())
      to_.client_encrypted_of_list.push_back(list.client_encrypted());
    for (const v1::Rule& rule : document_.rules()) {
      if (!rule.disabled()) AddRule(rule);
    }
    return BuildMatcher();
  }

 private:
  // Terms while they are collected; a pattern's number is only known once all keywords are.
  struct PendingTerm {
    bool is_pattern;
    uint32_t index;
  };

  void AddRule(const v1::Rule& rule) {
    CompiledRule& compiled = to_.rules.emplace_back();
    compiled.treatment = TreatmentOf(rule.then());
    compiled.asks = Actions(compiled.treatment).front() != "pass";
    compiled.words = Words(rule, compiled.treatment);
    compiled.when = Compile(rule.when());
  }

  static RuleWords Words(const v1::Rule& rule, const Treatment& treatment) {
    RuleWords words{rule.id(), rule.reason(), rule.remedy()};
    Fill(words.reason, "規則「" + rule.id() + "」に当てはまりました。" + DescribeJapanese(treatment),
         "The rule \"" + rule.id() + "\" applies: " + DescribeEnglish(treatment) + ".");
    switch (treatment.block() ? mail::v1::HOLD_CLASS_UNSPECIFIED : treatment.hold()) {
      case mail::v1::HOLD_CLASS_TIMED:
        Fill(words.remedy, "時間が来れば自動で送信されます。すぐに送るには保留を解除してください。",
             "It goes by itself when the time is up. To send it now, release it.");
        break;
      case mail::v1::HOLD_CLASS_CONFIRM:
        Fill(words.remedy, "内容を確かめて、送信を確定してください。", "Look at it once more and confirm it.");
        break;
      case mail::v1::HOLD_CLASS_APPROVAL:
        Fill(words.remedy, "上長の承認を得るか、該当する箇所を直して送り直してください。",
             "Have your superior approve it, or change what the rule found and send it again.");
        break;
      default:
        Fill(words.remedy, "規則に当てはまる宛先や箇所がなければ、そのまま送信されます。",
             "Without the recipients or places that the rule found, it goes as it is.");
        break;
    }
    return words;
  }

  // What the document leaves out is said in its other language, or in a standard sentence.
  static void Fill(v1::Text& text, const std::string& standard_ja, const std::string& standard_en) {
    const bool nothing = text.ja().empty() && text.en().empty();
    if (text.ja().empty()) text.set_ja(nothing ? standard_ja : text.en());
    if (text.en().empty()) text.set_en(nothing ? standard_en : text.ja());
  }

  CompiledCondition Compile(const v1::Condition& when) {
    CompiledCondition compiled;
    for (const v1::Condition& each : when.all()) compiled.all.push_back(Compile(each));
    for (const v1::Condition& each : when.any()) compiled.any.push_back(Compile(each));
    if (when.has_not_()) compiled.none.push_back(Compile(when.not_()));
    if (when.has_recipient()) compiled.recipient = Compile(when.recipient());
    if (when.has_sender()) compiled.sender = Compile(when.sender());
    if (when.has_count()) compiled.count = when.count();
    if (when.has_content()) {
      compiled.content = static_cast<uint32_t>(to_.contents.size());
      AddContent(when.content());
    }
    if (when.has_attachment()) {
      compiled.attachment = static_cast<uint32_t>(to_.attachments.size());
      to_.attachments.push_back(when.attachment());
      to_.looks_into_attachments = true;
    }
    compiled.message_size_over = when.message_size_over();
    return compiled;
  }

  RecipientTest Compile(const v1::RecipientCondition& recipient) {
    RecipientTest test;
    for (const int scope : recipient.scope()) {
      test.scopes.push_back(static_cast<v1::Scope>(scope));
      to_.asks_first_contact |= scope == v1::FIRST_CONTACT;
    }
    for (uint32_t i = 0; i < static_cast<uint32_t>(document_.partners_size()); ++i) {
      const auto& wanted = recipient.partner_lists();
      if (std::find(wanted.begin(), wanted.end(), document_.partners(static_cast<int>(i)).name()) != wanted.end())
        test.lists.push_back(i);
    }
    for (const std::string& domain : recipient.domains()) test.named.AddDomain(domain);
    for (const std::string& address : recipient.addresses()) test.named.AddAddress(address);
    test.asks_named = !test.named.empty();
    test.look_alike = recipient.look_alike();
    return test;
  }

  static SenderTest Compile(const v1::SenderCondition& sender) {
    SenderTest test;
    for (const std::string& address : sender.addresses()) test.addresses.AddAddress(address);
    test.groups.assign(sender.groups().begin(), sender.groups().end());
    test.relays.assign(sender.relays().begin(), sender.relays().end());
    return test;
  }

  void AddContent(const v1::ContentCondition& content) {
    ContentTest test;
    test.at_least = std::max(content.at_least(), 1u);
    for (const int part : content.in()) test.parts |= 1u << part;
    if (test.parts == 0)
      test.parts = 1u << Part::SUBJECT | 1u << Part::BODY | 1u << Part::ATTACHMENT_NAME | 1u << Part::ATTACHMENT_TEXT;
    to_.looks_into_attachments |= test.LooksInto(Part::ATTACHMENT_TEXT) || test.LooksInto(Part::ATTACHMENT_NAME);
    keep_ = std::max(keep_, test.at_least);

    std::vector<PendingTerm> terms;
    for (const std::string& word : content.keywords()) terms.push_back(KeywordTerm(word));
    for (const std::string& pattern : content.patterns()) terms.push_back(PatternTerm(pattern));
    for (const v1::KeywordSet& set : document_.keyword_sets()) {
      if (!Names(content.keyword_sets(), set.name())) continue;
      for (const std::string& word : set.words()) terms.push_back(KeywordTerm(word));
    }
    for (const v1::PatternSet& set : document_.pattern_sets()) {
      if (!Names(content.pattern_sets(), set.name())) continue;
      for (const std::string& pattern : set.patterns()) terms.push_back(PatternTerm(pattern));
    }
    to_.contents.push_back(std::move(test));
    terms_.push_back(std::move(terms));
  }

  template <typename Texts>
  static bool Names(const Texts& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  }

  PendingTerm KeywordTerm(const std::string& word) {
    const auto [entry, is_new] =
        keyword_index_.try_emplace(Keyword::Parse(word), static_cast<uint32_t>(keywords_.size()));
    if (is_new) keywords_.push_back(entry->first);
    return {false, entry->second};
  }
  PendingTerm PatternTerm(const std::string& pattern) {
    const auto [entry, is_new] = pattern_index_.try_emplace(pattern, static_cast<uint32_t>(patterns_.size()));
    if (is_new) patterns_.push_back(pattern);
    return {true, entry->second};
  }

  Status BuildMatcher() {
    const uint32_t keywords = static_cast<uint32_t>(keywords_.size());
    to_.tests_of_term.resize(keywords + patterns_.size());
    for (uint32_t test = 0; test < terms_.size(); ++test) {
      std::vector<uint32_t>& ids = to_.contents[test].terms;
      for (const PendingTerm& term : terms_[test]) ids.push_back(term.is_pattern ? keywords + term.index : term.index);
      std::sort(ids.begin(), ids.end());
      ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
      for (const uint32_t id : ids) to_.tests_of_term[id].push_back(test);
    }
    SEKISHO_TRY(to_.matcher, Matcher::Build(std::move(keywords_), patterns_, keep_));
    return Ok();
  }

  const v1::PolicyDocument& document_;
  CompiledPolicy& to_;
  std::map<Keyword, uint32_t> keyword_index_;
  std::map<std::string, uint32_t> pattern_index_;
  std::vector<Keyword> keywords_;
  std::vector<std::string> patterns_;
  std::vector<std::vector<PendingTerm>> terms_;  // of each content test
  uint32_t keep_ = 3;                            // places that a reason names
};

}  // namespace

Result<std::shared_ptr<const CompiledPolicy>> CompiledPolicy::Compile(const v1::PolicyDocument& document,
                                                                      const std::vector<std::string>& own_domains,
                                                                      std::string version) {
  if (const auto problems = CheckDocument(document, own_domains); !problems.empty()) {
    return MakeError(Code::kInvalid, problems.front().path + ": " + problems.front().message);
  }
  auto compiled = std::make_shared<CompiledPolicy>(own_domains, document);
  compiled->version = std::move(version);
  SEKISHO_RETURN_IF_ERROR(Compiler(document, *compiled).Run());
  return std::shared_ptr<const CompiledPolicy>(std::move(compiled));
}

}  // namespace sekisho::policy

#include "services/policy/domain/evaluator.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "services/policy/domain/builtin_rules.h"

namespace sekisho::policy {
namespace {

using namespace mail::v1;  // NOLINT: the hold classes

// Kleene's three values: And is the least, Or the greatest.
enum class Truth { kNo, kPerhaps, kYes };

Truth Not(Truth truth) { return truth == Truth::kPerhaps ? truth : truth == Truth::kYes ? Truth::kNo : Truth::kYes; }
Truth FromBool(bool holds) { return holds ? Truth::kYes : Truth::kNo; }

// What comes out of a condition that holds.
struct Grounds {
  std::vector<Finding> findings;
  std::vector<Finding> parties;  // recipient and sender: told only where nothing else is
  std::vector<uint32_t> about_unreadable;

  void Add(const Grounds& other) {
    findings.insert(findings.end(), other.findings.begin(), other.findings.end());
    parties.insert(parties.end(), other.parties.begin(), other.parties.end());
    about_unreadable.insert(about_unreadable.end(), other.about_unreadable.begin(), other.about_unreadable.end());
  }
  std::vector<Finding> Told() && { return findings.empty() ? std::move(parties) : std::move(findings); }
};

// All rules, for one recipient.
class RecipientJudge {
 public:
  RecipientJudge(const CompiledPolicy& policy, const MailFacts& mail, const MailView& view, uint32_t recipient)
      : policy_(policy),
        mail_(mail),
        view_(view),
        standing_(policy.scopes.Find(mail.recipients[recipient].address, mail.recipients[recipient].first_contact)) {
    decision_.recipient = recipient;
  }

  RecipientDecision Run() {
    const uint8_t uncovered = UncoveredVeils();
    const bool sealed = mail_.seal == SenderSeal::kEncrypted;
    for (const CompiledRule& rule : policy_.rules) {
      Grounds grounds;
      // Outside, `client_encrypted` decides about mail that its sender encrypted; inside only where a rule may hold in
      // it.
      const Truth truth = Holds(rule.when, uncovered | (sealed && standing_.internal ? kSealVeil : kNoVeil), grounds);
      if (truth == Truth::kYes) {
        if (rule.asks) Apply(rule.words, rule.treatment, std::move(grounds).Told());
      } else if (truth == Truth::kPerhaps && rule.asks) {
        Grounds ignored;
        (Holds(rule.when, uncovered, ignored) == Truth::kPerhaps ? unreadable_ : perhaps_sealed_) = true;
      }
    }
    if (unreadable_) ApplyUnreadable();
    ApplySenderSeal();
    return Finish();
  }

 private:
  struct Applied {
    Treatment treatment;
    Cause cause;
  };

  void Apply(const RuleWords& words, const Treatment& treatment, std::vector<Finding> findings) {
    decision_.treatment = Strictest(decision_.treatment, treatment);
    applied_.push_back({treatment, {&words, std::move(findings)}});
  }
  void Hold(const RuleWords& words, HoldClass hold, std::vector<Finding> findings) {
    Treatment treatment;
    treatment.set_hold(hold);
    Apply(words, treatment, std::move(findings));
  }

  // The veils of attachments that no rule about unreadable ones covers for this recipient.
  uint8_t UncoveredVeils() {
    if (view_.unreadable.empty()) return kNoVeil;
    std::set<uint32_t> covered;
    for (const CompiledRule& rule : policy_.rules) {
      Grounds grounds;
      if (Holds(rule.when, kNoVeil, grounds) == Truth::kYes)
        covered.insert(grounds.about_unreadable.begin(), grounds.about_unreadable.end());
    }
    uint8_t veils = kNoVeil;
    for (const uint32_t index : view_.unreadable) {
      if (covered.contains(index)) continue;
      const AttachmentFacts& attachment = mail_.attachments[index];
      veils |= (attachment.unreadable ? kTextVeil : kNoVeil) | (attachment.contains_unknown ? kMembersVeil : kNoVeil);
      uncovered_.push_back({attachment.place, attachment.why_unreadable});
    }
    return veils;
  }

  void ApplyUnreadable() {
    if (uncovered_.size() > 3) uncovered_.resize(3);
    Hold(UnreadableWords(), HOLD_CLASS_UNREADABLE, uncovered_);
  }

  // Mail that the sender signed or encrypted: its body isn't ours to change, and what is encrypted can't be scanned.
  void ApplySenderSeal() {
    if (mail_.seal == SenderSeal::kNone || decision_.treatment.block()) return;
    const bool wants_seal = Seals(decision_.treatment);
    if (mail_.seal == SenderSeal::kEncrypted && (!standing_.internal || perhaps_sealed_ || wants_seal)) {
      const v1::ClientEncrypted answer = ClientEncrypted();
      if (answer == v1::HOLD) Hold(ClientEncryptedWords(), HOLD_CLASS_UNREADABLE, {});
      if (answer == v1::APPROVE) Hold(ClientEncryptedApproveWords(), HOLD_CLASS_APPROVAL, {});
    }
    if (mail_.seal == SenderSeal::kSigned && wants_seal) Hold(SealedBySenderWords(), HOLD_CLASS_UNREADABLE, {});
    decision_.treatment.set_smime_sign(false);
    decision_.treatment.set_smime_encrypt(false);
    decision_.treatment.set_attachments(ATTACHMENT_SEAL_UNSPECIFIED);
  }

  // The strictest that the recipient's partner lists say, else the document's.
  v1::ClientEncrypted ClientEncrypted() const {
    v1::ClientEncrypted answer = v1::CLIENT_ENCRYPTED_UNSPECIFIED;
    for (const uint32_t list : standing_.lists) {
      const v1::ClientEncrypted said = policy_.client_encrypted_of_list[list];
      if (said != v1::CLIENT_ENCRYPTED_UNSPECIFIED && (answer == v1::CLIENT_ENCRYPTED_UNSPECIFIED || said < answer))
        answer = said;
    }
    return answer == v1::CLIENT_ENCRYPTED_UNSPECIFIED ? policy_.client_encrypted : answer;
  }

  RecipientDecision Finish() {
    for (Applied& applied : applied_) {
      if (ContributesTo(applied.treatment, decision_.treatment)) decision_.causes.push_back(std::move(applied.cause));
    }
    const bool stops = decision_.treatment.block() || decision_.treatment.hold() != HOLD_CLASS_UNSPECIFIED;
    if (stops && !standing_.resembles.empty()) {
      decision_.causes.push_back({&LookAlikeWords(), {{"recipient", LookAlikeEvidence()}}});
    }
    return std::move(decision_);
  }

  std::string LookAlikeEvidence() const {
    return std::string(DomainOf(standing_.address)) + " resembles " + standing_.resembles;
  }

  Truth Holds(const CompiledCondition& when, uint8_t veils, Grounds& grounds) const {
    Truth truth = Truth::kYes;
    Grounds found;
    const auto also = [&](Truth each) { truth = std::min(truth, each); };
    const auto fails = [&](Truth each) { return also(each), truth == Truth::kNo; };
    // The mail's tests have been run, and rule most rules out.
    if (when.content && fails(HoldsFor(view_.contents[*when.content], veils, found))) return truth;
    if (when.attachment && fails(HoldsFor(view_.attachments[*when.attachment], veils, found))) return truth;
    if (when.message_size_over > 0 && fails(IsLarger(when.message_size_over, found))) return truth;
    if (when.count && fails(HoldsFor(*when.count, found))) return truth;
    if (when.sender && fails(HoldsFor(*when.sender, found))) return truth;
    if (when.recipient && fails(HoldsFor(*when.recipient, found))) return truth;
    for (const CompiledCondition& each : when.all) also(Holds(each, veils, found));
    if (!when.any.empty()) {
      Truth best = Truth::kNo;
      for (const CompiledCondition& each : when.any) best = std::max(best, Holds(each, veils, found));
      also(best);
    }
    for (const CompiledCondition& each : when.none) {
      Grounds ignored;
      also(Not(Holds(each, veils, ignored)));
    }
    if (truth == Truth::kYes) grounds.Add(found);
    return truth;
  }

  static Truth HoldsFor(const TestResult& result, uint8_t veils, Grounds& found) {
    if (result.holds) {
      found.Add({result.findings, {}, result.about_unreadable});
      return Truth::kYes;
    }
    return (result.veils & veils) != 0 ? Truth::kPerhaps : Truth::kNo;
  }

  Truth HoldsFor(const RecipientTest& test, Grounds& found) const {
    const auto in = [&](v1::Scope scope) { return standing_.IsIn(scope); };
    const auto listed = [&](uint32_t list) {
      return std::binary_search(standing_.lists.begin(), standing_.lists.end(), list);
    };
    const bool holds = (test.scopes.empty() || std::any_of(test.scopes.begin(), test.scopes.end(), in)) &&
                       (test.lists.empty() || std::any_of(test.lists.begin(), test.lists.end(), listed)) &&
                       (!test.asks_named || test.named.Contains(standing_.address)) &&
                       (!test.look_alike || !standing_.resembles.empty());
    if (holds && test.look_alike) found.findings.push_back({"recipient", LookAlikeEvidence()});
    if (holds) found.parties.push_back({"recipient", mail_.recipients[decision_.recipient].address});
    return FromBool(holds);
  }

  Truth HoldsFor(const SenderTest& test, Grounds& found) const {
    const auto is_member = [&](const std::string& group) {
      return std::find(mail_.sender_groups.begin(), mail_.sender_groups.end(), group) != mail_.sender_groups.end();
    };
    const bool holds =
        (test.addresses.empty() || test.addresses.Contains(view_.sender)) &&
        (test.groups.empty() || std::any_of(test.groups.begin(), test.groups.end(), is_member)) &&
        (test.relays.empty() || std::find(test.relays.begin(), test.relays.end(), mail_.relay) != test.relays.end());
    if (holds) found.parties.push_back({"sender", mail_.mail_from});
    return FromBool(holds);
  }

  Truth IsLarger(uint64_t limit, Grounds& found) const {
    if (mail_.size <= limit) return Truth::kNo;
    found.findings.push_back({"mail", std::to_string(mail_.size) + " octets"});
    return Truth::kYes;
  }

  Truth HoldsFor(const v1::CountCondition& count, Grounds& found) const {
    const auto over = [](size_t is, uint32_t limit) { return limit == 0 || is > limit; };
    const bool holds = over(view_.external_addresses, count.external_addresses_over()) &&
                       over(view_.external_domains, count.external_domains_over()) &&
                       over(mail_.recipients.size(), count.recipients_over());
    if (!holds) return Truth::kNo;
    if (count.recipients_over() > 0) found.findings.push_back({"recipients", std::to_string(mail_.recipients.size())});
    if (count.external_addresses_over() + count.external_domains_over() > 0) {
      found.findings.push_back({"To and Cc", std::to_string(view_.external_addresses) + " outside addresses in " +
                                                 std::to_string(view_.external_domains) + " domains"});
    }
    return Truth::kYes;
  }

  const CompiledPolicy& policy_;
  const MailFacts& mail_;
  const MailView& view_;
  const Standing standing_;
  RecipientDecision decision_;
  std::vector<Applied> applied_;
  std::vector<Finding> uncovered_;
  bool unreadable_ = false;      // some rule may hold in an attachment that nobody could read
  bool perhaps_sealed_ = false;  // some rule may hold in what the sender encrypted
};

}  // namespace

Result<std::vector<RecipientDecision>> Evaluate(const CompiledPolicy& policy, const MailFacts& mail,
                                                FunctionRef<bool()> out_of_time) {
  SEKISHO_TRY(const MailView view, MailView::Make(policy, mail, out_of_time));
  std::vector<RecipientDecision> decisions;
  decisions.reserve(mail.recipients.size());
  for (uint32_t i = 0; i < mail.recipients.size(); ++i)
    decisions.push_back(RecipientJudge(policy, mail, view, i).Run());
  return decisions;
}

std::vector<RecipientDecision> HoldAll(size_t recipients, const Error& why) {
  RecipientDecision decision;
  const bool ambiguous = why.code == Code::kMalformed;
  decision.treatment.set_hold(ambiguous ? HOLD_CLASS_AMBIGUOUS : HOLD_CLASS_ERROR);
  decision.causes.push_back({ambiguous ? &AmbiguousWords() : &ErrorWords(), {{"mail", why.detail}}});
  std::vector<RecipientDecision> all(recipients, decision);
  for (uint32_t i = 0; i < all.size(); ++i) all[i].recipient = i;
  return all;
}

}  // namespace sekisho::policy

#include "services/policy/domain/mail_view.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "services/policy/domain/file_types.h"
#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

using Content = v1::ContentCondition;

constexpr size_t kMaxFindings = 3;
constexpr size_t kMaxEvidence = 40;  // characters
constexpr size_t kDigitsShown = 4;

// What a pattern found may be what the rule protects (a card number): past the first digits they are masked.
std::string Mask(std::string_view found) {
  std::string masked;
  size_t digits = 0;
  for (const char c : found) masked += c >= '0' && c <= '9' && ++digits > kDigitsShown ? '*' : c;
  return masked;
}

Finding FindingOf(const Hit& hit, const TextPiece& piece, bool is_pattern) {
  Finding finding;
  finding.place = piece.place;
  if (piece.has_lines) finding.place += " line " + std::to_string(piece.text->LineOf(hit.begin));
  const std::string_view found = std::string_view(piece.text->text).substr(hit.begin, hit.end - hit.begin);
  finding.evidence = text::Shorten(is_pattern ? Mask(found) : std::string(found), kMaxEvidence);
  return finding;
}

uint8_t VeilsOver(const ContentTest& test, uint8_t veils_of_mail) {
  uint8_t over = kNoVeil;
  if (test.parts != 1u << Content::SUBJECT) over |= kSealVeil;
  if (test.LooksInto(Content::ATTACHMENT_TEXT)) over |= kTextVeil | kMembersVeil;
  if (test.LooksInto(Content::ATTACHMENT_NAME)) over |= kMembersVeil;
  return over & veils_of_mail;
}

void RunContents(const CompiledPolicy& policy, const MailFacts& mail, const std::vector<Hit>& hits, uint8_t veils,
                 std::vector<TestResult>& results) {
  results.resize(policy.contents.size());
  std::vector<std::vector<const Hit*>> of_test(hits.empty() ? 0 : results.size());
  for (const Hit& hit : hits) {
    for (const uint32_t test : policy.tests_of_term[hit.term]) {
      if (policy.contents[test].LooksInto(mail.texts[hit.piece].part)) of_test[test].push_back(&hit);
    }
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const ContentTest& test = policy.contents[i];
    results[i].veils = VeilsOver(test, veils);
    if (of_test.empty() || of_test[i].empty()) continue;
    // Two terms that begin at one place ("社外秘", "社外秘扱い") are one hit, the longer.
    std::vector<const Hit*>& found = of_test[i];
    std::sort(found.begin(), found.end(), [](const Hit* a, const Hit* b) {
      return std::tuple(a->piece, a->begin, b->end) < std::tuple(b->piece, b->begin, a->end);
    });
    found.erase(std::unique(found.begin(), found.end(),
                            [](const Hit* a, const Hit* b) { return a->piece == b->piece && a->begin == b->begin; }),
                found.end());
    if (found.size() < test.at_least) continue;
    results[i].holds = true;
    for (size_t j = 0; j < std::min(found.size(), kMaxFindings); ++j) {
      const bool is_pattern = found[j]->term >= policy.matcher->keywords();
      results[i].findings.push_back(FindingOf(*found[j], mail.texts[found[j]->piece], is_pattern));
    }
  }
}

// Only `any`.
bool AsksForNothingMore(const v1::AttachmentCondition& asked) {
  return asked.types().empty() && asked.extensions().empty() && asked.size_over() == 0 && !asked.encrypted() &&
         !asked.unreadable() && !asked.name_mismatch();
}

bool Meets(const AttachmentFacts& attachment, const v1::AttachmentCondition& asked) {
  if (attachment.shown_in_text && AsksForNothingMore(asked)) return false;
  const auto any = [](const auto& words, auto is) {
    return words.empty() || std::any_of(words.begin(), words.end(), is);
  };
  return any(asked.types(), [&](const std::string& word) { return IsMeantBy(attachment.type, word); }) &&
         any(asked.extensions(), [&](const std::string& extension) { return attachment.extension == extension; }) &&
         (asked.size_over() == 0 || attachment.size > asked.size_over()) &&
         (!asked.encrypted() || attachment.encrypted) &&
         (!asked.unreadable() || attachment.unreadable || attachment.contains_unknown) &&
         (!asked.name_mismatch() || attachment.name_mismatch);
}

std::string Describe(const AttachmentFacts& attachment) {
  std::string text = text::Shorten(text::ShowInvisible(attachment.file_name), kMaxEvidence);
  text += (text.empty() ? "" : ", ") + std::string(mime::FileTypeName(attachment.type)) + ", " +
          std::to_string(attachment.size) + " octets";
  if (attachment.encrypted) text += ", encrypted";
  if (!attachment.why_unreadable.empty()) text += ", " + attachment.why_unreadable;
  return text;
}

TestResult RunAttachment(const v1::AttachmentCondition& asked, const MailFacts& mail, uint8_t veils) {
  TestResult result;
  for (uint32_t i = 0; i < mail.attachments.size(); ++i) {
    const AttachmentFacts& attachment = mail.attachments[i];
    if (!Meets(attachment, asked)) continue;
    result.holds = true;
    if (asked.encrypted() || asked.unreadable()) result.about_unreadable.push_back(i);
    if (result.findings.size() < kMaxFindings) result.findings.push_back({attachment.place, Describe(attachment)});
  }
  if (!result.holds) {
    const bool asks_members = asked.types_size() + asked.extensions_size() > 0 || asked.name_mismatch();
    result.veils = veils & (asks_members ? kSealVeil | kMembersVeil : kSealVeil);
  }
  return result;
}

void CountExternal(const CompiledPolicy& policy, const MailFacts& mail, MailView& view) {
  std::set<std::string> addresses, domains;
  for (const std::string& address : mail.visible_addresses) {
    std::string comparable = ComparableAddress(address);
    if (policy.scopes.IsInternal(comparable)) continue;
    domains.emplace(DomainOf(comparable));
    addresses.insert(std::move(comparable));
  }
  view.external_addresses = addresses.size();
  view.external_domains = domains.size();
}

}  // namespace

Result<MailView> MailView::Make(const CompiledPolicy& policy, const MailFacts& mail, FunctionRef<bool()> out_of_time) {
  MailView view;
  view.sender = ComparableAddress(mail.mail_from);
  CountExternal(policy, mail, view);
  uint8_t veils = mail.seal == SenderSeal::kEncrypted ? kSealVeil : kNoVeil;
  for (uint32_t i = 0; i < mail.attachments.size(); ++i) {
    const AttachmentFacts& attachment = mail.attachments[i];
    if (attachment.unreadable) veils |= kTextVeil;
    if (attachment.contains_unknown) veils |= kMembersVeil;
    if (attachment.unreadable || attachment.contains_unknown) view.unreadable.push_back(i);
  }
  SEKISHO_TRY(const std::vector<Hit> hits, policy.matcher->Scan(mail.texts, out_of_time));
  RunContents(policy, mail, hits, veils, view.contents);
  for (const v1::AttachmentCondition& asked : policy.attachments)
    view.attachments.push_back(RunAttachment(asked, mail, veils));
  return view;
}

}  // namespace sekisho::policy

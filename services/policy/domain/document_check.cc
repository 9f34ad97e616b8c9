#include "services/policy/domain/document_check.h"

#include <algorithm>

#include "services/policy/domain/address.h"
#include "services/policy/domain/file_types.h"
#include "services/policy/domain/matcher.h"
#include "shared/base/bytes.h"
#include "shared/text/domain.h"

namespace sekisho::policy {
namespace {

constexpr size_t kMaxKeyword = 600;  // octets
constexpr uint32_t kMaxAtLeast = 1'000;
constexpr int kMaxDepth = 16;

// "; did you mean 'confidential'?", or what there is when nothing comes near.
template <typename Names>
std::string DidYouMean(const std::string& name, const Names& known) {
  std::string nearest;
  size_t best = std::max<size_t>(name.size() / 3, 1) + 1;
  std::string all;
  for (const std::string& each : known) {
    const size_t distance = text::EditDistance(AsciiLower(name), AsciiLower(each), best);
    if (distance < best) best = distance, nearest = each;
    if (all.size() < 300) all += (all.empty() ? "" : ", ") + each;
  }
  if (!nearest.empty()) return "; did you mean '" + nearest + "'?";
  return all.empty() ? "; none is defined" : "; there is: " + all;
}

}  // namespace

std::string Path(const std::string& parent, int index) { return parent + '[' + std::to_string(index) + ']'; }

void DocumentCheck::Domains(const Texts& domains, const std::string& path) {
  for (int i = 0; i < domains.size(); ++i) {
    std::string_view domain = domains[i];
    if (domain.starts_with('.')) domain.remove_prefix(1);
    if (!text::DomainToAscii(domain)) {
      Add(Path(path, i),
          "'" + domains[i] + "' is not a domain; write 'partner.example', or '.partner.example' for its subdomains");
    }
  }
}

void DocumentCheck::Addresses(const Texts& addresses, const std::string& path) {
  for (int i = 0; i < addresses.size(); ++i) {
    const std::string_view domain = DomainOf(addresses[i]);
    if (domain.empty() || addresses[i].starts_with('@') || !text::DomainToAscii(domain)) {
      Add(Path(path, i),
          "'" + addresses[i] + "' is not an address; write 'sato@partner.example', or its domain under 'domains'");
    }
  }
}

void DocumentCheck::Keywords(const Texts& words, const std::string& path) {
  keywords_ += static_cast<size_t>(words.size());
  for (int i = 0; i < words.size(); ++i) {
    const Keyword keyword = Keyword::Parse(words[i]);
    if (keyword.text.empty()) {
      Add(Path(path, i), "nothing is left of this word once spaces and invisible characters are gone; leave it out");
    } else if (keyword.text.size() > kMaxKeyword) {
      Add(Path(path, i), "longer than " + std::to_string(kMaxKeyword) + " octets; a shorter part of it finds the same");
    }
  }
}

void DocumentCheck::Patterns(const Texts& patterns, const std::string& path) {
  patterns_ += static_cast<size_t>(patterns.size());
  for (int i = 0; i < patterns.size(); ++i) {
    if (std::string problem = PatternProblem(patterns[i]); !problem.empty()) Add(Path(path, i), std::move(problem));
  }
}

void DocumentCheck::Lasts(const google::protobuf::Duration& duration, int64_t min_seconds, int64_t max_seconds,
                          const std::string& path, const std::string& range) {
  const bool too_long = duration.seconds() > max_seconds || (duration.seconds() == max_seconds && duration.nanos() > 0);
  if (duration.seconds() < min_seconds || duration.nanos() < 0 || too_long)
    Add(path, "is out of range; write " + range);
}

void DocumentCheck::Known(const Texts& names, const std::set<std::string>& known, const std::string& what,
                          const std::string& path) {
  for (int i = 0; i < names.size(); ++i) {
    if (!known.contains(names[i]))
      Add(Path(path, i), "no " + what + " is named '" + names[i] + "'" + DidYouMean(names[i], known));
  }
}

void DocumentCheck::Recipient(const v1::RecipientCondition& recipient, const References& references,
                              const std::string& path) {
  const bool lists = recipient.partner_lists_size() > 0;
  if (recipient.scope().empty() && !lists && recipient.domains().empty() && recipient.addresses().empty() &&
      !recipient.look_alike()) {
    Add(path, "asks nothing, so it would hold for every recipient; leave it out or say which");
  }
  for (int i = 0; i < recipient.scope_size(); ++i) {
    if (recipient.scope(i) == v1::SCOPE_UNSPECIFIED)
      Add(Path(path + ".scope", i), "write INTERNAL, PARTNER, EXTERNAL, UNKNOWN or FIRST_CONTACT");
  }
  const bool never_partner = !recipient.scope().empty() &&
                             std::all_of(recipient.scope().begin(), recipient.scope().end(),
                                         [](int scope) { return scope == v1::INTERNAL || scope == v1::UNKNOWN; });
  if (lists && never_partner)
    Add(path, "can never hold: who is on a partner list is neither INTERNAL nor UNKNOWN; leave one of them out");
  Known(recipient.partner_lists(), references.partner_lists, "partner list", path + ".partner_lists");
  Domains(recipient.domains(), path + ".domains");
  Addresses(recipient.addresses(), path + ".addresses");
}

void DocumentCheck::Content(const v1::ContentCondition& content, const References& references,
                            const std::string& path) {
  if (content.keyword_sets_size() + content.pattern_sets_size() + content.keywords_size() + content.patterns_size() ==
      0) {
    Add(path, "looks for nothing; write keywords, patterns, keyword_sets or pattern_sets");
  }
  Known(content.keyword_sets(), references.keyword_sets, "keyword set", path + ".keyword_sets");
  Known(content.pattern_sets(), references.pattern_sets, "pattern set", path + ".pattern_sets");
  Keywords(content.keywords(), path + ".keywords");
  Patterns(content.patterns(), path + ".patterns");
  for (int i = 0; i < content.in_size(); ++i) {
    if (content.in(i) == v1::ContentCondition::PART_UNSPECIFIED) {
      Add(Path(path + ".in", i), "write SUBJECT, BODY, ATTACHMENT_NAME or ATTACHMENT_TEXT");
    }
  }
  if (content.at_least() > kMaxAtLeast)
    Add(path + ".at_least", "more than " + std::to_string(kMaxAtLeast) + "; write less");
}

void DocumentCheck::Attachment(const v1::AttachmentCondition& attachment, const std::string& path) {
  const bool asks = attachment.types_size() + attachment.extensions_size() > 0 || attachment.size_over() > 0 ||
                    attachment.encrypted() || attachment.unreadable() || attachment.name_mismatch();
  if (!asks && !attachment.any()) Add(path, "asks nothing; write 'any: true' for any attachment at all");
  for (int i = 0; i < attachment.types_size(); ++i) {
    if (!IsTypeWord(attachment.types(i))) {
      Add(Path(path + ".types", i),
          "'" + attachment.types(i) + "' is not a type of file" + DidYouMean(attachment.types(i), TypeWords()));
    }
  }
  for (int i = 0; i < attachment.extensions_size(); ++i) {
    const std::string& extension = attachment.extensions(i);
    if (extension.empty() || extension.find_first_of(".*/ ") != std::string::npos ||
        extension != AsciiLower(extension)) {
      Add(Path(path + ".extensions", i),
          "'" + extension + "' is not an extension; write it in lower case without the dot: 'exe'");
    }
  }
}

void DocumentCheck::When(const v1::Condition& when, const References& references, const std::string& path, int depth) {
  if (depth > kMaxDepth)
    return Add(path, "is nested deeper than " + std::to_string(kMaxDepth) + " conditions; split the rule");
  const bool leaf = when.has_recipient() || when.has_sender() || when.has_count() || when.has_content() ||
                    when.has_attachment() || when.message_size_over() > 0;
  if (!leaf && when.all().empty() && when.any().empty() && !when.has_not_()) {
    Add(path, "asks nothing, so it would always hold; leave 'when' out if that is meant");
  }
  for (int i = 0; i < when.all_size(); ++i) When(when.all(i), references, Path(path + ".all", i), depth + 1);
  for (int i = 0; i < when.any_size(); ++i) When(when.any(i), references, Path(path + ".any", i), depth + 1);
  if (when.has_not_()) When(when.not_(), references, path + ".not", depth + 1);
  if (when.has_recipient()) Recipient(when.recipient(), references, path + ".recipient");
  if (when.has_sender()) {
    Addresses(when.sender().addresses(), path + ".sender.addresses");
    if (when.sender().addresses_size() + when.sender().groups_size() + when.sender().relays_size() == 0) {
      Add(path + ".sender", "asks nothing; write addresses, groups or relays");
    }
  }
  if (when.has_count() && when.count().external_addresses_over() == 0 && when.count().external_domains_over() == 0 &&
      when.count().recipients_over() == 0) {
    Add(path + ".count", "asks nothing; write external_addresses_over, external_domains_over or recipients_over");
  }
  if (when.has_content()) Content(when.content(), references, path + ".content");
  if (when.has_attachment()) Attachment(when.attachment(), path + ".attachment");
}

}  // namespace sekisho::policy

#include "services/delivery/domain/dsn.h"

#include <algorithm>
#include <cstdio>

#include "services/delivery/domain/dsn_reason.h"
#include "shared/base/bytes.h"
#include "shared/mime/builder.h"
#include "shared/text/utf8.h"

namespace sekisho::delivery {
namespace {

using mail::v1::Envelope;
using mail::v1::Recipient;

std::string_view ActionName(DsnAction action) {
  switch (action) {
    case DsnAction::kFailed:
      return "failed";
    case DsnAction::kDelayed:
      return "delayed";
    case DsnAction::kRelayed:
      return "relayed";
  }
  return "failed";
}

void Field(std::string& to, std::string_view name, std::string_view value) {
  to += name;
  to += ": ";
  to += value;
  to += "\r\n";
}

// Fields are ASCII: what else a peer says is shown as "?".
std::string AsciiOnly(std::string_view words, size_t limit) {
  std::string out = Printable(words, limit);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return out;
}

// RFC 6533 §3, utf-8-addr-xtext: all but some ASCII as "\\x{5C71}".
std::string Utf8AddressXtext(std::string_view address) {
  std::string out;
  for (size_t next = 0; next < address.size();) {
    const char32_t code_point = text::NextCodePoint(address, next);
    if (code_point > 0x20 && code_point < 0x7f && code_point != '+' && code_point != '=' && code_point != '\\') {
      out += static_cast<char>(code_point);
    } else {
      char escaped[16];
      snprintf(escaped, sizeof escaped, "\\x{%02X}", static_cast<unsigned>(code_point));
      out += escaped;
    }
  }
  return out;
}

// RFC 3464 §2.1.2: a type and an address.
std::string TypedAddress(std::string_view address) {
  return text::IsAscii(address) ? "rfc822; " + Printable(address, 320) : "utf-8; " + Utf8AddressXtext(address);
}

std::string OriginalRecipient(std::string_view orcpt) {
  const size_t semicolon = orcpt.find(';');
  if (semicolon == std::string_view::npos) return {};
  return AsciiOnly(AsciiLower(orcpt.substr(0, semicolon)), 32) + "; " + AsciiOnly(orcpt.substr(semicolon + 1), 500);
}

// RFC 3464 §2: one group about the mail, then one for each recipient.
std::string StatusFields(const Dsn& dsn) {
  std::string out;
  if (!dsn.envelope->dsn_envid().empty()) {
    Field(out, "Original-Envelope-Id", AsciiOnly(dsn.envelope->dsn_envid(), 100));
  }
  Field(out, "Reporting-MTA", "dns; " + std::string(dsn.hostname));
  Field(out, "Arrival-Date", FormatRfc5322(dsn.arrived_at));
  for (const DsnRecipient& about : dsn.recipients) {
    out += "\r\n";
    if (const std::string original = OriginalRecipient(about.recipient->original_recipient()); !original.empty()) {
      Field(out, "Original-Recipient", original);
    }
    Field(out, "Final-Recipient", TypedAddress(about.recipient->address()));
    Field(out, "Action", ActionName(dsn.action));
    Field(out, "Status", about.status);
    if (!about.remote_host.empty()) Field(out, "Remote-MTA", "dns; " + AsciiOnly(about.remote_host, 255));
    if (!about.diagnostic.empty()) {
      Field(out, "Diagnostic-Code", (about.from_peer ? "smtp; " : "x-sekisho; ") + AsciiOnly(about.diagnostic, 500));
    }
    Field(out, "Last-Attempt-Date", FormatRfc5322(dsn.attempted_at));
    if (dsn.action == DsnAction::kDelayed) Field(out, "Will-Retry-Until", FormatRfc5322(dsn.retry_until));
  }
  return out;
}

// What a notice says in one language.
struct Phrases {
  std::string_view subject, opening, recipient, why, remedy, reply, about, closing;
};

Phrases Japanese(DsnAction action) {
  Phrases phrases{.subject = "配信できませんでした",
                  .opening = "お送りになったメールを、次の宛先に届けられませんでした。",
                  .recipient = "宛先",
                  .why = "理由",
                  .remedy = "できること",
                  .reply = "相手の返答",
                  .about = "件名",
                  .closing = "お問い合わせの際は、受付番号をお知らせください。受付番号: "};
  if (action == DsnAction::kDelayed) {
    phrases.subject = "配信が遅れています";
    phrases.opening =
        "お送りになったメールを、次の宛先にまだ届けられていません。送信は自動で繰り返します。送り直す必要はありません"
        "。";
  } else if (action == DsnAction::kRelayed) {
    phrases.subject = "相手側のサーバーに渡しました";
    phrases.opening =
        "お送りになったメールを、次の宛先のサーバーに渡しました。そのサーバーは配信の通知に対応していないため、この先の"
        "通知はありません。";
  }
  return phrases;
}

Phrases English(DsnAction action) {
  Phrases phrases{.subject = "Undelivered mail",
                  .opening = "Your mail could not be delivered to the recipients below.",
                  .recipient = "Recipient",
                  .why = "Why",
                  .remedy = "What you can do",
                  .reply = "Their reply",
                  .about = "Subject",
                  .closing = "When you ask about this mail, please give its id: "};
  if (action == DsnAction::kDelayed) {
    phrases.subject = "Delayed mail";
    phrases.opening =
        "Your mail has not been delivered to the recipients below yet. We keep trying; you don't need to send it "
        "again.";
  } else if (action == DsnAction::kRelayed) {
    phrases.subject = "Mail handed on";
    phrases.opening =
        "Your mail was handed to the hosts of the recipients below. They don't send delivery notices, so this is the "
        "last you hear.";
  }
  return phrases;
}

std::string Section(const Dsn& dsn, const Phrases& phrases, bool japanese) {
  std::string out(phrases.opening);
  out += "\n\n";
  if (!dsn.subject.empty()) out += std::string(phrases.about) + ": " + Printable(dsn.subject, 200) + "\n\n";
  for (const DsnRecipient& about : dsn.recipients) {
    out += std::string(phrases.recipient) + ": " + Printable(about.recipient->address(), 320) + "\n";
    if (dsn.action != DsnAction::kRelayed) {
      const Wording wording = WordingOf(about.status);
      out += "  " + std::string(phrases.why) + ": " + std::string(japanese ? wording.why_ja : wording.why_en) + "\n";
      if (dsn.action == DsnAction::kFailed) {
        out += "  " + std::string(phrases.remedy) + ": " +
               std::string(japanese ? wording.remedy_ja : wording.remedy_en) + "\n";
      }
    }
    if (!about.diagnostic.empty())
      out += "  " + std::string(phrases.reply) + ": " + Printable(about.diagnostic, 500) + "\n";
    out += "\n";
  }
  out += std::string(phrases.closing) + std::string(dsn.mail_id) + "\n";
  return out;
}

std::string_view HeaderSection(std::string_view message) {
  const size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message : message.substr(0, end + 2);
}

// The mail's own Message-ID, so that clients show the notice beside it; empty when it can't be told.
std::string MessageIdOf(std::string_view message) {
  std::string_view header = HeaderSection(message);
  while (!header.empty()) {
    const size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    if (AsciiEqualsIgnoreCase(line.substr(0, 11), "Message-ID:")) {
      const std::string_view id = AsciiTrim(line.substr(11));
      const bool sound = id.size() > 2 && id.size() < 250 && id.front() == '<' && id.back() == '>' &&
                         text::IsAscii(id) && id.find_first_of(" \t<", 1) == std::string_view::npos;
      return sound ? std::string(id) : std::string();
    }
    header.remove_prefix(std::min(end + 2, header.size()));
  }
  return {};
}

}  // namespace

bool WantsDsn(const Envelope& envelope, const Recipient& recipient, DsnAction action) {
  if (envelope.mail_from().empty()) return false;
  const auto& notify = recipient.notify();
  const auto asked = [&](Recipient::Notify what) {
    return std::find(notify.begin(), notify.end(), what) != notify.end();
  };
  switch (action) {
    case DsnAction::kFailed:
      return notify.empty() || asked(Recipient::NOTIFY_FAILURE);
    case DsnAction::kDelayed:
      return notify.empty() || asked(Recipient::NOTIFY_DELAY);
    case DsnAction::kRelayed:
      return asked(Recipient::NOTIFY_SUCCESS);
  }
  return false;
}

Result<std::string> ComposeDsn(const Dsn& dsn) {
  const Phrases japanese = Japanese(dsn.action), english = English(dsn.action);
  const bool japanese_first = dsn.submitter == nullptr || dsn.submitter->display_language() != "en";
  const std::string in_japanese = Section(dsn, japanese, true), in_english = Section(dsn, english, false);

  mime::NewMail mail;
  mail.from = {"Sekisho", std::string(dsn.from_address)};
  mail.to = {{"", dsn.envelope->mail_from()}};
  mail.subject = japanese_first ? std::string(japanese.subject) + " / " + std::string(english.subject)
                                : std::string(english.subject) + " / " + std::string(japanese.subject);
  if (!dsn.subject.empty()) mail.subject += ": " + Printable(dsn.subject, 120);
  mail.date = dsn.attempted_at;
  mail.message_id = dsn.message_id;
  mail.fields = {{"Auto-Submitted", "auto-replied"}};  // RFC 3834 §5: nothing answers this
  if (const std::string about = MessageIdOf(dsn.original); !about.empty()) {
    mail.fields.emplace_back("In-Reply-To", about);
    mail.fields.emplace_back("References", about);
  }
  const std::string rule = "\n----------------------------------------\n\n";
  mail.text = japanese_first ? in_japanese + rule + in_english : in_english + rule + in_japanese;

  mime::NewReport report;
  report.fields = StatusFields(dsn);
  // Returned whole, octets over 127 would ask the next host for 8BITMIME, and the notice might not arrive.
  if (dsn.action == DsnAction::kFailed && dsn.envelope->dsn_ret() == Envelope::DSN_RETURN_FULL &&
      !dsn.original.empty() && dsn.original.size() <= kMaxReturned && text::IsAscii(dsn.original)) {
    report.returned = dsn.original;
    report.returned_headers_only = false;
    mail.report = report;
    if (Result<std::string> built = mime::BuildMail(mail); built.ok())
      return built;  // it can't be when its lines are too long
  }
  report.returned = HeaderSection(dsn.original);
  report.returned_headers_only = true;
  mail.report = std::move(report);
  return mime::BuildMail(mail);
}

}  // namespace sekisho::delivery

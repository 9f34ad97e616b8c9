#include "services/delivery/domain/dsn.h"

#include <algorithm>
#include <cstdio>

#include "services/delivery/domain/dsn_reason.h"
#include "shared/base/bytes.h"
#include "shared/mime/model.h"
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

constexpr size_t kIndent = 2;

notice::Body WriteBody(const Dsn& dsn, const Phrases& phrases, bool japanese) {
  notice::Body body;
  body.Line(phrases.opening).Gap().Field(phrases.about, dsn.subject);
  for (const DsnRecipient& about : dsn.recipients) {
    body.Gap().Field(phrases.recipient, about.recipient->address());
    if (dsn.action != DsnAction::kRelayed) {
      const Wording wording = WordingOf(about.status);
      body.Field(phrases.why, japanese ? wording.why_ja : wording.why_en, kIndent);
      if (dsn.action == DsnAction::kFailed) {
        body.Field(phrases.remedy, japanese ? wording.remedy_ja : wording.remedy_en, kIndent);
      }
    }
    body.Field(phrases.reply, about.diagnostic, kIndent);
  }
  body.Gap().Line(std::string(phrases.closing) + std::string(dsn.mail_id));
  return body;
}

std::string_view HeaderSection(std::string_view message) {
  const size_t end = message.find("\r\n\r\n");
  return end == std::string_view::npos ? message : message.substr(0, end + 2);
}

// The mail's own Message-ID, so that clients show the notice beside it; empty when it can't be told.
std::string MessageIdOf(std::string_view message) {
  const auto header = mime::ParseHeader(message);
  return header.ok() ? header->message_id : std::string();
}

// What goes back with a notice: the mail whole where the sender asked for that and it can travel as it is. Octets over
// 127 would ask the next host for 8BITMIME, and the notice might not arrive.
mime::NewReport ReportOf(const Dsn& dsn) {
  mime::NewReport report;
  report.fields = StatusFields(dsn);
  const bool asked = dsn.action == DsnAction::kFailed && dsn.envelope->dsn_ret() == Envelope::DSN_RETURN_FULL;
  const bool whole = asked && !dsn.original.empty() && dsn.original.size() <= kMaxReturned &&
                     text::IsAscii(dsn.original) &&
                     mime::BuildAttachment({"", "message/rfc822", std::string(dsn.original), true, ""}).ok();
  report.returned = whole ? dsn.original : HeaderSection(dsn.original);
  report.returned_headers_only = !whole;
  return report;
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

notice::Letter WriteDsn(const Dsn& dsn) {
  const Phrases japanese = Japanese(dsn.action), english = English(dsn.action);
  const bool japanese_first = dsn.language == notice::Language::kJapanese;
  const std::string_view first = japanese_first ? japanese.subject : english.subject;
  const std::string_view second = japanese_first ? english.subject : japanese.subject;

  notice::Letter letter;
  letter.kind = mail::v1::SYSTEM_MAIL_DSN;
  letter.to = dsn.envelope->mail_from();
  letter.subject = notice::SubjectLine(std::string(first) + " / " + std::string(second), dsn.subject);
  letter.text = notice::Bilingual(dsn.language, WriteBody(dsn, japanese, true), WriteBody(dsn, english, false));
  letter.answers = MessageIdOf(dsn.original);
  letter.report = ReportOf(dsn);
  return letter;
}

}  // namespace sekisho::delivery

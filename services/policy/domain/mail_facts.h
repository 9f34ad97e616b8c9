#pragma once
// What policy knows of one mail when it judges: the envelope as authenticated, the text ready for matching, the
// attachments as they really are. Adapters fill it from the mail's model and from the inspection of its attachments;
// tests fill it by hand.

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/policy/v1/policy.pb.h"
#include "shared/mime/model.h"
#include "shared/text/normalize.h"

namespace sekisho::policy {

using TextPart = v1::ContentCondition::Part;  // SUBJECT, BODY, ATTACHMENT_NAME, ATTACHMENT_TEXT

// One run of text, as one line or many.
struct TextPiece {
  TextPart part = v1::ContentCondition::BODY;
  std::string place;                       // for people: "subject", "body", "attachment 2 name"
  bool has_lines = false;                  // whether a line number helps to find a hit
  const text::Normalized* text = nullptr;  // borrowed: the model's, or MailFacts::owned
};

// A file that travels with the mail, or inside an archive or message that does.
struct AttachmentFacts {
  std::string place;      // "attachment 2", "attachment 2 > a.xlsx"
  std::string file_name;  // UTF-8, as a person sees it
  std::string extension;  // lower case, without the dot; empty when there is none
  mime::FileType type = mime::FileType::kUnknown;
  uint64_t size = 0;  // octets, decoded
  bool encrypted = false;
  bool unreadable = false;        // its text, or what it contains, could not be scanned in full
  bool contains_unknown = false;  // a container whose members could not all be listed or typed
  bool name_mismatch = false;
  bool shown_in_text = false;  // a picture that the HTML shows: not "an attachment", yet of a type and size
  std::string why_unreadable;  // for people, English: "a password protects it"
};

// What the sender's own client did to the whole mail.
enum class SenderSeal { kNone, kSigned, kEncrypted };

struct EnvelopeRecipient {
  std::string address;         // as accepted: domain as A-label, lower case
  bool first_contact = false;  // external, and never delivered to for this sender; only filled when rules ask
};

struct MailFacts {
  MailFacts() = default;
  MailFacts(const MailFacts&) = delete;  // `texts` point into `owned`
  MailFacts& operator=(const MailFacts&) = delete;
  MailFacts(MailFacts&&) = default;
  MailFacts& operator=(MailFacts&&) = default;

  std::string mail_from;                   // empty: the null sender
  std::vector<std::string> sender_groups;  // of the directory
  std::string relay;                       // the relay it came in through; empty for a login
  std::vector<EnvelopeRecipient> recipients;
  std::vector<std::string> visible_addresses;  // in To and Cc, as written; may repeat
  uint64_t size = 0;                           // octets of the whole mail
  SenderSeal seal = SenderSeal::kNone;
  std::vector<TextPiece> texts;
  std::vector<AttachmentFacts> attachments;
  std::deque<text::Normalized> owned;  // texts that no model owns; a deque, so that they never move
};

}  // namespace sekisho::policy

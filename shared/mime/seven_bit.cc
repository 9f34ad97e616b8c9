#include "shared/mime/seven_bit.h"

#include <algorithm>
#include <utility>

#include "shared/base/bytes.h"
#include "shared/mime/address.h"
#include "shared/mime/builder.h"
#include "shared/mime/compose.h"
#include "shared/mime/editor.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/header_section.h"
#include "shared/mime/parameters.h"
#include "shared/mime/transfer_encoding.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

bool IsAddressField(std::string_view name) {
  static constexpr std::string_view kNames[] = {"From", "Sender",      "Reply-To",      "To",        "Cc",
                                                "Bcc",  "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view wanted) { return AsciiEqualsIgnoreCase(name, wanted); });
}

Result<std::string> ToAsciiAddresses(std::string_view name, std::string_view value) {
  std::vector<std::string> mailboxes;
  for (const Address& address : ReadAddresses(value, Limits().addresses).addresses) {
    if (!address.valid || !text::IsAscii(address.local_part)) {
      return MakeError(Code::kPrecondition, std::string(name) + " holds an address that can't be written in ASCII");
    }
    SEKISHO_TRY(std::string mailbox, FormatMailbox({address.display_name, address.AddrSpec()}));
    mailboxes.push_back(std::move(mailbox));
  }
  if (mailboxes.empty()) return FormatField(name, "undisclosed-recipients:;");
  return JoinMailboxes(name, mailboxes);
}

Result<std::string> ToAsciiParameterized(std::string_view name, std::string_view value) {
  SEKISHO_TRY(const ParameterizedValue read, ReadParameters(value, "the mail", name));
  const bool disposition = AsciiEqualsIgnoreCase(name, "Content-Disposition");
  return FormatParameterized(name, read.value, read.parameters, disposition ? "filename" : "name",
                             read.names.empty() ? "" : read.names.front());
}

// Whether the part's own content, its children's apart, must be encoded anew.
bool NeedsEncoding(const MailModel& mail, const Part& part) {
  return part.encoding == TransferEncoding::k8Bit || part.encoding == TransferEncoding::kBinary ||
         !text::IsAscii(mail.Octets(part.body));
}

class Encoder {
 public:
  Encoder(const MailModel& mail) : mail_(mail) {}

  // What it gives begins with `before`.
  Result<std::string> Entity(size_t index, bool content_only, std::string before = {}) {
    const Part& part = mail_.parts[index];
    const std::vector<size_t> children = ChildrenOf(mail_, index);
    std::string_view body = mail_.Octets(part.body);
    std::string changed;
    TransferEncoding encoding = part.encoding;
    if (!text::IsAscii(EntityOctets(mail_, index)) || NeedsEncoding(mail_, part)) {
      encoding = TransferEncoding::k7Bit;
      if (part.role == Role::kMultipart) {
        std::vector<std::string> entities;
        for (const size_t child : children) {
          SEKISHO_TRY(std::string entity, Entity(child, false));
          entities.push_back(std::move(entity));
        }
        changed = RejoinMultipart(mail_, index, entities);
        if (!text::IsAscii(changed))
          return MakeError(Code::kPrecondition, part.place + ": text outside its parts isn't ASCII");
      } else if (part.role == Role::kMessage) {
        SEKISHO_TRY(changed, Entity(children.front(), false));
      } else if (NeedsEncoding(mail_, part)) {
        SEKISHO_TRY(changed, Leaf(part, encoding));
      } else {
        encoding = part.encoding;
        changed = body;
      }
      body = changed;
    }
    SEKISHO_TRY(const std::string fields, Fields(part, content_only, encoding));
    std::string entity = std::move(before);
    entity.reserve(entity.size() + fields.size() + body.size() + 32);
    entity += fields;
    const bool heads_message = index == 0 ? !content_only : mail_.parts[part.parent].role == Role::kMessage;
    if (heads_message && encoding != part.encoding && !HasMimeVersion(part)) entity += "MIME-Version: 1.0\r\n";
    entity += "\r\n";
    entity += body;
    return entity;
  }

 private:
  Result<std::string> Leaf(const Part& part, TransferEncoding& encoding) {
    SEKISHO_TRY(const std::string content, DecodeContent(mail_, part));
    encoding = ChooseEncoding(content, part.type == "text" || part.type == "message");
    if (encoding == TransferEncoding::k7Bit) return content;
    if (part.type == "message")
      return MakeError(Code::kPrecondition, part.place + ": a report isn't ASCII and can't be encoded");
    return encoding == TransferEncoding::kBase64 ? EncodeBase64Lines(content) : EncodeQuotedPrintable(content);
  }

  // The part's fields, made ASCII, with the encoding they need now.
  Result<std::string> Fields(const Part& part, bool content_only, TransferEncoding encoding) {
    SEKISHO_TRY(const HeaderSection section,
                SplitHeader(mail_.raw, {part.header.begin, part.body.end}, Limits(), part.place));
    std::string out;
    for (const RawField& field : section.fields) {
      if (content_only && !IsContentField(field.name)) continue;
      if (AsciiEqualsIgnoreCase(field.name, "Content-Transfer-Encoding") && encoding != part.encoding) continue;
      const std::string_view octets = mail_.Octets(field.range);
      if (text::IsAscii(octets)) {
        out += octets;
        if (!octets.ends_with("\r\n")) out += "\r\n";
        continue;
      }
      SEKISHO_TRY(const std::string ascii, ToAsciiField(field.name, field.value));
      out += ascii;
    }
    if (encoding != part.encoding)
      out += "Content-Transfer-Encoding: " + std::string(TransferEncodingName(encoding)) + "\r\n";
    return out;
  }

  bool HasMimeVersion(const Part& part) const {
    const Result<HeaderSection> section =
        SplitHeader(mail_.raw, {part.header.begin, part.body.end}, Limits(), part.place);
    return section.ok() && section->Find("MIME-Version") != nullptr;
  }

  const MailModel& mail_;
};

}  // namespace

std::vector<size_t> ChildrenOf(const MailModel& mail, size_t index) {
  std::vector<size_t> children;
  for (size_t i = index + 1; i < mail.parts.size() && mail.parts[i].depth > mail.parts[index].depth; ++i) {
    if (mail.parts[i].parent == index) children.push_back(i);
  }
  return children;
}

std::string_view EntityOctets(const MailModel& mail, size_t index) {
  const Part& part = mail.parts[index];
  return mail.Octets({part.header.begin, part.body.end});
}

std::string RejoinMultipart(const MailModel& mail, size_t index, const std::vector<std::string>& entities) {
  const Part& part = mail.parts[index];
  const std::vector<size_t> children = ChildrenOf(mail, index);
  const std::string delimiter = "--" + std::string(part.FindParameter("boundary"));
  // Parse has proved that nothing but the delimiter's line stands before the first part and behind the last.
  std::string body(mail.Octets({part.body.begin, mail.parts[children.front()].header.begin - delimiter.size() - 2}));
  size_t size = body.size() + part.body.end - mail.parts[children.back()].body.end;
  for (const std::string& entity : entities) size += delimiter.size() + entity.size() + 4;
  body.reserve(size + delimiter.size() + 4);
  for (const std::string& entity : entities) {
    body += delimiter + "\r\n";
    body += entity;
    body += "\r\n";
  }
  body += delimiter + "--";
  const size_t close_end = mail.parts[children.back()].body.end + 2 + delimiter.size() + 2;
  body += mail.Octets({close_end, part.body.end});
  return body;
}

Result<std::string> ToAsciiField(std::string_view name, std::string_view value) {
  if (AsciiEqualsIgnoreCase(name, "Content-Type") || AsciiEqualsIgnoreCase(name, "Content-Disposition"))
    return ToAsciiParameterized(name, value);
  if (IsAddressField(name)) return ToAsciiAddresses(name, value);
  return FormatField(name, text::SanitizeUtf8(DecodeText(value)));
}

Result<std::string> ToSevenBitEntity(const MailModel& mail, size_t index, bool content_only, std::string before) {
  return Encoder(mail).Entity(index, content_only, std::move(before));
}

}  // namespace sekisho::mime

#include "shared/mime/mail_header.h"

#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/mime/address.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/parameters.h"
#include "shared/text/charset.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

struct AddressField {
  std::string_view name;
  std::vector<Address> MailHeader::*list;
  bool decides;  // who the mail is from hangs on it
};

constexpr AddressField kAddressFields[] = {
    {"From", &MailHeader::from, true},
    {"Sender", &MailHeader::sender, true},
    {"To", &MailHeader::to, false},
    {"Cc", &MailHeader::cc, false},
    {"Bcc", &MailHeader::bcc, false},
    {"Resent-Bcc", &MailHeader::bcc, false},
    {"Reply-To", &MailHeader::reply_to, false},
};

// What raw octets in the header are. One field is often too short to tell; together they aren't, and a client that
// writes them raw writes its body in the same charset.
std::optional<text::Charset> RawCharset(const HeaderSection& section) {
  std::string octets;
  for (const RawField& field : section.fields) {
    if (!text::IsAscii(field.value)) octets += field.value;
  }
  if (octets.empty()) return std::nullopt;
  if (const RawField* field = section.Find("Content-Type")) {
    const Result<ParameterizedValue> type = ReadParameters(field->value, "the mail", field->name);
    const auto declared = type.ok() ? text::FindCharset(type->Find("charset")) : std::nullopt;
    const bool telling =
        declared && declared->kind != text::Charset::Kind::kOther && declared->kind != text::Charset::Kind::kIso2022Jp;
    if (telling && text::Decode(*declared, octets).exact) return declared;
  }
  return text::Detect(octets);
}

}  // namespace

Status ReadMailHeader(const HeaderSection& section, const Limits& limits, MailHeader& mail) {
  mail.range = section.range;
  mail.fields.reserve(section.fields.size());
  const std::optional<text::Charset> raw_charset = RawCharset(section);
  size_t addresses = 0;
  for (const RawField& raw : section.fields) {
    const auto is = [&](std::string_view name) { return AsciiEqualsIgnoreCase(raw.name, name); };
    mail.fields.push_back({raw.name, raw.value, DecodeText(raw.value, raw_charset), raw.range});
    for (const AddressField& field : kAddressFields) {
      // The same From twice names its address once.
      if (!is(field.name) || (field.list != &MailHeader::bcc && !(mail.*field.list).empty())) continue;
      AddressList list = ReadAddresses(raw.value, limits.addresses, raw_charset);
      addresses += list.addresses.size();
      if (addresses > limits.addresses || (list.ambiguous && list.addresses.size() >= limits.addresses)) {
        return MakeError(Code::kLimit, "the mail: too many addresses");
      }
      if (field.decides && list.ambiguous) {
        return Ambiguous("the mail",
                         std::string(field.name) + " could be read as different addresses; write \"name\" <address>");
      }
      std::vector<Address>& to = mail.*field.list;
      to.insert(to.end(), std::make_move_iterator(list.addresses.begin()),
                std::make_move_iterator(list.addresses.end()));
    }
    if (is("Received")) ++mail.received_count;
    if (is("Date")) mail.has_date = true;
    if (is("MIME-Version")) mail.has_mime_version = true;
    if (is("Subject")) mail.subject = mail.fields.back().text;
    if (is("Message-ID")) mail.message_id = Unfold(raw.value);
  }
  return Ok();
}

}  // namespace sekisho::mime

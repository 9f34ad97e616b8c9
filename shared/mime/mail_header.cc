#include "shared/mime/mail_header.h"

#include <iterator>
#include <string>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/mime/address.h"
#include "shared/mime/encoded_word.h"

namespace sekisho::mime {
namespace {

struct AddressField {
  std::string_view name;
  std::vector<Address> MailHeader::*list;
  bool decides;  // who the mail is from hangs on it
};

constexpr AddressField kAddressFields[] = {
    {"From", &MailHeader::from, true},   {"Sender", &MailHeader::sender, true}, {"To", &MailHeader::to, false},
    {"Cc", &MailHeader::cc, false},      {"Bcc", &MailHeader::bcc, false},      {"Resent-Bcc", &MailHeader::bcc, false},
    {"Reply-To", &MailHeader::reply_to, false},
};

}  // namespace

Status ReadMailHeader(const HeaderSection& section, const Limits& limits, MailHeader& mail) {
  mail.range = section.range;
  mail.fields.reserve(section.fields.size());
  size_t addresses = 0;
  for (const RawField& raw : section.fields) {
    const auto is = [&](std::string_view name) { return AsciiEqualsIgnoreCase(raw.name, name); };
    mail.fields.push_back({raw.name, raw.value, DecodeText(raw.value), raw.range});
    for (const AddressField& field : kAddressFields) {
      // The same From twice names its address once.
      if (!is(field.name) || (field.list != &MailHeader::bcc && !(mail.*field.list).empty())) continue;
      AddressList list = ReadAddresses(raw.value, limits.addresses);
      addresses += list.addresses.size();
      if (addresses > limits.addresses || (list.ambiguous && list.addresses.size() >= limits.addresses)) {
        return MakeError(Code::kLimit, "the mail: too many addresses");
      }
      if (field.decides && list.ambiguous) {
        return Ambiguous("the mail", std::string(field.name) + " could be read as different addresses; write \"name\" <address>");
      }
      std::vector<Address>& to = mail.*field.list;
      to.insert(to.end(), std::make_move_iterator(list.addresses.begin()), std::make_move_iterator(list.addresses.end()));
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

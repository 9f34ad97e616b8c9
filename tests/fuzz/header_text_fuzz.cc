// Any octets as a header value, a name, text in any charset, HTML: no crash, valid UTF-8, and what we write reads back.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/mime/address.h"
#include "shared/mime/builder.h"
#include "shared/mime/editor.h"
#include "shared/mime/encoded_word.h"
#include "shared/mime/model.h"
#include "shared/mime/parameters.h"
#include "shared/text/charset.h"
#include "shared/text/domain.h"
#include "shared/text/html.h"
#include "shared/text/normalize.h"
#include "shared/text/utf8.h"

namespace {

using namespace sekisho;

void CheckText(std::string_view input) {
  for (const char* charset :
       {"", "utf-8", "iso-2022-jp", "shift_jis", "euc-jp", "utf-7", "utf-16", "gb2312", "iso-2022-kr", "x-unknown"}) {
    const text::Readings readings = text::ReadAll(input, charset);
    for (const std::string& reading : readings.texts) SEKISHO_CHECK(text::IsValidUtf8(reading));
    if (text::IsReadAsItIs(input, charset)) {
      SEKISHO_CHECK(readings.texts.size() == 1 && readings.texts[0] == input && !readings.mismatch);
    }
  }
  const text::Normalized normalized = text::Normalize(input);
  SEKISHO_CHECK(text::IsValidUtf8(normalized.text) && normalized.text.find_first_of("\r\n\t") == std::string::npos);
  SEKISHO_CHECK(normalized.text == text::NormalizeLine(input));
  for (const uint32_t start : normalized.line_starts) SEKISHO_CHECK(start <= normalized.text.size());
  SEKISHO_CHECK(text::IsValidUtf8(text::DropIdeographSpaces(normalized.text)));
  const std::string utf8 = text::SanitizeUtf8(input);
  const text::HtmlText html = text::ReadHtml(utf8);
  SEKISHO_CHECK(text::IsValidUtf8(html.text));
  static_cast<void>(text::MetaCharset(input));
  if (const Result<std::string> domain = text::DomainToAscii(utf8); domain.ok()) {
    SEKISHO_CHECK(*text::DomainToAscii(*domain) == *domain);
    static_cast<void>(text::DomainToUnicode(*domain));
  }
  static_cast<void>(text::Skeleton(input));
}

void CheckHeader(std::string_view input) {
  SEKISHO_CHECK(text::IsValidUtf8(mime::DecodeText(input)));
  for (const mime::Address& address : mime::ReadAddresses(input, 100).addresses) {
    if (!address.valid) continue;
    const mime::Address again = mime::ReadAddrSpec(address.AddrSpec());
    SEKISHO_CHECK(again.valid && again.AddrSpec() == address.AddrSpec());
    const Result<std::string> mailbox = mime::FormatMailbox({address.display_name, address.AddrSpec()});
    if (!mailbox.ok()) continue;
    const mime::AddressList list = mime::ReadAddresses(*mailbox, 100);
    SEKISHO_CHECK(!list.ambiguous && list.addresses.size() == 1 && list.addresses[0].AddrSpec() == address.AddrSpec());
  }
  if (const auto value = mime::ReadParameters(input, "the mail", "Content-Type"); value.ok()) {
    for (const std::string& name : value->names) SEKISHO_CHECK(text::IsValidUtf8(name) && !name.empty());
  }
  if (const Result<std::string> field = mime::FormatField("Subject", input); field.ok()) {
    const std::string octets = *field + "\r\n";
    const Result<mime::MailHeader> header = mime::ParseHeader(octets);
    SEKISHO_CHECK(header.ok() && header->fields.size() == 1);
  }
  if (const Result<std::string> attachment =
          mime::BuildAttachment({std::string(input), "application/pdf", "x", false, ""});
      attachment.ok()) {
    const std::string octets = "MIME-Version: 1.0\r\n" + *attachment;
    const Result<mime::MailModel> mail = mime::Parse(octets);
    SEKISHO_CHECK(mail.ok());
    // A byte order mark says how to read the name and is no part of it.
    SEKISHO_CHECK(mail->parts[0].file_name == input || input.find("\xEF\xBB\xBF") != std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  CheckText(input);
  CheckHeader(input);
  return 0;
}

#include "services/intake/domain/structured_mail.h"

#include "shared/base/bytes.h"
#include "shared/base/ids.h"
#include "shared/mime/builder.h"
#include "shared/smtp/address.h"

namespace sekisho::intake {
namespace {

Status AddAddresses(const google::protobuf::RepeatedPtrField<std::string>& from, const char* field,
                    std::vector<mime::Mailbox>& to) {
  for (int i = 0; i < from.size(); ++i) {
    auto named = ParseNamedAddress(from[i]);
    if (!named.ok()) return Annotate(named.error(), "structured." + std::string(field) + "[" + std::to_string(i) + "]");
    to.push_back({named->name, named->address});
  }
  return Ok();
}

}  // namespace

Result<NamedAddress> ParseNamedAddress(std::string_view text) {
  text = AsciiTrim(text);
  NamedAddress named;
  std::string_view address = text;
  if (text.ends_with('>')) {
    const size_t open = text.rfind('<');
    if (open == std::string_view::npos) return MakeError(Code::kInvalid, "write it as Name <address>");
    std::string_view name = AsciiTrim(text.substr(0, open));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    named.name = name;
    address = text.substr(open + 1, text.size() - open - 2);
  }
  SEKISHO_RETURN_IF_ERROR(smtp::ParseMailbox(address, true));
  named.address = address;
  return named;
}

Result<std::string> BuildStructured(const v1::StructuredMail& mail, const std::string& mail_from, TimePoint now,
                                    const std::string& hostname) {
  mime::NewMail built;
  const auto from = ParseNamedAddress(mail.from().empty() ? mail_from : mail.from());
  if (!from.ok()) return Annotate(from.error(), "structured.from");
  built.from = {from->name, from->address};
  SEKISHO_RETURN_IF_ERROR(AddAddresses(mail.to(), "to", built.to));
  SEKISHO_RETURN_IF_ERROR(AddAddresses(mail.cc(), "cc", built.cc));
  built.subject = mail.subject();
  built.date = now;
  built.message_id = "<" + Uuid::Generate(now).ToString() + "@" + hostname + ">";
  built.text = mail.text();
  built.html = mail.html();
  for (const auto& attachment : mail.attachments()) {
    mime::NewAttachment one;
    one.file_name = attachment.file_name();
    if (!attachment.media_type().empty()) one.media_type = attachment.media_type();
    one.content = attachment.content();
    built.attachments.push_back(std::move(one));
  }
  auto raw = mime::BuildMail(built);
  if (!raw.ok()) return Annotate(raw.error(), "structured");
  return raw;
}

}  // namespace sekisho::intake

#include "services/encryption/domain/zip_rung.h"

#include <algorithm>
#include <set>

#include "services/encryption/domain/sealer.h"
#include "shared/archive/zip_writer.h"
#include "shared/base/bytes.h"
#include "shared/mime/builder.h"
#include "shared/mime/rewrite.h"
#include "shared/text/utf8.h"

namespace sekisho::encryption {
namespace {

constexpr size_t kMostNameOctets = 240;  // file systems take 255; " (1000)" must fit
constexpr size_t kMostExtensionOctets = 32;

struct SplitName {
  std::string stem, extension;  // with its dot
};

SplitName Split(const std::string& name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string::npos || dot == 0 || name.size() - dot > kMostExtensionOctets) return {name, ""};
  return {name.substr(0, dot), name.substr(dot)};
}

std::string Plain(std::string name) {
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f ||
        std::string_view("/\\:*?\"<>|").find(c) != std::string_view::npos)
      c = '_';
  }
  // Windows drops dots and spaces at the end; "." and ".." are folders.
  while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.pop_back();
  return text::SanitizeUtf8(name);
}

}  // namespace

std::vector<std::string> EntryNames(const std::vector<std::string>& names) {
  std::set<std::string> taken;
  std::vector<std::string> entries;
  for (const std::string& name : names) {
    auto [stem, extension] = Split(Plain(name));
    if (stem.empty()) stem = "file";
    stem = text::TruncateUtf8(stem, kMostNameOctets - extension.size());
    std::string entry = stem + extension;
    for (int i = 2; !taken.insert(AsciiLower(entry)).second; ++i)
      entry = stem + " (" + std::to_string(i) + ")" + extension;
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::string> ZipAttachments(const mime::MailModel& mail, const std::vector<size_t>& attachments,
                                   const Secret<std::string>& password, TimePoint now) {
  std::vector<std::string> names;
  for (const size_t index : attachments) {
    const mime::Part& part = mail.parts[index];
    names.push_back(part.file_name.empty() && part.role == mime::Role::kMessage ? "message.eml" : part.file_name);
  }
  names = EntryNames(names);
  mime::NewAttachment attachment;
  attachment.file_name = kZipName;
  attachment.media_type = "application/zip";
  {
    archive::ZipWriter zip(password);
    for (size_t i = 0; i < attachments.size(); ++i) {
      SEKISHO_RETURN_IF_ERROR(zip.Begin(names[i], now));
      SEKISHO_RETURN_IF_ERROR(mime::DecodeContent(mail, mail.parts[attachments[i]],
                                                  [&](std::string_view octets) { return zip.Write(octets); }));
      SEKISHO_RETURN_IF_ERROR(zip.End());
    }
    SEKISHO_TRY(attachment.content, zip.Finish());
  }
  return mime::ReplaceAttachments(mail, std::move(attachment));
}

}  // namespace sekisho::encryption

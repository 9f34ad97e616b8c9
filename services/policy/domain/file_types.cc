#include "services/policy/domain/file_types.h"

#include <algorithm>
#include <array>

namespace sekisho::policy {
namespace {

using mime::FileType;

struct Type {
  FileType type;
  std::string_view media_type;
  std::string_view group;  // empty: none
};

constexpr auto kTypes = std::to_array<Type>({
    {FileType::kUnknown, "application/octet-stream", ""},
    {FileType::kEmpty, "application/x-empty", ""},
    {FileType::kText, "text/plain", ""},
    {FileType::kHtml, "text/html", ""},
    {FileType::kXml, "application/xml", ""},
    {FileType::kRtf, "application/rtf", "office"},
    {FileType::kPdf, "application/pdf", "office"},
    {FileType::kOle, "application/x-ole-storage", "office"},
    {FileType::kMsi, "application/x-msi", "executable"},
    {FileType::kOutlookMessage, "application/vnd.ms-outlook", "message"},
    {FileType::kOoxml, "application/vnd.openxmlformats-officedocument", "office"},
    {FileType::kOdf, "application/vnd.oasis.opendocument", "office"},
    {FileType::kZip, "application/zip", "archive"},
    {FileType::kRar, "application/vnd.rar", "archive"},
    {FileType::k7z, "application/x-7z-compressed", "archive"},
    {FileType::kGzip, "application/gzip", "archive"},
    {FileType::kBzip2, "application/x-bzip2", "archive"},
    {FileType::kXz, "application/x-xz", "archive"},
    {FileType::kTar, "application/x-tar", "archive"},
    {FileType::kCab, "application/vnd.ms-cab-compressed", "archive"},
    {FileType::kLzh, "application/x-lzh-compressed", "archive"},
    {FileType::kIso, "application/x-iso9660-image", "disk-image"},
    {FileType::kVhd, "application/x-vhd", "disk-image"},
    {FileType::kOneNote, "application/onenote", "office"},
    {FileType::kLnk, "application/x-ms-shortcut", "executable"},
    {FileType::kPe, "application/x-executable", "executable"},
    {FileType::kElf, "application/x-executable", "executable"},
    {FileType::kMachO, "application/x-executable", "executable"},
    {FileType::kScript, "application/x-script", "executable"},
    {FileType::kPng, "image/png", "image"},
    {FileType::kJpeg, "image/jpeg", "image"},
    {FileType::kGif, "image/gif", "image"},
    {FileType::kBmp, "image/bmp", "image"},
    {FileType::kTiff, "image/tiff", "image"},
    {FileType::kWebp, "image/webp", "image"},
    {FileType::kHeif, "image/heif", "image"},
    {FileType::kSvg, "image/svg+xml", "image"},
    {FileType::kAudioVideo, "video/x-any", ""},
    {FileType::kEml, "message/rfc822", "message"},
    {FileType::kIcs, "text/calendar", ""},
    {FileType::kVcard, "text/vcard", ""},
    {FileType::kTnef, "application/vnd.ms-tnef", "message"},
    {FileType::kPkcs7, "application/pkcs7-mime", "sealed"},
    {FileType::kPgp, "application/pgp-encrypted", "sealed"},
});

bool MediaTypeMatches(std::string_view media_type, std::string_view word) {
  if (!word.ends_with("/*")) return media_type == word;
  return media_type.starts_with(word.substr(0, word.size() - 1));
}

bool Means(std::string_view word, const Type& type) {
  return word == mime::FileTypeName(type.type) || (!type.group.empty() && word == type.group) ||
         MediaTypeMatches(type.media_type, word);
}

}  // namespace

bool IsTypeWord(std::string_view word) {
  return std::any_of(kTypes.begin(), kTypes.end(), [&](const Type& type) { return Means(word, type); });
}

bool IsMeantBy(FileType type, std::string_view word) {
  return std::any_of(kTypes.begin(), kTypes.end(),
                     [&](const Type& each) { return each.type == type && Means(word, each); });
}

std::vector<std::string> TypeWords() {
  std::vector<std::string> words;
  for (const Type& type : kTypes) {
    words.emplace_back(mime::FileTypeName(type.type));
    if (!type.group.empty()) words.emplace_back(type.group);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  return words;
}

}  // namespace sekisho::policy

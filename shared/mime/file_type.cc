#include "shared/mime/file_type.h"

#include <algorithm>
#include <iterator>

#include "shared/base/bytes.h"
#include "shared/mime/compound_file.h"
#include "shared/mime/zip_directory.h"
#include "shared/text/normalize.h"
#include "shared/text/utf8.h"

namespace sekisho::mime {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t offset;
  std::string_view octets;
  FileType type;
};

constexpr Magic kMagic[] = {
    {0, "PK\x03\x04"sv, FileType::kZip},
    {0, "PK\x05\x06"sv, FileType::kZip},
    {0, "PK\x07\x08"sv, FileType::kZip},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, FileType::kOle},
    {0, "Rar!\x1A\x07"sv, FileType::kRar},
    {0, "7z\xBC\xAF\x27\x1C"sv, FileType::k7z},
    {0, "\x1F\x8B"sv, FileType::kGzip},
    {0, "BZh"sv, FileType::kBzip2},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     FileType::kXz},
    {257, "ustar"sv, FileType::kTar},
    {0, "MSCF"sv, FileType::kCab},
    {2, "-lh"sv, FileType::kLzh},
    {0x8001, "CD001"sv, FileType::kIso},
    {0, "conectix"sv, FileType::kVhd},
    {0, "vhdxfile"sv, FileType::kVhd},
    {0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3"sv, FileType::kOneNote},
    {0, "\x4C\x00\x00\x00\x01\x14\x02\x00"sv, FileType::kLnk},
    {0,
     "\x7F"
     "ELF"sv,
     FileType::kElf},
    {0, "\xFE\xED\xFA\xCE"sv, FileType::kMachO},
    {0, "\xFE\xED\xFA\xCF"sv, FileType::kMachO},
    {0, "\xCE\xFA\xED\xFE"sv, FileType::kMachO},
    {0, "\xCF\xFA\xED\xFE"sv, FileType::kMachO},
    {0, "\xCA\xFE\xBA\xBE\x00\x00\x00\x02"sv, FileType::kMachO},
    {0, "\x89PNG\r\n\x1A\n"sv, FileType::kPng},
    {0, "\xFF\xD8\xFF"sv, FileType::kJpeg},
    {0, "GIF8"sv, FileType::kGif},
    {0, "II*\0"sv, FileType::kTiff},
    {0, "MM\0*"sv, FileType::kTiff},
    {8, "WEBP"sv, FileType::kWebp},
    {8, "WAVE"sv, FileType::kAudioVideo},
    {8, "AVI "sv, FileType::kAudioVideo},
    {4, "ftyphei"sv, FileType::kHeif},
    {4, "ftypmif1"sv, FileType::kHeif},
    {4, "ftypavif"sv, FileType::kHeif},
    {4, "ftyp"sv, FileType::kAudioVideo},
    {0, "ID3"sv, FileType::kAudioVideo},
    {0, "OggS"sv, FileType::kAudioVideo},
    {0, "fLaC"sv, FileType::kAudioVideo},
    {0, "\x1A\x45\xDF\xA3"sv, FileType::kAudioVideo},
    {0, "{\\rtf"sv, FileType::kRtf},
    {0, "\x78\x9F\x3E\x22"sv, FileType::kTnef},
    {0, "-----BEGIN PGP"sv, FileType::kPgp},
    {0, "BEGIN:VCALENDAR"sv, FileType::kIcs},
    {0, "BEGIN:VCARD"sv, FileType::kVcard},
};

constexpr std::string_view kScripts[] = {"bat",  "cmd", "hta", "js",  "jse", "ps1",
                                         "psm1", "sh",  "vbe", "vbs", "wsf", "wsh"};
constexpr std::string_view kRuns[] = {"bat", "chm", "cmd", "com", "cpl", "dll", "exe",  "hta", "img",  "iso",
                                      "jar", "js",  "jse", "lnk", "msi", "one", "pif",  "ps1", "psm1", "reg",
                                      "scr", "sh",  "url", "vbe", "vbs", "vhd", "vhdx", "wsf", "wsh"};
constexpr std::string_view kReads[] = {"bmp", "csv",  "doc", "docx", "eml",  "gif", "htm", "html", "jpeg",
                                       "jpg", "mp3",  "mp4", "odt",  "pdf",  "png", "ppt", "pptx", "rtf",
                                       "tif", "tiff", "txt", "xls",  "xlsx", "xml", "zip"};

template <size_t kSize>
bool Contains(const std::string_view (&sorted)[kSize], std::string_view wanted) {
  return std::binary_search(std::begin(sorted), std::end(sorted), wanted);
}

// Which types go by which extensions. What office programs write under an old extension (HTML as .xls, RTF as .doc)
// fits.
struct Fit {
  std::string_view extensions;
  std::initializer_list<FileType> types;
};

bool HasWord(std::string_view words, std::string_view wanted) {
  for (size_t at = words.find(wanted); at != std::string_view::npos; at = words.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

const Fit* FindFit(std::string_view extension) {
  using T = FileType;
  static const Fit kFits[] = {
      {"pdf", {T::kPdf}},
      {"doc dot xls xlt ppt pps", {T::kOle, T::kRtf, T::kHtml, T::kXml, T::kText, T::kOoxml, T::kEml}},
      {"docx docm dotx xlsx xlsm xltx xlsb pptx pptm ppsx", {T::kOoxml, T::kOle}},  // OLE: with a password
      {"odt ods odp odg", {T::kOdf}},
      {"zip", {T::kZip}},
      {"rar", {T::kRar}},
      {"7z", {T::k7z}},
      {"gz tgz", {T::kGzip}},
      {"bz2", {T::kBzip2}},
      {"xz", {T::kXz}},
      {"tar", {T::kTar}},
      {"cab", {T::kCab}},
      {"lzh lha", {T::kLzh}},
      {"png", {T::kPng}},
      {"jpg jpeg jpe", {T::kJpeg}},
      {"gif", {T::kGif}},
      {"bmp", {T::kBmp}},
      {"tif tiff", {T::kTiff}},
      {"webp", {T::kWebp}},
      {"heic heif avif", {T::kHeif}},
      {"mp3 mp4 m4a m4v mov wav avi ogg flac mkv webm 3gp", {T::kAudioVideo, T::kUnknown}},
      {"rtf", {T::kRtf}},
      {"exe dll scr cpl", {T::kPe}},
      {"msi", {T::kMsi}},
      {"lnk", {T::kLnk}},
      {"one", {T::kOneNote}},
      {"vhd vhdx", {T::kVhd, T::kUnknown}},
      {"iso", {T::kIso, T::kUnknown}},
      {"msg", {T::kOutlookMessage}},
      {"eml", {T::kEml, T::kText}},
      {"ics", {T::kIcs, T::kText}},
      {"vcf", {T::kVcard, T::kText}},
      {"svg", {T::kSvg, T::kXml}},
      {"htm html", {T::kHtml, T::kXml, T::kText}},
      {"txt csv tsv log ini json md yaml yml",
       {T::kText, T::kHtml, T::kXml, T::kEml, T::kIcs, T::kVcard, T::kPgp, T::kUnknown}},
      {"p7m p7s p7c", {T::kPkcs7, T::kUnknown}},
      {"asc pgp gpg sig", {T::kPgp, T::kText, T::kUnknown}},
  };
  for (const Fit& fit : kFits) {
    if (HasWord(fit.extensions, extension)) return &fit;
  }
  return nullptr;
}

bool IsPe(std::string_view head) {
  if (!head.starts_with("MZ") || head.size() < 64) return false;
  const auto octet = [&](size_t at) { return static_cast<size_t>(static_cast<unsigned char>(head[at])); };
  const size_t header = octet(60) | octet(61) << 8 | octet(62) << 16 | octet(63) << 24;
  // A DOS program has no PE header, and a header far behind isn't in sight.
  return header + 4 > head.size() || head.substr(header, 4) == "PE\0\0"sv ||
         head.substr(2, 62).find('\0') != std::string_view::npos;
}

// ContentInfo in DER or BER whose type is one of PKCS #7's or CMS's (RFC 5652 §3).
bool IsPkcs7(std::string_view head) {
  if (!head.starts_with('\x30')) return false;
  const std::string_view start = head.substr(0, 32);
  return start.find("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07"sv) != std::string_view::npos ||
         start.find("\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01"sv) != std::string_view::npos;
}

bool LooksLikeText(std::string_view head) {
  const std::string_view start = head.substr(0, 1024);
  return std::none_of(start.begin(), start.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return (octet < 0x20 && c != '\t' && c != '\r' && c != '\n' && c != '\f' && c != 0x1B) || octet == 0x7F;
  });
}

FileType DetectText(std::string_view head, std::string_view file_name) {
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::string start = AsciiLower(AsciiTrim(head.substr(0, 1024)));
  for (const std::string_view sign :
       {"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv, "<script"sv, "<table"sv, "<meta"sv}) {
    if (start.starts_with(sign)) return Contains(kScripts, Extension(file_name)) ? FileType::kScript : FileType::kHtml;
  }
  if (start.starts_with("<svg")) return FileType::kSvg;
  if (start.starts_with("<?xml")) {
    if (start.find("<svg") != std::string::npos) return FileType::kSvg;
    return start.find("<html") != std::string::npos ? FileType::kHtml : FileType::kXml;
  }
  if (Contains(kScripts, Extension(file_name)) || start.starts_with("#!")) return FileType::kScript;
  for (const std::string_view field :
       {"received:"sv, "return-path:"sv, "mime-version:"sv, "message-id:"sv, "delivered-to:"sv, "from:"sv, "x-"sv}) {
    if (start.starts_with(field) && start.find("\nsubject:") != std::string::npos) return FileType::kEml;
  }
  return FileType::kText;
}

std::string_view BaseName(std::string_view file_name) {
  const size_t slash = file_name.find_last_of("/\\");
  return slash == std::string_view::npos ? file_name : file_name.substr(slash + 1);
}

}  // namespace

FileType DetectType(std::string_view head, std::string_view file_name) {
  if (head.empty()) return FileType::kEmpty;
  for (const Magic& magic : kMagic) {
    if (head.size() >= magic.offset + magic.octets.size() &&
        head.substr(magic.offset, magic.octets.size()) == magic.octets) {
      return magic.type;
    }
  }
  if (IsPe(head)) return FileType::kPe;
  if (head.substr(0, 1024).find("%PDF-") != std::string_view::npos) return FileType::kPdf;
  if (head.starts_with("BM") && head.size() > 14 && head.substr(6, 4) == "\0\0\0\0"sv) return FileType::kBmp;
  if (IsPkcs7(head)) return FileType::kPkcs7;
  if (head.starts_with("\xFF\xFE") || head.starts_with("\xFE\xFF")) return FileType::kText;  // UTF-16
  return LooksLikeText(head) ? DetectText(head, file_name) : FileType::kUnknown;
}

FileType RefineType(FileType type, std::string_view content) {
  if (type == FileType::kZip) {
    FileType refined = FileType::kZip;
    ForEachZipEntry(content, [&](const ZipEntry& entry) {
      if (entry.name == "[Content_Types].xml") refined = FileType::kOoxml;
      if (entry.name == "META-INF/manifest.xml" && refined == FileType::kZip &&
          content.substr(0, 128).find("mimetypeapplication/vnd.oasis.opendocument") != std::string_view::npos) {
        refined = FileType::kOdf;
      }
    });
    return refined;
  }
  if (type == FileType::kOle) {
    const std::optional<CompoundFile> file = CompoundFile::Open(content);
    if (!file) return type;
    if (file->IsInstaller()) return FileType::kMsi;
    if (file->Find("__properties_version1.0") != nullptr) return FileType::kOutlookMessage;
  }
  return type;
}

std::string Extension(std::string_view file_name) {
  std::string_view base = BaseName(file_name);
  while (!base.empty() && (base.back() == ' ' || base.back() == '.')) base.remove_suffix(1);
  const size_t dot = base.rfind('.');
  if (dot == std::string_view::npos || base.size() - dot > 32) return "";
  return text::NormalizeLine(base.substr(dot + 1));
}

bool ExtensionFits(std::string_view extension, FileType type) {
  if (extension.empty() || type == FileType::kEmpty) return true;
  if (Contains(kScripts, extension))
    return type == FileType::kScript || type == FileType::kText || type == FileType::kXml;
  const Fit* const fit = FindFit(extension);
  if (fit != nullptr) return std::find(fit->types.begin(), fit->types.end(), type) != fit->types.end();
  // A program under a name that nobody knows to be one.
  return type != FileType::kPe || Contains(kRuns, extension);
}

bool HasDoubleExtension(std::string_view file_name) {
  std::string_view base = BaseName(file_name);
  while (!base.empty() && (base.back() == ' ' || base.back() == '.')) base.remove_suffix(1);
  if (!Contains(kRuns, Extension(base))) return false;
  return Contains(kReads, Extension(base.substr(0, base.rfind('.'))));
}

bool IsDeceptiveName(std::string_view file_name) {
  if (text::HasInvisible(file_name)) return true;
  // Blanks of any width, seen as ASCII ones.
  std::string blanks;
  for (size_t at = 0; at < file_name.size();) {
    const char32_t c = text::NextCodePoint(file_name, at);
    const bool blank =
        c == ' ' || c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x2800;
    blanks += blank ? ' ' : c == '.' ? '.' : 'x';
  }
  return blanks.find("     .") != std::string::npos;
}

}  // namespace sekisho::mime

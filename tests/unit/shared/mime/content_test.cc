// What parts are: types by magic, passwords, names that deceive, roles, text.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "shared/base/bytes.h"
#include "shared/mime/builder.h"
#include "shared/mime/encrypted_file.h"
#include "shared/mime/file_type.h"
#include "shared/mime/leaf.h"
#include "shared/mime/model.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

std::string Le(uint64_t value, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out += i < 8 ? static_cast<char>(value >> (8 * i) & 0xFF) : '\0';
  return out;
}

struct TestEntry {
  std::string name;
  uint16_t flags = 0;
  uint16_t method = 8;
};

// A ZIP file of empty entries, with local headers and a directory.
std::string Zip(const std::vector<TestEntry>& entries) {
  std::string out, directory;
  for (const TestEntry& e : entries) {
    const std::string common =
        Le(20, 2) + Le(e.flags, 2) + Le(e.method, 2) + Le(0, 16) + Le(e.name.size(), 2) + Le(0, 2);
    directory += "PK\x01\x02"s + Le(20, 2) + common + Le(0, 10) + Le(out.size(), 4) + e.name;
    out += "PK\x03\x04"s + common + e.name;
  }
  return out + directory + "PK\x05\x06"s + Le(0, 4) + Le(entries.size(), 2) + Le(entries.size(), 2) +
         Le(directory.size(), 4) + Le(out.size(), 4) + Le(0, 2);
}

struct Stream {
  std::string name;
  std::string content;
};

// A compound file with 512-octet sectors; streams are padded past the mini cutoff unless they are small.
std::string Compound(std::vector<Stream> streams, const std::string& class_id = std::string(16, '\0')) {
  const uint32_t end = 0xFFFFFFFE;
  const auto sectors_of = [](const std::string& s) { return (s.size() + 511) / 512; };
  std::string mini_stream, mini_fat, data, directory;
  std::vector<uint32_t> fat = {0xFFFFFFFD, end, end};  // sector 0: FAT, 1 and 2: directory and mini FAT
  std::vector<std::pair<uint32_t, size_t>> places;
  const auto store = [&](std::string content) {
    const auto first = static_cast<uint32_t>(fat.size());
    const size_t count = sectors_of(content);
    content.resize(count * 512);
    data += content;
    for (size_t i = 0; i < count; ++i) fat.push_back(i + 1 == count ? end : static_cast<uint32_t>(fat.size() + 1));
    return first;
  };
  for (const Stream& s : streams) {
    if (s.content.size() >= 4096) {
      places.emplace_back(store(s.content), s.content.size());
    } else {
      const size_t first = mini_stream.size() / 64, count = (s.content.size() + 63) / 64;
      std::string padded = s.content;
      padded.resize(count * 64);
      mini_stream += padded;
      for (size_t i = 0; i < count; ++i) mini_fat += Le(i + 1 == count ? end : first + i + 1, 4);
      places.emplace_back(static_cast<uint32_t>(first), s.content.size());
    }
  }
  const uint32_t mini_start = mini_stream.empty() ? end : store(mini_stream);
  const auto entry = [&](const std::string& name, uint8_t type, uint32_t start, uint64_t size) {
    std::string e;
    for (const char c : name) e += {c, '\0'};
    e.resize(64);
    e += Le(name.size() * 2 + 2, 2) + std::string(1, static_cast<char>(type)) + std::string(13, '\0');
    e += (type == 5 ? class_id : std::string(16, '\0')) + std::string(20, '\0') + Le(start, 4) + Le(size, 8);
    return e;
  };
  directory = entry("Root Entry", 5, mini_start, mini_stream.size());
  for (size_t i = 0; i < streams.size(); ++i) directory += entry(streams[i].name, 2, places[i].first, places[i].second);
  directory.resize(512);
  mini_fat.resize(512, '\xFF');
  std::string table;
  for (const uint32_t next : fat) table += Le(next, 4);
  table.resize(512, '\xFF');
  std::string header = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"s + std::string(16, '\0') + Le(0x3E, 2) + Le(3, 2) +
                       Le(0xFFFE, 2) + Le(9, 2) + Le(6, 2) + std::string(6, '\0') + Le(0, 4) + Le(1, 4) + Le(1, 4) +
                       Le(0, 4) + Le(4096, 4) + Le(2, 4) + Le(1, 4) + Le(end, 4) + Le(0, 4) + Le(0, 4);
  header.resize(512, '\xFF');
  return header + table + directory + mini_fat + data;
}

TEST(FileTypeTest, GoesByMagic) {
  struct Case {
    std::string octets;
    const char* name;
    FileType type;
  };
  std::string pe = "MZ"s + std::string(58, '\0') + Le(64, 4) + "PE\0\0"s;
  std::string iso(0x8001, '\0');
  iso += "CD001";
  std::string tar(257, 'a');
  tar += "ustar\00000";
  const Case cases[] = {
      {"", "a.pdf", FileType::kEmpty},
      {"%PDF-1.7", "", FileType::kPdf},
      {"\n\njunk before\n%PDF-1.7", "", FileType::kPdf},
      {"PK\x03\x04", "", FileType::kZip},
      {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "", FileType::kOle},
      {"Rar!\x1A\x07\x01", "", FileType::kRar},
      {"7z\xBC\xAF\x27\x1C", "", FileType::k7z},
      {"\x1F\x8B\x08", "", FileType::kGzip},
      {tar, "", FileType::kTar},
      {iso, "", FileType::kIso},
      {"vhdxfile", "", FileType::kVhd},
      {"MSCF", "", FileType::kCab},
      {"\x21\x50-lh5-", "", FileType::kLzh},
      {"\x4C\x00\x00\x00\x01\x14\x02\x00"s, "", FileType::kLnk},
      {"\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3", "", FileType::kOneNote},
      {pe, "", FileType::kPe},
      {"MZ is how this sentence begins", "", FileType::kText},
      {"\x7F"
       "ELF\x02",
       "", FileType::kElf},
      {"\xCF\xFA\xED\xFE", "", FileType::kMachO},
      {"\x89PNG\r\n\x1A\n", "", FileType::kPng},
      {"\xFF\xD8\xFF\xE0", "", FileType::kJpeg},
      {"GIF89a", "", FileType::kGif},
      {"BM\x10\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28"s, "", FileType::kBmp},
      {"II*\0"s, "", FileType::kTiff},
      {"RIFF\x10\x00\x00\x00WEBPVP8 "s, "", FileType::kWebp},
      {"\x00\x00\x00\x18"
       "ftypheic"s,
       "", FileType::kHeif},
      {"\x00\x00\x00\x18"
       "ftypisom"s,
       "", FileType::kAudioVideo},
      {"{\\rtf1", "", FileType::kRtf},
      {"  <!DOCTYPE HTML>", "", FileType::kHtml},
      {"\xEF\xBB\xBF<html>", "", FileType::kHtml},
      {"<?xml version='1.0'?><svg>", "", FileType::kSvg},
      {"<?xml version='1.0'?><a/>", "", FileType::kXml},
      {"BEGIN:VCALENDAR\r\n", "", FileType::kIcs},
      {"\x78\x9F\x3E\x22\x01", "", FileType::kTnef},
      {"Received: x\r\nSubject: y\r\n\r\n", "", FileType::kEml},
      {"\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", "", FileType::kPkcs7},
      {"-----BEGIN PGP MESSAGE-----", "", FileType::kPgp},
      {"WScript.Echo(1)", "a.js", FileType::kScript},
      {"<html>", "a.hta", FileType::kScript},
      {"#!/bin/sh", "", FileType::kScript},
      {"\x8E\xD0\x8AO\x94\xE9 Shift_JIS", "a.csv", FileType::kText},
      {"\xFF\xFEU\0T\0F\0"s, "a.txt", FileType::kText},
      {"\x01\x02\x03\x04", "", FileType::kUnknown},
  };
  for (const Case& c : cases)
    EXPECT_EQ(FileTypeName(DetectType(c.octets, c.name)), FileTypeName(c.type)) << c.octets.substr(0, 20);
}

TEST(FileTypeTest, LooksIntoContainers) {
  EXPECT_EQ(RefineType(FileType::kZip, Zip({{"[Content_Types].xml"}, {"word/document.xml"}})), FileType::kOoxml);
  EXPECT_EQ(RefineType(FileType::kZip, Zip({{"a.txt"}})), FileType::kZip);
  EXPECT_EQ(RefineType(FileType::kZip, "PK\x03\x04 broken"), FileType::kZip);
  EXPECT_EQ(RefineType(FileType::kOle, Compound({{"WordDocument", "x"}})), FileType::kOle);
  EXPECT_EQ(RefineType(FileType::kOle, Compound({{"__properties_version1.0", "x"}})), FileType::kOutlookMessage);
  EXPECT_EQ(
      RefineType(FileType::kOle, Compound({}, "\x84\x10\x0C\x00\x00\x00\x00\x00\xC0\x00\x00\x00\x00\x00\x00\x46"s)),
      FileType::kMsi);
  EXPECT_EQ(RefineType(FileType::kOle, "\xD0\xCF\x11\xE0 broken"), FileType::kOle);
}

TEST(EncryptedFileTest, SeesPasswords) {
  struct Case {
    const char* what;
    FileType type;
    std::string content;
    bool encrypted;
  };
  std::string word(4096, '\0'), plain_word(4096, '\0');
  word[0x0B] = 1;
  const std::string bof = Le(0x809, 2) + Le(4, 2) + Le(0, 4), file_pass = Le(0x2F, 2) + Le(2, 2) + Le(0, 2),
                    other = Le(0x42, 2) + Le(2, 2) + Le(0, 2);
  const std::string user = Le(0, 12) + Le(0xF3D1C4DF, 4), plain_user = Le(0, 12) + Le(0xE391C05F, 4);
  const auto rar5 = [](const std::string& blocks) { return "Rar!\x1A\x07\x01\x00"s + blocks; };
  const auto block = [](const std::string& body) {
    return Le(0, 4) + std::string(1, static_cast<char>(body.size())) + body;
  };
  const Case cases[] = {
      {"plain zip", FileType::kZip, Zip({{"a"}, {"b"}}), false},
      {"one entry of several", FileType::kZip, Zip({{"a"}, {"b", 1, 8}}), true},
      {"AES", FileType::kZip, Zip({{"a", 1, 99}}), true},
      {"zip without directory", FileType::kZip, Zip({{"a", 1, 8}}).substr(0, 31), true},
      {"junk before the zip", FileType::kZip, "junk" + Zip({{"a", 1, 8}}), true},
      {"plain odf", FileType::kOdf, Zip({{"mimetype", 0, 0}, {"content.xml", 0, 8}}), false},
      {"odf with a password", FileType::kOdf, Zip({{"mimetype", 0, 0}, {"content.xml", 0, 0}}), true},
      {"plain doc", FileType::kOle, Compound({{"WordDocument", plain_word}}), false},
      {"doc with a password", FileType::kOle, Compound({{"WordDocument", word}}), true},
      {"plain xls", FileType::kOle, Compound({{"Workbook", bof + other + std::string(4096, '\0')}}), false},
      {"xls with a password", FileType::kOle, Compound({{"Workbook", bof + other + file_pass}}), true},
      {"old xls with a password", FileType::kOle, Compound({{"Book", bof + file_pass}}), true},
      {"plain ppt", FileType::kOle, Compound({{"Current User", plain_user}}), false},
      {"ppt with a password", FileType::kOle, Compound({{"Current User", user}}), true},
      {"docx with a password", FileType::kOle,
       Compound({{"EncryptionInfo", "x"}, {"EncryptedPackage", std::string(5000, 'x')}}), true},
      {"plain pdf", FileType::kPdf, "%PDF-1.4 /EncryptMetadata", false},
      {"pdf with a password", FileType::kPdf, "%PDF-1.4 trailer << /Encrypt 5 0 R >>", true},
      {"plain rar 4", FileType::kRar, "Rar!\x1A\x07\x00"s + "\0\0\x73"s + Le(0, 2) + Le(13, 2) + std::string(6, '\0'),
       false},
      {"rar 4 with hidden names", FileType::kRar,
       "Rar!\x1A\x07\x00"s + "\0\0\x73"s + Le(0x80, 2) + Le(13, 2) + std::string(6, '\0'), true},
      {"rar 4 with a password", FileType::kRar,
       "Rar!\x1A\x07\x00"s + "\0\0\x73"s + Le(0, 2) + Le(13, 2) + std::string(6, '\0') + "\0\0\x74"s + Le(4, 2) +
           Le(32, 2) + std::string(25, '\0'),
       true},
      {"plain rar 5", FileType::kRar, rar5(block("\x01\x00\x00"s) + block("\x02\x00\x00"s) + std::string(9, '\0')),
       false},
      {"rar 5 with hidden names", FileType::kRar, rar5(block("\x04\x00\x00"s) + std::string(9, '\0')), true},
      {"rar 5 with a password", FileType::kRar,
       rar5(block("\x01\x00\x00"s) + block("\x02\x01\x03\x00\x02\x01\x00"s) + std::string(9, '\0')), true},
      {"7z with hidden names", FileType::k7z,
       "7z\xBC\xAF\x27\x1C\x00\x04"s + Le(0, 4) + Le(0, 8) + Le(10, 8) + Le(0, 4) + "\x17\x06\xF1\x07\x01xxxxx"s, true},
      {"plain 7z", FileType::k7z,
       "7z\xBC\xAF\x27\x1C\x00\x04"s + Le(0, 4) + Le(0, 8) + Le(10, 8) + Le(0, 4) + "\x17\x06\x21\x21xxxxxxx"s, false},
  };
  for (const Case& c : cases) EXPECT_EQ(IsEncryptedFile(c.type, c.content), c.encrypted) << c.what;
}

// The beginnings of what OpenSSL 3.0 makes, and of Bouncy Castle's indefinite lengths.
TEST(CmsTest, ASignatureHoldsContentOrNot) {
  const std::string der = "3082056f06092a864886f70d010702a08205603082055c020101310f300d06096086480165030402010500";
  const std::string ber = "308006092a864886f70d010702a0803080020101310d300b0609608648016503040201";
  const std::pair<std::string, CmsKind> cases[] = {
      {der + "300b06092a864886f70d010701a08202fd308202f9", CmsKind::kDetached},
      {ber + "300b06092a864886f70d010701a08202fd308202f9", CmsKind::kDetached},
      {ber + "308006092a864886f70d0107010000a08202fd308202f9", CmsKind::kDetached},
      {der + "301506092a864886f70d010701a008040668656c6c6f0a", CmsKind::kSigned},
      {ber + "308006092a864886f70d010701a0802480040668656c6c6f0a", CmsKind::kSigned},
      {der + "300b06092a864886f7", CmsKind::kSigned},  // cut off: can't be told
      {der, CmsKind::kSigned},
      {"308006092a864886f70d010703a0803080020100", CmsKind::kHiding},
      {"308006092a864886f70d0107", CmsKind::kNone},
      {"68656c6c6f", CmsKind::kNone},
  };
  for (const auto& [hex, kind] : cases) {
    const auto octets = HexDecode(hex);
    ASSERT_TRUE(octets.ok()) << hex;
    EXPECT_EQ(FindCmsKind(*octets), kind) << hex;
  }
  const std::string whole = *HexDecode(der + "301506092a864886f70d010701a008040668656c6c6f0a");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(FindCmsKind(std::string_view(whole).substr(0, size)), CmsKind::kDetached) << size;
  }
}

TEST(FileNameTest, ExtensionsFitTypes) {
  EXPECT_EQ(Extension("C:\\dir\\報告書.ＰＤＦ"), "pdf") << "full width";
  EXPECT_EQ(Extension("a.exe. "), "exe") << "Windows drops blanks and dots at the end";
  EXPECT_EQ(Extension("dir.d/name"), "");
  EXPECT_TRUE(ExtensionFits("pdf", FileType::kPdf));
  EXPECT_FALSE(ExtensionFits("pdf", FileType::kPe));
  EXPECT_FALSE(ExtensionFits("pdf", FileType::kUnknown));
  EXPECT_FALSE(ExtensionFits("txt", FileType::kZip));
  EXPECT_TRUE(ExtensionFits("xls", FileType::kHtml)) << "what business systems write";
  EXPECT_TRUE(ExtensionFits("docx", FileType::kOle)) << "with a password";
  EXPECT_TRUE(ExtensionFits("dat", FileType::kZip)) << "nobody knows what .dat is";
  EXPECT_FALSE(ExtensionFits("dat", FileType::kPe));
  EXPECT_TRUE(ExtensionFits("exe", FileType::kPe));
  EXPECT_TRUE(ExtensionFits("", FileType::kPe));
}

TEST(FileNameTest, SeesThroughDisguise) {
  for (const char* name : {"invoice.pdf.exe", "請求書.docx.scr", "a.xls .js", "photo.jpg.lnk "})
    EXPECT_TRUE(HasDoubleExtension(name)) << name;
  for (const char* name : {"a.tar.gz", "v1.2.exe", "report.2026.pdf", "a.exe", ".pdf.exe.txt"})
    EXPECT_FALSE(HasDoubleExtension(name)) << name;
  for (const char* name :
       {"a\u202Efdp.exe", "a\u200B.exe", "a\t.pdf", "invoice.pdf                     .exe", "a　　　　　.exe"})
    EXPECT_TRUE(IsDeceptiveName(name)) << name;
  for (const char* name : {"見積 書 (1).pdf", "葛\U000E0100城.pdf", "か\u3099.txt"})
    EXPECT_FALSE(IsDeceptiveName(name)) << name;
}

// One attachment as the given fields and base64 of the octets make it.
Part OnlyAttachment(const std::string& fields, const std::string& octets) {
  const std::string mail = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody\n--b\n" +
                           fields + "Content-Transfer-Encoding: base64\n\n" + Base64Encode(octets) + "\n--b--\n";
  const Result<MailModel> parsed = Parse(std::make_shared<const std::string>(Crlf(mail)));
  EXPECT_TRUE(parsed.ok()) << parsed.error().detail;
  return parsed.ok() ? parsed->parts.back() : Part();
}

TEST(AttachmentTest, NamesInEveryClientsStyle) {
  struct Case {
    const char* what;
    std::string fields;
    std::string name;
    std::vector<std::string> others;
    bool mismatch;
  };
  const Case cases[] = {
      {"Outlook: RFC 2047 in both",
       "Content-Type: application/pdf; name=\"=?iso-2022-jp?B?GyRCOCtAUT1xGyhCLnBkZg==?=\"\nContent-Disposition: "
       "attachment; filename=\"=?iso-2022-jp?B?GyRCOCtAUT1xGyhCLnBkZg==?=\"\n",
       "見積書.pdf",
       {},
       false},
      {"Thunderbird: RFC 2231 beside RFC 2047",
       "Content-Type: application/pdf; name=\"=?UTF-8?B?6KaL56mN5pu4LnBkZg==?=\"\nContent-Disposition: attachment; "
       "filename*=UTF-8''%E8%A6%8B%E7%A9%8D%E6%9B%B8%2E%70%64%66\n",
       "見積書.pdf",
       {},
       false},
      {"in pieces",
       "Content-Disposition: attachment; filename*0*=UTF-8''%E8%A6%8B; filename*1*=%E7%A9%8D; filename*2=\"書.pdf\"\n",
       "見積書.pdf",
       {},
       false},
      {"pieces out of order",
       "Content-Disposition: attachment; filename*1=\".pdf\"; filename*0=\"report\"\n",
       "report.pdf",
       {},
       false},
      {"a character cut between pieces",
       "Content-Disposition: attachment; filename*0*=UTF-8''%E8%A6; filename*1*=%8B.pdf\n",
       "見.pdf",
       {},
       false},
      {"RFC 2231 in ISO-2022-JP",
       "Content-Disposition: attachment; filename*=ISO-2022-JP'ja'%1B%24B%38%2B%1B%28B.pdf\n",
       "見.pdf",
       {},
       false},
      {"raw UTF-8", "Content-Disposition: attachment; filename=\"見積書.pdf\"\n", "見積書.pdf", {}, false},
      {"raw Shift_JIS, with a backslash octet",
       "Content-Disposition: attachment; filename=\"\x94\x5C\x97\xCD\x95\x5C.pdf\"\n",
       "能力表.pdf",
       {},
       false},
      {"raw ISO-2022-JP, with a quote octet",
       "Content-Disposition: attachment; filename=\"\x1B$B!\"8+\x1B(B.pdf\"\n",
       "、見.pdf",
       {},
       false},
      {"words folded in quotes",
       "Content-Disposition: attachment;\n filename=\"=?UTF-8?B?6KaL56mN?=\n =?UTF-8?B?5pu4LnBkZg==?=\"\n",
       "見積書.pdf",
       {},
       false},
      {"bare, with blanks and brackets",
       "Content-Disposition: attachment; filename=report (final) v2.pdf\n",
       "report (final) v2.pdf",
       {},
       false},
      {"Windows path", "Content-Disposition: attachment; filename=\"C:\\temp\\a.pdf\"\n", "C:\\temp\\a.pdf", {}, false},
      {"ASCII fallback",
       "Content-Disposition: attachment; filename=\"__.pdf\"; filename*=UTF-8''%E8%A6%8B.pdf\n",
       "見.pdf",
       {"__.pdf"},
       false},
      {"another extension in name=",
       "Content-Type: application/pdf; name=a.exe\nContent-Disposition: attachment; filename=a.pdf\n",
       "a.pdf",
       {"a.exe"},
       true},
      {"another extension in filename*",
       "Content-Disposition: attachment; filename=\"a.pdf\"; filename*=UTF-8''a.exe\n",
       "a.exe",
       {"a.pdf"},
       true},
      {"no name", "Content-Type: application/pdf\n", "", {}, false},
  };
  for (const Case& c : cases) {
    const Part part = OnlyAttachment(c.fields, "%PDF-1.4\n");
    EXPECT_EQ(part.role, Role::kAttachment) << c.what;
    EXPECT_EQ(part.file_name, c.name) << c.what;
    EXPECT_EQ(part.other_names, c.others) << c.what;
    EXPECT_EQ(part.name_mismatch, c.mismatch) << c.what;
    EXPECT_EQ(part.real_type, FileType::kPdf) << c.what;
  }
}

TEST(AttachmentTest, FlagsWhatAPersonShouldKnow) {
  const std::string pe = "MZ"s + std::string(58, '\0') + Le(64, 4) + "PE\0\0"s;
  Part part = OnlyAttachment("Content-Disposition: attachment; filename=invoice.pdf\n", pe);
  EXPECT_TRUE(part.name_mismatch);
  EXPECT_EQ(part.real_type, FileType::kPe);
  part = OnlyAttachment("Content-Disposition: attachment; filename=invoice.pdf.exe\n", pe);
  EXPECT_TRUE(part.double_extension);
  part = OnlyAttachment("Content-Disposition: attachment; filename*=UTF-8''a%E2%80%AEfdp.exe\n", pe);
  EXPECT_TRUE(part.deceptive_name);
  part = OnlyAttachment("Content-Disposition: attachment; filename=a.zip\n", Zip({{"a", 1, 8}}));
  EXPECT_TRUE(part.encrypted);
  EXPECT_FALSE(part.name_mismatch);
  part = OnlyAttachment("Content-Disposition: attachment; filename=winmail.dat\nContent-Type: application/ms-tnef\n",
                        "\x78\x9F\x3E\x22"s);
  EXPECT_TRUE(part.embeds_files);
  part = OnlyAttachment("Content-Disposition: attachment; filename=a.html\n",
                        "<html><script>new Blob()</script>社外秘</html>");
  EXPECT_TRUE(part.has_script);
  EXPECT_THAT(part.text.text, HasSubstr("社外秘")) << "text by content, whatever its type says";
  part = OnlyAttachment("Content-Type: text/calendar\nContent-Disposition: attachment; filename=a.ics\n",
                        "BEGIN:VCALENDAR\r\nATTACH;ENCODING=BASE64;VALUE=BINARY:AAAA\r\nEND:VCALENDAR\r\n");
  EXPECT_TRUE(part.embeds_files);
  part = OnlyAttachment("Content-Type: application/ics\nContent-Disposition: attachment; filename=a.ics\n",
                        "BEGIN:VCALENDAR\r\nATTACH:https://example.jp/a\r\nEND:VCALENDAR\r\n");
  EXPECT_FALSE(part.embeds_files) << "a link";
  part = OnlyAttachment("Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=a.gpg\n",
                        "\x85\x01\x0C\x03");
  EXPECT_TRUE(part.encrypted);
}

TEST(AttachmentTest, TextIsReadInEveryCharset) {
  const std::pair<const char*, std::string> kCharsets[] = {
      {"utf-8", "社外秘"},
      {"Shift_JIS", "\x8E\xD0\x8A\x4F\x94\xE9"},
      {"euc-jp", "\xBC\xD2\xB3\xB0\xC8\xEB"},
      {"ISO-2022-JP", "\x1B$B<R30Hk\x1B(B"},
      {"utf-16", "\xFE\xFF\x79\x3E\x59\x16\x79\xD8"},
      {"utf-7", "+eT5ZFnnY-"},
  };
  for (const auto& [charset, octets] : kCharsets) {
    const Part part = OnlyAttachment("Content-Type: text/plain; charset="s + charset + "\n", octets);
    EXPECT_EQ(part.text.text.substr(0, part.text.text.find('\n')), "社外秘") << charset;
    EXPECT_EQ(part.role, Role::kBodyText) << charset;
  }
  const Part lie = OnlyAttachment("Content-Type: text/plain; charset=us-ascii\n", "\x8E\xD0\x8A\x4F\x94\xE9");
  EXPECT_EQ(lie.text.text, "社外秘");
  EXPECT_TRUE(lie.charset_mismatch);
}

struct RoleCase {
  const char* what;
  std::string mail;
  std::vector<std::string> places;
};

TEST(RoleTest, SaysWhatPartsAreToAPerson) {
  const std::string head = "MIME-Version: 1.0\n";
  const RoleCase cases[] = {
      {"plain text", "\nx\n", {"body"}},
      {"lone HTML", head + "Content-Type: text/html\n\n<p>x\n", {"HTML body"}},
      {"lone file", head + "Content-Type: application/pdf\n\n%PDF\n", {"attachment 1"}},
      {"lone text as attachment", head + "Content-Disposition: attachment; filename=a.txt\n\nx\n", {"attachment 1"}},
      {"lone text with a name is still the body", head + "Content-Type: text/plain; name=a.txt\n\nx\n", {"body"}},
      {"Apple's interleaving",
       head + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: "
              "application/pdf\n\n%PDF\n--b\n\ny\n--b--\n",
       {"the mail", "body", "attachment 1", "body 2"}},
      {"text file inline",
       head + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/plain; "
              "name=a.txt\nContent-Disposition: inline; filename=a.txt\n\ny\n--b--\n",
       {"the mail", "body", "attachment 1"}},
      {"program called text",
       head + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: "
              "text/plain\nContent-Transfer-Encoding: base64\n\nf0VMRgIBAQA=\n--b--\n",
       {"the mail", "body", "attachment 1"}},
      {"image shown by the HTML",
       head + "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img "
              "src=\"cid:i\">\n--b\nContent-Type: image/gif\nContent-ID: <i>\n\nGIF89a\n--b--\n",
       {"the mail", "HTML body", "inline image 1"}},
      {"program shown by the HTML",
       head + "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<img "
              "src=\"cid:i\">\n--b\nContent-Type: image/gif\nContent-ID: <i>\nContent-Transfer-Encoding: "
              "base64\n\nf0VMRgIBAQA=\n--b--\n",
       {"the mail", "HTML body", "attachment 1"}},
      {"binary called text",
       head + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: "
              "text/plain\nContent-Transfer-Encoding: base64\n\nyv66vgAAADQA\n--b--\n",
       {"the mail", "body", "attachment 1"}},
      {"UTF-16 text",
       head + "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\naABpAA==\n",
       {"body"}},
      {"image that nothing shows",
       head + "Content-Type: multipart/related; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>\n--b\nContent-Type: "
              "image/gif\nContent-ID: <i>\n\nGIF89a\n--b--\n",
       {"the mail", "HTML body", "attachment 1"}},
      {"calendar beside its text",
       head + "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/calendar; "
              "method=REQUEST\n\nBEGIN:VCALENDAR\n--b--\n",
       {"the mail", "body", "body 2"}},
      {"report",
       head + "Content-Type: multipart/report; boundary=b; report-type=delivery-status\n\n--b\n\nx\n--b\nContent-Type: "
              "message/delivery-status\n\nA: b\n--b\nContent-Type: text/rfc822-headers\n\nSubject: y\n--b--\n",
       {"the mail", "body", "attachment 1", "attachment 2"}},
      {"digest",
       head + "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: y\n\nz\n--b--\n",
       {"the mail", "attachment 1", "attachment 1 > body"}},
      {"forwarded with files",
       head + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nMIME-Version: "
              "1.0\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nz\n--c\nContent-Type: "
              "application/pdf\n\n%PDF\n--c--\n--b\nContent-Type: application/pdf\n\n%PDF\n--b--\n",
       {"the mail", "attachment 1", "part 1", "attachment 1 > body", "attachment 1 > attachment 1", "attachment 2"}},
      {"clear-signed",
       head + "Content-Type: multipart/signed; boundary=b; "
              "protocol=\"application/pkcs7-signature\"\n\n--b\n\nx\n--b\nContent-Type: application/pkcs7-signature; "
              "name=smime.p7s\n\ny\n--b--\n",
       {"the mail", "body", "signature"}},
      {"PGP encrypted",
       head + "Content-Type: multipart/encrypted; boundary=b; "
              "protocol=\"application/pgp-encrypted\"\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: "
              "1\n--b\nContent-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----\n--b--\n",
       {"the mail", "encrypted content", "encrypted content"}},
  };
  for (const RoleCase& c : cases) {
    const Result<MailModel> parsed = Parse(std::make_shared<const std::string>(Crlf(c.mail)));
    ASSERT_TRUE(parsed.ok()) << c.what << ": " << parsed.error().detail;
    std::vector<std::string> places;
    for (const Part& part : parsed->parts) places.push_back(part.place);
    EXPECT_EQ(places, c.places) << c.what;
  }
}

Result<MailModel> Smime(const std::string& fields, const std::string& octets) {
  return Parse(std::make_shared<const std::string>(
      Crlf("MIME-Version: 1.0\n" + fields + "Content-Transfer-Encoding: base64\n\n" + Base64Encode(octets) + "\n")));
}

TEST(RoleTest, KnowsMailThatItsSenderSealed) {
  const std::string signed_data = "\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x80"s,
                    enveloped = "\x30\x80\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03\xA0\x80"s,
                    auth_enveloped = "\x30\x80\x06\x0B\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17\xA0\x80"s;
  Result<MailModel> mail =
      Smime("Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n", signed_data);
  EXPECT_EQ(mail->smime, SmimeKind::kOpaqueSigned);
  EXPECT_EQ(mail->parts[0].role, Role::kOpaqueSigned);
  mail = Smime("Content-Type: application/x-pkcs7-mime; name=smime.p7m\n", enveloped);
  EXPECT_EQ(mail->smime, SmimeKind::kEnveloped);
  EXPECT_TRUE(mail->parts[0].encrypted);
  mail = Smime("Content-Type: application/pkcs7-mime; smime-type=signed-data\n", auth_enveloped);
  EXPECT_EQ(mail->smime, SmimeKind::kEnveloped) << "the octets decide, not the label";
  mail = Smime("Content-Type: application/octet-stream; name=smime.p7m\n", enveloped);
  EXPECT_EQ(mail->smime, SmimeKind::kEnveloped) << "Outlook goes by the name";
  mail = Smime("Content-Type: application/pkcs7-mime\n", "nonsense");
  EXPECT_TRUE(mail->parts[0].encrypted) << "what can't be read is taken for encrypted";
  EXPECT_TRUE(mail->IsSealedBySender());

  mail = Parse(std::make_shared<const std::string>(
      Crlf("Subject: x\n\n-----BEGIN PGP MESSAGE-----\n\nxx\n-----END PGP MESSAGE-----\n")));
  EXPECT_EQ(mail->pgp, PgpKind::kEncrypted);
  EXPECT_TRUE(mail->parts[0].encrypted);
  mail = Parse(std::make_shared<const std::string>(Crlf("Subject: x\n\n-----BEGIN PGP SIGNED MESSAGE-----\n\nxx\n")));
  EXPECT_EQ(mail->pgp, PgpKind::kSigned);
  mail = Parse(std::make_shared<const std::string>(Crlf("Subject: x\n\n> -----BEGIN PGP MESSAGE-----\n")));
  EXPECT_EQ(mail->pgp, PgpKind::kNone) << "a quotation";
}

TEST(ContentTest, StreamsInPieces) {
  NewMail mail;
  mail.from = {"", "a@b.example"};
  mail.message_id = "<1@b.example>";
  std::string content;
  for (int i = 0; i < 300000; ++i) content += static_cast<char>(i * 7);
  mail.attachments.push_back({"a.bin", "application/octet-stream", content, false, ""});
  const auto raw = std::make_shared<const std::string>(*BuildMail(mail));
  const Result<MailModel> parsed = Parse(raw);
  ASSERT_TRUE(parsed.ok());
  const Part& part = parsed->parts.back();
  EXPECT_EQ(part.decoded_size, content.size());
  std::string seen;
  size_t largest = 0;
  ASSERT_TRUE(DecodeContent(*parsed, part, [&](std::string_view piece) -> Status {
                seen += piece;
                largest = std::max(largest, piece.size());
                return Ok();
              }).ok());
  EXPECT_EQ(seen, content);
  EXPECT_LE(largest, 64u << 10);
  const Status stopped =
      DecodeContent(*parsed, part, [](std::string_view) -> Status { return MakeError(Code::kCancelled, "enough"); });
  EXPECT_EQ(stopped.error().code, Code::kCancelled);
  EXPECT_EQ(DecodeContent(*parsed, parsed->parts[0]).error().code, Code::kInvalid);
  EXPECT_EQ(ReadableText(*parsed, part).error().code, Code::kInvalid);
}

TEST(ContentTest, HtmlWithoutMimeVersionIsReadBothWays) {
  const Result<MailModel> mail =
      Parse(std::make_shared<const std::string>(Crlf("Content-Type: text/html\n\n<p title=x>社<b>外</b>秘</p>\n")));
  ASSERT_TRUE(mail.ok());
  EXPECT_THAT(mail->parts[0].text.text, HasSubstr("社外秘"));
  EXPECT_THAT(mail->parts[0].text.text, HasSubstr("<b>外</b>"));
}

TEST(ContentTest, KnowsTheLineOfABody) {
  const Result<MailModel> mail =
      Parse(std::make_shared<const std::string>(Crlf("Subject: x\n\none\ntwo\n\n社外\n秘\n")));
  const text::Normalized& body = mail->parts[0].text;
  EXPECT_EQ(body.LineOf(body.text.find("社外秘")), 4u);
}

}  // namespace
}  // namespace sekisho::mime

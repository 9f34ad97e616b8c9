#include "tests/contract/golden.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "shared/base/bytes.h"

namespace sekisho::contract {

const std::string_view kGoldenMail =
    "From: hanako@example.jp\r\nTo: tanaka@maker.example\r\nSubject: =?utf-8?B?5LuV5qeY?=\r\n"
    "Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <1@example.jp>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Content-Transfer-Encoding: 8bit\r\n\r\n仕様です\r\n--b\r\nContent-Type: application/pdf\r\n"
    "Content-Disposition: attachment; filename=spec.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "JVBERi0xLjQK\r\n--b--\r\n";

std::vector<std::string> GoldenVersions(const std::string& golden) {
  std::vector<std::string> folders;
  for (const auto& version : std::filesystem::directory_iterator(golden)) folders.push_back(version.path());
  return folders;
}

Result<std::string> ReadWhole(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return MakeError(Code::kNotFound, file);
  std::ostringstream octets;
  octets << in.rdbuf();
  return octets.str();
}

Result<GoldenRecord> ReadRecord(const std::string& folder, const std::string& name) {
  SEKISHO_TRY(const std::string text, ReadWhole(folder + "/" + name + ".record"));
  GoldenRecord record;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const size_t space = line.find(' ');
    if (space == std::string::npos) return MakeError(Code::kCorrupt, name + ": " + line);
    const std::string field = line.substr(0, space);
    SEKISHO_TRY(std::string octets, Base64Decode(line.substr(space + 1)));
    if (field == "key") {
      record.key = std::move(octets);
    } else if (field == "header") {
      record.header = std::move(octets);
    } else if (field == "sealed") {
      record.sealed = std::move(octets);
    } else if (field == "clear") {
      record.clear = std::move(octets);
    } else if (field.starts_with("cloudevent:")) {
      record.cloudevent.emplace_back(field.substr(11), std::move(octets));
    } else {
      return MakeError(Code::kCorrupt, name + ": " + field);
    }
  }
  return record;
}

Status WriteRecord(const std::string& folder, const std::string& name, const GoldenRecord& record) {
  std::ofstream out(folder + "/" + name + ".record");
  out << "key " << Base64Encode(record.key) << '\n';
  for (const auto& [header, value] : record.cloudevent)
    out << "cloudevent:" << header << ' ' << Base64Encode(value) << '\n';
  out << "header " << Base64Encode(record.header) << '\n'
      << "sealed " << Base64Encode(record.sealed) << '\n'
      << "clear " << Base64Encode(record.clear) << '\n';
  return out.flush() ? Ok() : Status(MakeError(Code::kUnavailable, "cannot write " + name));
}

}  // namespace sekisho::contract

#include "shared/mime/zip_directory.h"

#include <algorithm>
#include <optional>

#include "shared/mime/little_endian.h"

namespace sekisho::mime {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kLocal = "PK\x03\x04"sv, kCentral = "PK\x01\x02"sv, kEnd = "PK\x05\x06"sv;
constexpr size_t kLocalSize = 30, kCentralSize = 46, kEndSize = 22, kMaxComment = 0xFFFF;

// Where the central directory begins, by the end record.
std::optional<size_t> FindDirectory(std::string_view content) {
  const size_t window = std::min(content.size(), kEndSize + kMaxComment);
  const size_t found = content.substr(content.size() - window).rfind(kEnd);
  if (found == std::string_view::npos) return std::nullopt;
  const size_t end = content.size() - window + found;
  if (content.size() - end < kEndSize) return std::nullopt;
  const size_t size = LittleEndian(content, end + 12, 4);
  // Counted from the end record, so that octets put before the archive don't matter.
  return size <= end ? std::optional<size_t>(end - size) : std::nullopt;
}

// Calls for the record at `at` and moves behind it; false when there is none.
bool ReadRecord(std::string_view content, bool central, size_t& at, const std::function<void(const ZipEntry&)>& call) {
  const size_t fixed = central ? kCentralSize : kLocalSize;
  if (content.size() - at < fixed || content.substr(at, 4) != (central ? kCentral : kLocal)) return false;
  const size_t shift = central ? 2 : 0;  // the central record has one more version field
  const size_t name = LittleEndian(content, at + (central ? 28 : 26), 2),
               extra = LittleEndian(content, at + (central ? 30 : 28), 2);
  const size_t comment = central ? LittleEndian(content, at + 32, 2) : 0;
  if (content.size() - at - fixed < name) return false;
  call({content.substr(at + fixed, name), static_cast<uint16_t>(LittleEndian(content, at + 6 + shift, 2)),
        static_cast<uint16_t>(LittleEndian(content, at + 8 + shift, 2))});
  at = std::min(content.size(), at + fixed + name + extra + comment);
  return true;
}

}  // namespace

void ForEachZipEntry(std::string_view content, const std::function<void(const ZipEntry&)>& call) {
  bool any = false;
  if (const std::optional<size_t> directory = FindDirectory(content)) {
    for (size_t at = *directory; at < content.size() && ReadRecord(content, true, at, call);) any = true;
  }
  if (any) return;
  for (size_t at = content.find(kLocal); at != std::string_view::npos; at = content.find(kLocal, at)) {
    if (!ReadRecord(content, false, at, call)) ++at;
  }
}

}  // namespace sekisho::mime

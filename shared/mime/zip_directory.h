#pragma once
// The list of a ZIP file's entries as its directory gives it; nothing is unpacked. Internal to shared/mime: what is
// inside is shared/archive's business.

#include <cstdint>
#include <functional>
#include <string_view>

namespace sekisho::mime {

struct ZipEntry {
  std::string_view name;  // octets as stored
  uint16_t flags = 0;
  uint16_t method = 0;
};

// Calls for every entry that a central directory record or, where the directory can't be read, a local header names.
// Never fails: a broken file has few entries or none.
void ForEachZipEntry(std::string_view content, const std::function<void(const ZipEntry&)>& call);

}  // namespace sekisho::mime

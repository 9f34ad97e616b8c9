// A ZIP file's directory and local headers, as an attacker would write them.
#include <cstdint>
#include <string_view>

#include "shared/archive/zip_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  static_cast<void>(sekisho::archive::CheckZip({reinterpret_cast<const char*>(octets), size}, 1000));
  return 0;
}

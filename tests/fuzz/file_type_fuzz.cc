// Any octets as a file of any kind: telling what it is and whether it has a password never crashes or hangs.
#include <cstdint>
#include <string_view>

#include "shared/mime/encrypted_file.h"
#include "shared/mime/file_type.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho::mime;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  const FileType detected = RefineType(DetectType(input, ""), input);
  static_cast<void>(IsEncryptedFile(detected, input));
  for (const FileType type :
       {FileType::kZip, FileType::kOle, FileType::kOdf, FileType::kPdf, FileType::kRar, FileType::k7z}) {
    static_cast<void>(IsEncryptedFile(type, input));
    static_cast<void>(RefineType(type, input));
  }
  static_cast<void>(ExtensionFits(Extension(input), detected));
  static_cast<void>(HasDoubleExtension(input));
  static_cast<void>(IsDeceptiveName(input));
  return 0;
}

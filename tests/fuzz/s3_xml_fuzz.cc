// Any octets as an answer of an object store: no crash, nothing that is not in it, and what we write reads back.
#include <cstdint>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/content/s3/xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* octets, size_t size) {
  using namespace sekisho::content::s3;
  const std::string_view input(reinterpret_cast<const char*>(octets), size);
  for (const char* name : {"Key", "UploadId", "Code", "IsTruncated"}) {
    size_t total = 0;
    for (const std::string& text : XmlTexts(input, name)) total += text.size();
    SEKISHO_CHECK(total <= size);
  }
  SEKISHO_CHECK(XmlText("<Key>" + XmlEscape(input) + "</Key>", "Key") == input);
  return 0;
}

#pragma once
// What one attachment holds: archives unpacked, documents read, everything nested in it likewise.

#include <optional>
#include <string_view>

#include "shared/archive/reader.h"
#include "shared/base/result.h"
#include "shared/mime/compound_file.h"
#include "shared/sandbox/worker/answer.h"

namespace sekisho::sandbox {

class Inspector {
 public:
  Inspector(const Request& limits, Answer& answer);

  // Answers with the entries, readings and texts of `octets`. Errors: kLimit.
  Status Inspect(std::string_view octets, std::string_view name);

 private:
  // What became of a file; nothing where the gateway decides it, after a reader program has run.
  using Outcome = std::optional<Reading>;

  // Reads file `number`, whose content is at `depth`.
  Result<Outcome> Read(uint32_t number, std::string_view octets, std::string_view name, uint32_t depth);
  Result<Outcome> ReadArchiveFile(std::string_view octets, uint32_t depth);
  Result<Outcome> ReadOffice(uint32_t number, std::string_view octets, uint32_t depth);
  Result<Outcome> ReadCompound(uint32_t number, std::string_view octets);
  Result<Outcome> ReadSlides(uint32_t number, const mime::CompoundFile& file);
  Result<Outcome> SendText(uint32_t number, TextForm form, std::string_view octets);
  Result<Outcome> SendDocument(uint32_t number, Task task, std::string_view octets);
  Status ReadEntry(const archive::ArchiveEntry& entry, std::string_view content, uint32_t depth);

  const Request limits_;
  Answer& answer_;
  archive::Budget budget_;
  uint64_t text_left_;
  uint32_t documents_left_;
};

}  // namespace sekisho::sandbox

#pragma once
// The worker's side of the answer: records written to the gateway.

#include <string_view>

#include "shared/sandbox/protocol.h"
#include "shared/sandbox/sandbox.h"

namespace sekisho::sandbox {

class Answer {
 public:
  explicit Answer(int to) : to_(to) {}

  uint32_t Entry(std::string_view name, uint64_t size, uint32_t depth, bool unsafe_path,
                 mime::FileType type);  // gives its number
  void SetReading(uint32_t number, Reading reading);
  void Text(uint32_t number, TextForm form, std::string_view octets);
  void Document(uint32_t number, Task task, bool encrypted, std::string_view octets);
  void Limit(std::string_view what);
  void Done();

 private:
  // Ends the process when the gateway no longer listens.
  void Write(Record record, const void* head, size_t head_size, std::string_view rest);

  const int to_;
  uint32_t entries_ = 0;
};

}  // namespace sekisho::sandbox

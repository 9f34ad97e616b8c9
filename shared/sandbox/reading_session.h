#pragma once
// One attachment's reading: asks a worker, believes nothing it says, has reader programs run over the documents it
// finds. Internal to shared/sandbox.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "shared/sandbox/protocol.h"
#include "shared/sandbox/sandbox.h"
#include "shared/sandbox/worker_process.h"

namespace sekisho::sandbox {

class ReadingSession {
 public:
  using NewWorker = std::function<Result<WorkerProcess>()>;

  ReadingSession(NewWorker new_worker, const Limits& limits, uint64_t memory, std::string_view name)
      : new_worker_(std::move(new_worker)),
        limits_(limits),
        memory_(memory),
        name_(name),
        deadline_(std::chrono::steady_clock::now() + limits.time),
        text_left_(limits.text_octets) {}

  Result<Inspection> Run(std::string_view octets);  // once

 private:
  Request NewRequest(Task task, uint64_t size, uint32_t name_size) const;
  Result<bool> TakeRecord(WorkerProcess& worker);  // false after the last one
  Status TakeEntry(std::string_view payload);
  Status TakeReading(std::string_view payload);
  Status TakeText(std::string_view payload);
  Status TakeDocument(std::string_view payload);
  Result<Reading> ReadDocument(const DocumentRecord& document, std::string_view octets);
  Result<bool> HasAttachments(std::string_view pdf);
  // What the program wrote; nullopt when it failed.
  Result<std::optional<std::string>> RunProgram(Task task, std::string_view octets);
  Status AddText(uint32_t number, std::string text);
  Reading* FindReading(uint32_t number);

  const NewWorker new_worker_;
  const Limits limits_;
  const uint64_t memory_;
  const std::string name_;
  const Deadline deadline_;
  uint64_t text_left_;
  uint32_t documents_ = 0;
  Inspection inspection_;
};

}  // namespace sekisho::sandbox

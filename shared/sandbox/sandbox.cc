#include "shared/sandbox/sandbox.h"

#include <unistd.h>

#include <algorithm>
#include <climits>
#include <condition_variable>
#include <mutex>

#include "shared/sandbox/reading_session.h"

namespace sekisho::sandbox {
namespace {

Result<std::string> WorkerBesideUs() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0)
    return MakeError(Code::kNotFound, "the path of the running binary is unknown: set the sandbox worker's");
  const std::string_view own(path, static_cast<size_t>(size));
  return std::string(own.substr(0, own.rfind('/') + 1)) + "sekisho-sandbox-worker";
}

// Workers are started ahead, so that an attachment doesn't wait for one, and each serves once, so that a file can't
// reach the next one's reading.
class ProcessSandbox final : public Sandbox {
 public:
  explicit ProcessSandbox(Options options) : options_(std::move(options)) {}

  Status StartWorkers() {
    while (idle_.size() < options_.workers) {
      SEKISHO_TRY(WorkerProcess worker, WorkerProcess::Start(options_.worker_path));
      idle_.push_back(std::move(worker));
    }
    return Ok();
  }

  Result<Inspection> Inspect(std::string_view octets, std::string_view name, const Limits& limits) override {
    SEKISHO_RETURN_IF_ERROR(TakePlace(limits.time));
    auto inspection = ReadingSession([this] { return NextWorker(); }, limits, options_.memory, name).Run(octets);
    Refill();
    return inspection;
  }

 private:
  Status TakePlace(Duration time) {
    std::unique_lock lock(mutex_);
    if (!place_.wait_for(lock, time, [this] { return busy_ < options_.workers; })) {
      return MakeError(Code::kUnavailable, "every sandbox worker is busy");
    }
    ++busy_;
    return Ok();
  }

  Result<WorkerProcess> NextWorker() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        WorkerProcess worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
      }
    }
    return WorkerProcess::Start(options_.worker_path);
  }

  // Gives the place back, with a worker for the next.
  void Refill() {
    // One that can't be started is tried again, and reported, by whoever needs it.
    auto worker = WorkerProcess::Start(options_.worker_path);
    const std::lock_guard lock(mutex_);
    if (worker.ok()) idle_.push_back(*std::move(worker));
    --busy_;
    place_.notify_one();
  }

  const Options options_;
  std::mutex mutex_;
  std::condition_variable place_;
  std::vector<WorkerProcess> idle_;
  uint32_t busy_ = 0;
};

}  // namespace

bool Inspection::AnyEncrypted() const {
  return reading == Reading::kEncrypted || std::any_of(entries.begin(), entries.end(), [](const Entry& entry) {
           return entry.reading == Reading::kEncrypted;
         });
}

bool Inspection::AnyUnreadable() const {
  return reading == Reading::kUnreadable || std::any_of(entries.begin(), entries.end(), [](const Entry& entry) {
           return entry.reading == Reading::kUnreadable;
         });
}

Result<std::unique_ptr<Sandbox>> Sandbox::Start(Options options) {
  SEKISHO_CHECK(options.workers > 0);
  if (options.worker_path.empty()) {
    SEKISHO_TRY(options.worker_path, WorkerBesideUs());
  }
  auto sandbox = std::make_unique<ProcessSandbox>(std::move(options));
  SEKISHO_RETURN_IF_ERROR(sandbox->StartWorkers());
  return std::unique_ptr<Sandbox>(std::move(sandbox));
}

}  // namespace sekisho::sandbox

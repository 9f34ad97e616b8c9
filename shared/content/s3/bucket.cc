#include "shared/content/s3/bucket.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "shared/base/worker_pool.h"

namespace sekisho::content::s3 {
namespace {

// Removals that wait; those over it are left to the sweep.
constexpr size_t kRemovalQueue = 10'000;

class Bucket final : public Objects {
 public:
  Bucket(std::unique_ptr<Client> client, std::string prefix, uint64_t part_size)
      : client_(std::move(client)),
        prefix_(std::move(prefix)),
        part_size_(part_size),
        remover_("content-remove", 1, kRemovalQueue) {}
  ~Bucket() override {
    client_->Cancel();
    remover_.Stop();
  }

  Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name) override;

  Status Read(const std::string& name, FunctionRef<Status(std::string_view)> each) override {
    return client_->Read(Key(name), each);
  }

  void RemoveSoon(const std::string& name) override { Forget(Key(name), {}); }

  Result<uint64_t> Sweep(FunctionRef<Result<bool>(const std::string& name)> orphan) override {
    uint64_t removed = 0;
    SEKISHO_RETURN_IF_ERROR(client_->List(prefix_, [&](const std::string& key) -> Status {
      SEKISHO_TRY(const bool is_orphan, orphan(key.substr(prefix_.size())));
      if (!is_orphan) return Ok();
      SEKISHO_RETURN_IF_ERROR(client_->Remove(key));
      ++removed;
      return Ok();
    }));
    SEKISHO_RETURN_IF_ERROR(
        client_->ListUploads(prefix_, [&](const std::string& key, const std::string& upload) -> Status {
          SEKISHO_TRY(const bool is_orphan, orphan(key.substr(prefix_.size())));
          if (!is_orphan) return Ok();
          SEKISHO_RETURN_IF_ERROR(client_->AbortUpload(key, upload));
          ++removed;
          return Ok();
        }));
    return removed;
  }

  uint64_t FreeOctets() const override { return std::numeric_limits<uint64_t>::max(); }

  // Aborts `upload`, unless it is empty, and removes the object, if there is one. Never blocks.
  void Forget(const std::string& key, const std::string& upload) {
    static_cast<void>(remover_.TryPost([this, key, upload] {
      if (!upload.empty()) static_cast<void>(client_->AbortUpload(key, upload));
      static_cast<void>(client_->Remove(key));
    }));
  }

  Client& client() { return *client_; }
  uint64_t part_size() const { return part_size_; }

 private:
  std::string Key(const std::string& name) const { return prefix_ + name; }

  const std::unique_ptr<Client> client_;
  const std::string prefix_;
  const uint64_t part_size_;
  WorkerPool remover_;
};

class PartsWriter final : public ObjectWriter {
 public:
  PartsWriter(Bucket& bucket, std::string key) : bucket_(bucket), key_(std::move(key)) {}
  ~PartsWriter() override {
    // Something was sent: even what failed may have come about, or still may.
    if (sent_ && !finished_) bucket_.Forget(key_, upload_);
  }

  Status Append(std::string_view octets) override {
    part_.reserve(bucket_.part_size());
    while (!octets.empty()) {
      if (part_.size() == bucket_.part_size()) SEKISHO_RETURN_IF_ERROR(SendPart());
      const size_t fits = std::min<uint64_t>(octets.size(), bucket_.part_size() - part_.size());
      part_ += octets.substr(0, fits);
      octets.remove_prefix(fits);
    }
    return Ok();
  }

  Status Finish() override {
    if (upload_.empty()) {
      sent_ = true;
      SEKISHO_RETURN_IF_ERROR(bucket_.client().Put(key_, part_));
    } else {
      SEKISHO_RETURN_IF_ERROR(SendPart());
      SEKISHO_RETURN_IF_ERROR(bucket_.client().CompleteUpload(key_, upload_, tags_));
    }
    finished_ = true;
    return Ok();
  }

 private:
  Status SendPart() {
    if (upload_.empty()) {
      SEKISHO_TRY(upload_, bucket_.client().StartUpload(key_));
      sent_ = true;
    }
    const int number = static_cast<int>(tags_.size()) + 1;
    SEKISHO_TRY(std::string tag, bucket_.client().PutPart(key_, upload_, number, part_));
    tags_.push_back(std::move(tag));
    part_.clear();
    return Ok();
  }

  Bucket& bucket_;
  const std::string key_;
  std::string part_;    // not sent yet
  std::string upload_;  // its id, from the first part on
  std::vector<std::string> tags_;
  bool sent_ = false, finished_ = false;
};

Result<std::unique_ptr<ObjectWriter>> Bucket::Create(const std::string& name) {
  return std::unique_ptr<ObjectWriter>(std::make_unique<PartsWriter>(*this, Key(name)));
}

}  // namespace

Result<std::unique_ptr<Objects>> OpenBucket(std::unique_ptr<Client> client, std::string prefix, uint64_t part_size) {
  if (part_size < kMinPart) return MakeError(Code::kInvalid, "parts of an object have at least 5 MiB");
  return std::unique_ptr<Objects>(std::make_unique<Bucket>(std::move(client), std::move(prefix), part_size));
}

}  // namespace sekisho::content::s3

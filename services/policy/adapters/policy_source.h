#pragma once
// The policy in force, and the file it comes from. A changed file is taken over when it is sound, and refused with
// place and remedy while the old policy stays. Every version that was in force is kept in {policy.version}, before it
// judges anything. Thread safe.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/policy/adapters/document_loader.h"
#include "shared/base/clock.h"
#include "shared/store/store.h"

namespace sekisho::policy {

class PolicySource {
 public:
  // `database` and `clock` outlive it.
  PolicySource(std::string file, std::vector<std::string> own_domains, store::Database& database, const Clock& clock);

  // Loads the file; the tables are made. Errors: kInvalid with all problems of the document; kNotFound, kPermission.
  Status Start();
  // Looks at the file; cheap when nothing about it changed. Waits for the database when it did.
  void Poll();

  std::shared_ptr<const CompiledPolicy> Current() const;
  std::string last_error() const;  // why the newest file is not in force; empty when it is
  const std::vector<std::string>& own_domains() const { return own_domains_; }

 private:
  // What tells a changed file without reading it.
  struct Stamp {
    int64_t modified = 0;  // nanoseconds
    int64_t size = -1;
    uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  Stamp Look() const;
  Status TakeOver();

  const std::string file_;
  const std::vector<std::string> own_domains_;
  store::Database& database_;
  const Clock& clock_;
  std::mutex polling_;        // one Poll at a time
  Stamp seen_;                // guarded by polling_
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const CompiledPolicy> current_;
  std::string last_error_;
};

}  // namespace sekisho::policy

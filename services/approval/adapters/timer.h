#pragma once
// Does what is due: lets timed holds go, returns what nobody decided about, forgets what was decided long ago. A thread
// of its own looks every quarter of a second. While the wall clock cannot be trusted nothing is due, and the operator
// is told.

#include "services/approval/adapters/clerk.h"
#include "services/approval/adapters/people.h"
#include "services/approval/domain/clock_guard.h"
#include "shared/base/periodic.h"
#include "shared/directory/directory.h"
#include "shared/observe/metrics.h"

namespace sekisho::approval {

class Timer {
 public:
  // All outlive it.
  Timer(const stage::Surroundings& around, directory::Directory& directory, const Clerk& clerk,
        observe::Metrics& metrics);
  ~Timer();

  void Start();
  void Stop();  // idempotent

  // One look: how many parcels went their way. What could not be done is found again by the next look.
  Result<size_t> RunDue();

 private:
  struct Due;

  Periodic::Next Look();
  Result<std::vector<Due>> PrepareDue(TimePoint now);
  Result<std::shared_ptr<Change>> PrepareOne(Row row, const DirectoryPeople& people) const;
  size_t CommitDue(const std::vector<Due>& due, TimePoint now);
  Status Forget(TimePoint now);

  const stage::Surroundings around_;
  directory::Directory& directory_;
  const Clerk& clerk_;
  stage::Committer committer_;
  ClockGuard guard_;
  std::chrono::steady_clock::time_point next_forget_{};
  const observe::Counter released_, expired_, jumps_, failures_;
  Periodic looks_;
};

}  // namespace sekisho::approval

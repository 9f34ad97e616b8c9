#pragma once
// Intake owns content: this counts each mail's recipients down as they reach their terminal state, and deletes what was
// kept after the retention.

#include "shared/base/clock.h"
#include "shared/content/content.h"
#include "shared/stage/stage.h"

namespace sekisho::intake {

// For topic `outcome`.
class Closer final : public stage::Processor {
 public:
  explicit Closer(const Clock& clock) : clock_(clock) {}
  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  const Clock& clock_;
};

// Deletes content and rows of mails closed before `now - retention`, and request ids older than `request_memory`. Gives
// how many mails went. Called now and then by one thread.
Result<uint64_t> SweepClosed(store::Database& database, content::Store& content, TimePoint now, Duration retention,
                             Duration request_memory);

}  // namespace sekisho::intake

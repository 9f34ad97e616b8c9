#pragma once
// What comes in by topics: parcels that policy judged to wait (`judged`), and what their senders ask for (`control`).

#include "sekisho/config/v1/config.pb.h"
#include "services/approval/adapters/clerk.h"
#include "services/approval/adapters/people.h"
#include "shared/directory/directory.h"
#include "shared/observe/metrics.h"

namespace sekisho::approval {

class Arrivals final : public stage::Processor {
 public:
  struct Options {
    Duration default_expiry = std::chrono::hours(72);
    bool notify_of_timed_holds = false;
    mime::Limits limits;  // those that policy reads mails under
  };
  // All outlive it.
  Arrivals(Options options, const stage::Surroundings& around, content::Store& content, directory::Directory& directory,
           const Clerk& clerk, const Notifier& notifier, observe::Metrics& metrics);

  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  struct Incoming;

  Result<stage::Effects> Take(const stage::Input& input);
  Result<stage::Effects> Obey(const stage::Input& input);
  // Reads what those who decide need to know of the mail.
  Status Look(Incoming& incoming) const;
  Status WriteNotices(Incoming& incoming, const Authority& authority, const DirectoryPeople& people) const;
  Status Keep(const Incoming& incoming, store::Tx& tx, stage::Outbox& outbox) const;
  Result<std::vector<std::string>> RecalledAlready(const mail::v1::Parcel& parcel, store::Tx& tx) const;

  const Options options_;
  const stage::Surroundings around_;
  content::Store& content_;
  directory::Directory& directory_;
  const Clerk& clerk_;
  const Notifier& notifier_;
  observe::Metrics& metrics_;
};

}  // namespace sekisho::approval

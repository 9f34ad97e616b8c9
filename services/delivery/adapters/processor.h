#pragma once
// What records lead to. `sealed`: a parcel is checked against its judgement and enters the queue, claimed at once where
// its destination has room. `control`: a recall takes back what nobody claimed, and stays as a tombstone for parcels
// that have not arrived.

#include <memory>
#include <string>
#include <vector>

#include "services/delivery/adapters/dispatcher.h"
#include "services/delivery/adapters/preparer.h"
#include "services/delivery/adapters/settler.h"
#include "shared/stage/stage.h"

namespace sekisho::delivery {

class Processor final : public stage::Processor {
 public:
  // All outlive it.
  Processor(const stage::Surroundings& surroundings, const RouteTable& routes, std::string owner, Duration lease,
            Dispatcher& dispatcher, const Preparer& preparer, const Settler& settler, Metrics& metrics);

  // Errors: kCorrupt (a parcel that is not what was judged, a record that can't be read): it is parked.
  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  struct Admission;

  Status Check(const mail::v1::Parcel& parcel, const stage::Input& input) const;
  Result<stage::Effects> ProcessParcel(const stage::Input& input);
  Result<std::shared_ptr<Admission>> Plan(const stage::Input& input, const mail::v1::Parcel& parcel);
  Status Admit(const std::shared_ptr<Admission>& admission, store::Tx& tx, stage::Outbox& outbox);
  Result<stage::Effects> ProcessControl(const stage::Input& input);
  Status Recall(const mail::v1::Control& control, const EventId& event, const keys::MailKey& key, store::Tx& tx,
                stage::Outbox& outbox);

  const stage::Surroundings around_;
  const RouteTable& routes_;
  const std::string owner_;
  const Duration lease_;
  Dispatcher& dispatcher_;
  const Preparer& preparer_;
  const Settler& settler_;
  Metrics& metrics_;
};

}  // namespace sekisho::delivery

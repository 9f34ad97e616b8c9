#pragma once
// Turns a submitted mail into parcels: judges it, makes D1, signs the judgement, and hands each parcel to the first
// stage of its slip; what is blocked is rejected and its sender told. All is computed before the transaction, which
// only writes.

#include <memory>
#include <string>
#include <vector>

#include "services/policy/adapters/judge.h"
#include "shared/content/content.h"
#include "shared/notice/writer.h"
#include "shared/stage/stage.h"

namespace sekisho::policy {

class SubmittedProcessor {
 public:
  // All outlive it.
  SubmittedProcessor(const stage::Surroundings& surroundings, content::Store& content, const Judge& judge,
                     const mime::Limits& limits, const config::v1::Organization& organization)
      : around_(surroundings),
        content_(content),
        judge_(judge),
        limits_(limits),
        hostname_(organization.hostname()),
        notices_(notice::OptionsOf(organization), surroundings, content) {}

  // Errors: with Retry::kLater when something that is asked is down; kCorrupt and kNotFound when the mail's content is
  // gone.
  Result<stage::Effects> Process(const stage::Input& input) const;

 private:
  class Plan;
  const stage::Surroundings around_;
  content::Store& content_;
  const Judge& judge_;
  const mime::Limits limits_;
  const std::string hostname_;  // in the Message-IDs of mails without
  const notice::Writer notices_;
};

}  // namespace sekisho::policy

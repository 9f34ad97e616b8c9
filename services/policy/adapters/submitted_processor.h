#pragma once
// Turns a submitted mail into parcels: judges it, makes D1, signs the judgement, and hands each parcel to the first
// stage of its slip; what is blocked is rejected and its sender told. All is computed before the transaction, which
// only writes.

#include <memory>
#include <string>
#include <vector>

#include "services/policy/adapters/judge.h"
#include "shared/content/content.h"
#include "shared/stage/stage.h"

namespace sekisho::policy {

class SubmittedProcessor {
 public:
  struct Names {
    std::string hostname;     // in the Message-IDs we make
    std::string notice_from;  // "postmaster@example.jp"
    std::string default_language;
  };

  // All outlive it.
  SubmittedProcessor(const stage::Surroundings& surroundings, content::Store& content, const Judge& judge,
                     const mime::Limits& limits, Names names)
      : around_(surroundings), content_(content), judge_(judge), limits_(limits), names_(std::move(names)) {}

  // Errors: with Retry::kLater when something that is asked is down; kCorrupt and kNotFound when the mail's content is
  // gone.
  Result<stage::Effects> Process(const stage::Input& input) const;

 private:
  class Plan;
  const stage::Surroundings around_;
  content::Store& content_;
  const Judge& judge_;
  const mime::Limits limits_;
  const Names names_;
};

}  // namespace sekisho::policy

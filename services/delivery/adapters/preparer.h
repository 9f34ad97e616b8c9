#pragma once
// Makes a mail ready for the wire: reads its content, checks that it is what was approved, looks for loops, and makes
// what goes before it: trace fields and DKIM signatures. Thread safe; reads from disk: for worker threads.

#include <string>
#include <vector>

#include "services/delivery/adapters/batch.h"
#include "shared/content/content.h"
#include "shared/mailauth/dkim_signer.h"

namespace sekisho::delivery {

class Preparer {
 public:
  struct Options {
    std::string hostname;
    std::string stamp;  // of the organisation, in the loop stamp
  };
  // All outlive it.
  Preparer(Options options, content::Store& content, const mailauth::DkimSigner& signer, const Clock& clock);

  // What must not be sent has `refusal`: a bounce for a loop and for content that is lost or changed, a deferral when
  // it can't be read now.
  Prepared Prepare(const Batch& batch) const;

 private:
  Result<std::string> Sign(std::string_view message) const;

  const Options options_;
  content::Store& content_;
  const mailauth::DkimSigner& signer_;
  const Clock& clock_;
};

}  // namespace sekisho::delivery

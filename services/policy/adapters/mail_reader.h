#pragma once
// Reads a mail into what policy judges by: parses it, has its attachments inspected in the sandbox, normalises every
// text. Thread safe; blocks while the sandbox works.

#include <memory>
#include <string>

#include "services/policy/domain/mail_facts.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/mime/model.h"
#include "shared/sandbox/sandbox.h"

namespace sekisho::policy {

// A mail and the facts of it. The facts borrow texts of the model.
struct ReadMail {
  std::unique_ptr<const mime::MailModel> model;
  MailFacts facts;  // all but the envelope
};

class MailReader {
 public:
  struct Limits {
    mime::Limits mime;
    sandbox::Limits attachments;  // `time` is that of all attachments of a mail together
  };

  // `sandbox` and `clock` outlive it.
  MailReader(sandbox::Sandbox& sandbox, const Clock& clock, const Limits& limits)
      : sandbox_(sandbox), clock_(clock), limits_(limits) {}

  // `look_into_attachments`: whether any rule cares for what only the sandbox can tell.
  // Errors: kMalformed (two readings), kLimit; with Retry::kLater when the sandbox can't be reached. An attachment that
  // can't be read, for whatever reason, is no error: it is marked so.
  Result<ReadMail> Read(std::shared_ptr<const std::string> raw, bool look_into_attachments) const;

  const Limits& limits() const { return limits_; }

 private:
  class Reading;
  sandbox::Sandbox& sandbox_;
  const Clock& clock_;
  const Limits limits_;
};

}  // namespace sekisho::policy

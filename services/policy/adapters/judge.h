#pragma once
// Everything between a mail's octets and the plan for its parcels: reads it, asks the directory and the contacts,
// evaluates the policy in force. What keeps a mail from being judged holds it. Thread safe; blocks while the sandbox
// works.

#include <memory>
#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "sekisho/policy/v1/policy.pb.h"
#include "services/policy/adapters/contacts.h"
#include "services/policy/adapters/mail_reader.h"
#include "services/policy/adapters/policy_source.h"
#include "services/policy/domain/parcels.h"
#include "shared/directory/directory.h"

namespace sekisho::policy {

struct Question {
  std::shared_ptr<const std::string> raw;
  std::string mail_from;
  mail::v1::Submitter submitter;
  std::vector<std::string> recipients;
};

struct Verdict {
  std::string policy_version;
  std::vector<PlannedParcel> parcels;            // cover every recipient
  std::unique_ptr<const mime::MailModel> model;  // null when the mail could not be parsed
};

class Judge {
 public:
  // All outlive it. `pattern_budget`: processor time that patterns may take for a mail.
  Judge(const PolicySource& source, directory::Directory& directory, const Contacts& contacts, const MailReader& reader,
        Duration pattern_budget)
      : source_(source), directory_(directory), contacts_(contacts), reader_(reader), pattern_budget_(pattern_budget) {}

  // By the policy in force. Errors: only with Retry::kLater, when something that is asked is down; anything else is a
  // hold.
  Result<Verdict> Run(const Question& question) const { return Run(*source_.Current(), question); }
  Result<Verdict> Run(const CompiledPolicy& policy, const Question& question) const;

  // The same in words, for PolicyService and for intake's CheckMail. An empty `document` is the policy in force.
  // Errors: kInvalid when the document is unsound, with its problems; those of Run.
  Result<v1::ExplainMailResponse> Explain(const Question& question, const std::string& document) const;

 private:
  Result<std::vector<RecipientDecision>> Decide(const CompiledPolicy& policy, const Question& question,
                                                ReadMail& mail) const;
  std::vector<std::string> GroupsOf(const Question& question) const;

  const PolicySource& source_;
  directory::Directory& directory_;
  const Contacts& contacts_;
  const MailReader& reader_;
  const Duration pattern_budget_;
};

}  // namespace sekisho::policy

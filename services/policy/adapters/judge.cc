#include "services/policy/adapters/judge.h"

#include <time.h>

#include <optional>
#include <set>

namespace sekisho::policy {
namespace {

// Processor time of this thread, so that a busy machine holds no mail that a quiet one would let go.
Duration ThreadTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace

Result<Verdict> Judge::Run(const CompiledPolicy& policy, const Question& question) const {
  Verdict verdict;
  verdict.policy_version = policy.version;
  auto mail = reader_.Read(question.raw, policy.looks_into_attachments);
  auto decisions = mail.ok() ? Decide(policy, question, *mail) : Result<std::vector<RecipientDecision>>(mail.error());
  if (!decisions.ok() && decisions.error().retry == Retry::kLater) return std::move(decisions).error();
  verdict.parcels = PlanParcels(decisions.ok() ? *decisions : HoldAll(question.recipients.size(), decisions.error()));
  if (mail.ok()) verdict.model = std::move(mail->model);
  return verdict;
}

Result<std::vector<RecipientDecision>> Judge::Decide(const CompiledPolicy& policy, const Question& question,
                                                     ReadMail& mail) const {
  mail.facts.mail_from = question.mail_from;
  for (const std::string& address : question.recipients) mail.facts.recipients.push_back({address, false});
  if (question.submitter.kind() == mail::v1::Submitter::KIND_RELAY) mail.facts.relay = question.submitter.principal();
  mail.facts.sender_groups = GroupsOf(question);
  if (policy.asks_first_contact)
    SEKISHO_RETURN_IF_ERROR(contacts_.MarkFirst(question.mail_from, mail.facts.recipients));
  std::optional<Duration> begun;  // when patterns were first looked for
  return Evaluate(policy, mail.facts, [&] {
    if (!begun) begun = ThreadTime();
    return ThreadTime() - *begun >= pattern_budget_;
  });
}

// Those of the login, and of whom the address belongs to: a relay has no login.
std::vector<std::string> Judge::GroupsOf(const Question& question) const {
  const auto directory = directory_.Current();
  std::set<std::string> groups;
  const directory::User* const login = directory->Find(question.submitter.principal());
  const directory::User* const owner = directory->FindByAddress(question.mail_from);
  for (const directory::User* user : {login, owner}) {
    if (user != nullptr) groups.insert(user->groups.begin(), user->groups.end());
  }
  return {groups.begin(), groups.end()};
}

Result<v1::ExplainMailResponse> Judge::Explain(const Question& question, const std::string& document) const {
  std::shared_ptr<const CompiledPolicy> policy = source_.Current();
  if (!document.empty()) {
    LoadedDocument loaded = LoadDocument(document, "document", source_.own_domains());
    if (!loaded.policy) return config::AsError(loaded.problems);
    policy = std::move(loaded.policy);
  }
  SEKISHO_TRY(const Verdict verdict, Run(*policy, question));
  v1::ExplainMailResponse response;
  response.set_policy_version(verdict.policy_version);
  for (const PlannedParcel& parcel : verdict.parcels) {
    v1::Decision& decision = *response.add_decisions();
    for (const uint32_t recipient : parcel.recipients) decision.add_recipients(question.recipients[recipient]);
    *decision.mutable_treatment() = parcel.treatment;
    for (const mail::v1::Reason& reason : parcel.reasons) *decision.add_reasons() = reason;
    for (const std::string& action : Actions(parcel.treatment)) decision.add_actions(action);
  }
  return response;
}

}  // namespace sekisho::policy

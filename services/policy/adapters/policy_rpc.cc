#include "services/policy/adapters/policy_rpc.h"

#include "services/policy/adapters/check_mail.h"
#include "services/policy/adapters/document_loader.h"
#include "services/policy/domain/address.h"
#include "shared/crypto/digest.h"
#include "shared/rpc/error.h"

namespace sekisho::policy {

grpc::ServerUnaryReactor* PolicyRpc::Answer(grpc::CallbackServerContext* context, std::string_view method, Work work) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  auto principal = authenticator_.Authenticate(*context, "/sekisho.policy.v1.PolicyService/" + std::string(method));
  if (!principal.ok()) {
    reactor->Finish(rpc::ToStatus(principal.error()));
    return reactor;
  }
  const bool posted = around_.workers.TryPost(
      [reactor, work = std::move(work), caller = *std::move(principal)] { reactor->Finish(work(caller)); });
  if (!posted) reactor->Finish(rpc::ToStatus(MakeError(Code::kExhausted, "too much to do; try again later")));
  return reactor;
}

grpc::ServerUnaryReactor* PolicyRpc::CheckPolicy(grpc::CallbackServerContext* context,
                                                 const v1::CheckPolicyRequest* request,
                                                 v1::CheckPolicyResponse* response) {
  return Answer(context, "CheckPolicy", [this, request, response](const rpc::Principal&) {
    const std::string file = request->file_name().empty() ? "document" : request->file_name();
    const LoadedDocument loaded = LoadDocument(request->document(), file, source_.own_domains());
    response->set_valid(loaded.policy != nullptr);
    response->set_version(loaded.version);
    for (const config::Problem& problem : loaded.problems) {
      auto& told = *response->add_problems();
      told.set_line(static_cast<uint32_t>(problem.place.line));
      told.set_column(static_cast<uint32_t>(problem.place.column));
      told.set_message(problem.path.empty() ? problem.message : problem.path + ": " + problem.message);
    }
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* PolicyRpc::ExplainMail(grpc::CallbackServerContext* context,
                                                 const v1::ExplainMailRequest* request,
                                                 v1::ExplainMailResponse* response) {
  return Answer(context, "ExplainMail", [this, request, response](const rpc::Principal& principal) {
    return Explain(principal, *request, *response);
  });
}

grpc::ServerUnaryReactor* PolicyRpc::GetPolicyVersion(grpc::CallbackServerContext* context,
                                                      const v1::GetPolicyVersionRequest*,
                                                      v1::GetPolicyVersionResponse* response) {
  return Answer(context, "GetPolicyVersion", [this, response](const rpc::Principal&) {
    response->set_version(source_.Current()->version);
    response->set_last_error(source_.last_error());
    return grpc::Status::OK;
  });
}

grpc::ServerUnaryReactor* PolicyRpc::CheckMail(grpc::CallbackServerContext* context,
                                               const v1::CheckMailRequest* request, v1::CheckMailResponse* response) {
  return Answer(context, "CheckMail", [this, context, request, response](const rpc::Principal&) {
    if (context->IsCancelled()) return grpc::Status::CANCELLED;  // it waited for a worker longer than its caller did
    auto checked = policy::CheckMail(judge_, *request);
    if (!checked.ok()) return rpc::ToStatus(checked.error());
    *response = *std::move(checked);
    return grpc::Status::OK;
  });
}

grpc::Status PolicyRpc::Explain(const rpc::Principal& principal, const v1::ExplainMailRequest& request,
                                v1::ExplainMailResponse& response) {
  std::vector<std::pair<std::string, std::string>> violations;
  if (request.raw().empty()) violations.emplace_back("raw", "is empty; give an RFC 5322 message");
  if (request.recipients().empty()) violations.emplace_back("recipients", "is empty; name at least one");
  if (!violations.empty()) return rpc::BadRequest(violations);
  Question question;
  question.raw = std::make_shared<const std::string>(request.raw());
  question.mail_from = request.mail_from();
  question.submitter.set_kind(mail::v1::Submitter::KIND_GRPC);
  for (const std::string& address : request.recipients()) question.recipients.push_back(ComparableAddress(address));
  auto explained = judge_.Explain(question, request.document());
  if (!explained.ok()) return rpc::ToStatus(explained.error());
  // Before the answer: whoever asks what would pass leaves a trace.
  if (const Status kept = Journal(principal, request, explained->policy_version()); !kept.ok())
    return rpc::ToStatus(kept.error());
  response = *std::move(explained);
  return grpc::Status::OK;
}

Status PolicyRpc::Journal(const rpc::Principal& principal, const v1::ExplainMailRequest& request,
                          const std::string& version) {
  const TimePoint now = around_.clock.Now();
  SEKISHO_TRY(const keys::MailKey key, around_.keys.NewMailKey(now));
  mail::v1::JournalEvent event;
  event.set_mail_id(std::string(MailId::Generate(now).octets()));
  event.set_type("explained");
  event.set_actor(principal.login);
  event.set_detail("policy " + version + (request.document().empty() ? "" : ", which was only tried") + ", " +
                   std::to_string(request.recipients_size()) + " recipients");
  event.set_content_sha256(crypto::Sha256(request.raw()));
  return committer_.CommitAndWait(
      [key, event](store::Tx&, stage::Outbox& outbox) { return outbox.Journal(key, event); });
}

}  // namespace sekisho::policy

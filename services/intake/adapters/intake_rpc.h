#pragma once
// sekisho.intake.v1.IntakeService: the integrators' door.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "sekisho/intake/v1/intake.grpc.pb.h"
#include "sekisho/policy/v1/policy.pb.h"
#include "services/intake/adapters/acceptor.h"
#include "services/intake/adapters/traces.h"
#include "shared/directory/directory.h"
#include "shared/rpc/auth.h"

namespace sekisho::intake {

// What policy would do with a mail; asked to answer `caller`, and not past their deadline.
using CheckMailFn = std::function<Result<policy::v1::CheckMailResponse>(const grpc::ServerContextBase& caller,
                                                                        const policy::v1::CheckMailRequest& request)>;

struct IntakeRpcOptions {
  std::string hostname;  // in the Message-ID of structured mail
  size_t max_recipients = 500;
  uint64_t max_message_octets = 50 << 20;
  uint32_t request_id_days = 7;
  size_t checks_per_minute = 30;  // for each principal: CheckMail must not teach what passes
};

class IntakeRpc final : public v1::IntakeService::Service {
 public:
  // All outlive it.
  IntakeRpc(const IntakeRpcOptions& options, const stage::Surroundings& surroundings, Acceptor& acceptor,
            const Traces& traces, directory::Directory& directory, const rpc::Authenticator& authenticator,
            CheckMailFn check_mail);

  grpc::Status SubmitMail(grpc::ServerContext*, const v1::SubmitMailRequest*, v1::SubmitMailResponse*) override;
  grpc::Status UploadMail(grpc::ServerContext*, grpc::ServerReader<v1::UploadMailRequest>*,
                          v1::SubmitMailResponse*) override;
  grpc::Status CheckMail(grpc::ServerContext*, const v1::CheckMailRequest*, v1::CheckMailResponse*) override;
  grpc::Status GetMail(grpc::ServerContext*, const v1::GetMailRequest*, v1::GetMailResponse*) override;
  grpc::Status ListMails(grpc::ServerContext*, const v1::ListMailsRequest*, v1::ListMailsResponse*) override;
  grpc::Status WatchMail(grpc::ServerContext*, const v1::WatchMailRequest*,
                         grpc::ServerWriter<v1::WatchMailResponse>*) override;
  grpc::Status RecallMail(grpc::ServerContext*, const v1::RecallMailRequest*, v1::RecallMailResponse*) override;
  grpc::Status GetLimits(grpc::ServerContext*, const v1::GetLimitsRequest*, v1::GetLimitsResponse*) override;

  void Stop();  // ends the watches

 private:
  // What SubmitMail and UploadMail know before the content.
  Result<Submission> MakeSubmission(const rpc::Principal& principal, const grpc::ServerContext& context,
                                    const std::string& mail_from,
                                    const google::protobuf::RepeatedPtrField<std::string>& recipients,
                                    const std::string& request_id) const;
  Result<std::string> RawOf(const v1::SubmitMailRequest& request) const;
  grpc::Status Finish(Incoming& incoming, v1::SubmitMailResponse* response);
  Status RequestRecall(const Traces::Own& own, const MailId& mail, const rpc::Principal& principal,
                       const google::protobuf::RepeatedPtrField<std::string>& recipients);
  bool WaitALittle();  // false when stopping
  bool MayCheck(const std::string& login);
  Status JournalCheck(const rpc::Principal& principal, const std::string& raw, size_t recipients);

  const IntakeRpcOptions options_;
  const stage::Surroundings around_;
  Acceptor& acceptor_;
  const Traces& traces_;
  directory::Directory& directory_;
  const rpc::Authenticator& authenticator_;
  const CheckMailFn check_mail_;
  stage::Committer committer_;
  std::atomic<int> watches_{0};
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::map<std::string, std::pair<std::chrono::steady_clock::time_point, size_t>> checks_;  // by login: since, how many
};

}  // namespace sekisho::intake

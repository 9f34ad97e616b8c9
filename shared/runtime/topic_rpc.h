#pragma once
// sekisho.stage.v1.TopicService: what lies on a topic, for those who may see it, and never without a trace in the
// journal. Thread safe.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "sekisho/stage/v1/topic.grpc.pb.h"
#include "shared/bus/tail.h"
#include "shared/rpc/auth.h"
#include "shared/stage/stage.h"

namespace sekisho::runtime {

class TopicRpc final : public stage::v1::TopicService::Service {
 public:
  // All outlive it. `stage`: of this process, one that may write to the journal; in its name that is done.
  TopicRpc(const rpc::Authenticator& authenticator, const stage::Surroundings& surroundings, std::string stage,
           bus::OpenTail open_tail)
      : authenticator_(authenticator),
        around_(surroundings),
        committer_(surroundings, std::move(stage)),
        open_tail_(std::move(open_tail)) {}

  grpc::Status TailTopic(grpc::ServerContext*, const stage::v1::TailTopicRequest*,
                         grpc::ServerWriter<stage::v1::TailTopicResponse>*) override;

  // Ends what is being read. Idempotent.
  void Stop();

 private:
  // Gives the mail id under which the ledger will have it. `mail`: nil when all are read.
  Result<MailId> Journal(const rpc::Principal& reader, bus::Topic topic, const MailId& mail, bool values);
  stage::v1::TopicRecord Show(const bus::Record& record, bool values);
  bool WaitALittle();  // false when stopping

  const rpc::Authenticator& authenticator_;
  const stage::Surroundings around_;
  stage::Committer committer_;
  const bus::OpenTail open_tail_;
  std::atomic<int> readers_{0};
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
};

}  // namespace sekisho::runtime

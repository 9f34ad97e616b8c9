#include "services/delivery/adapters/delivery_rpc.h"

#include "services/delivery/adapters/queue_table.h"
#include "shared/observe/log.h"
#include "shared/rpc/error.h"
#include "shared/stage/proto_time.h"

namespace sekisho::delivery {

grpc::ServerUnaryReactor* DeliveryRpc::Answer(grpc::CallbackServerContext* context, std::string_view method,
                                              Work work) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  auto principal = authenticator_.Authenticate(*context, "/sekisho.delivery.v1.DeliveryService/" + std::string(method));
  if (!principal.ok()) {
    reactor->Finish(rpc::ToStatus(principal.error()));
    return reactor;
  }
  const bool posted = around_.workers.TryPost([reactor, work = std::move(work), caller = *std::move(principal)] {
    const Status done = work(caller);
    reactor->Finish(done.ok() ? grpc::Status::OK : rpc::ToStatus(done.error()));
  });
  if (!posted) reactor->Finish(rpc::ToStatus(MakeError(Code::kExhausted, "too much to do; try again later")));
  return reactor;
}

grpc::ServerUnaryReactor* DeliveryRpc::SummarizeQueue(grpc::CallbackServerContext* context,
                                                      const v1::SummarizeQueueRequest*,
                                                      v1::SummarizeQueueResponse* response) {
  return Answer(context, "SummarizeQueue", [this, response](const rpc::Principal&) { return Summarize(*response); });
}

grpc::ServerUnaryReactor* DeliveryRpc::SuspendDestination(grpc::CallbackServerContext* context,
                                                          const v1::SuspendDestinationRequest* request,
                                                          v1::SuspendDestinationResponse*) {
  return Answer(context, "SuspendDestination", [this, request](const rpc::Principal&) {
    observe::Log(observe::Level::kInfo, "delivery.suspend", {{"destination", request->destination()}});
    return dispatcher_.Suspend(request->destination());
  });
}

grpc::ServerUnaryReactor* DeliveryRpc::ResumeDestination(grpc::CallbackServerContext* context,
                                                         const v1::ResumeDestinationRequest* request,
                                                         v1::ResumeDestinationResponse*) {
  return Answer(context, "ResumeDestination", [this, request](const rpc::Principal&) {
    observe::Log(observe::Level::kInfo, "delivery.resume", {{"destination", request->destination()}});
    return dispatcher_.Resume(request->destination());
  });
}

// Numbers from memory; only the age of the oldest is asked of the database, for this caller.
Status DeliveryRpc::Summarize(v1::SummarizeQueueResponse& response) const {
  const TimePoint now = around_.clock.Now();
  for (const Dispatcher::Summary& summary : dispatcher_.Summaries()) {
    auto& told = *response.add_destinations();
    told.set_destination(summary.name.Display());
    told.set_queued(summary.queued);
    told.set_sending(summary.sending);
    told.set_deferred(summary.deferred);
    told.set_suspended(summary.suspended);
    told.set_last_error(summary.last_error);
    if (summary.next_attempt != TimePoint::max()) *told.mutable_next_attempt() = ToProto(summary.next_attempt);
    SEKISHO_RETURN_IF_ERROR(around_.database.Read([&](store::Tx& tx) -> Status {
      SEKISHO_TRY(const auto oldest, OldestQueued(tx, summary.index));
      if (oldest) *told.mutable_oldest_age() = ToProto(std::max(Duration{}, now - *oldest));
      return Ok();
    }));
  }
  return Ok();
}

}  // namespace sekisho::delivery

#include "shared/runtime/stage_rpc.h"

#include "shared/observe/log.h"
#include "shared/observe/metrics.h"
#include "shared/rpc/error.h"
#include "shared/stage/proto_time.h"

namespace sekisho::runtime {
namespace {

constexpr char kService[] = "/sekisho.stage.v1.StageService/";

}  // namespace

grpc::Status StageRpc::ListServices(grpc::ServerContext* context, const stage::v1::ListServicesRequest*,
                                    stage::v1::ListServicesResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListServices");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  for (const config::v1::Service& service : config_.services()) {
    stage::v1::ServiceAddress& one = *response->add_services();
    one.set_service(service.name());
    one.set_instance(service.instance());
    one.set_address(service.address());
  }
  return grpc::Status::OK;
}

grpc::Status StageRpc::ListQueues(grpc::ServerContext* context, const stage::v1::ListQueuesRequest*,
                                  stage::v1::ListQueuesResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListQueues");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  for (const stage::Stage* stage : stages_) {
    for (stage::v1::Queue& queue : stage->Queues()) *response->add_queues() = std::move(queue);
  }
  return grpc::Status::OK;
}

grpc::Status StageRpc::ListWaiting(grpc::ServerContext* context, const stage::v1::ListWaitingRequest*,
                                   stage::v1::ListWaitingResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListWaiting");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  for (const stage::Stage* stage : stages_) {
    auto waiting = stage->Waiting();
    if (!waiting.ok()) return rpc::ToStatus(waiting.error());
    for (stage::v1::WaitingRecord& record : *waiting) *response->add_records() = std::move(record);
  }
  return grpc::Status::OK;
}

grpc::Status StageRpc::ListParked(grpc::ServerContext* context, const stage::v1::ListParkedRequest* request,
                                  stage::v1::ListParkedResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "ListParked");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  std::optional<EventId> only;
  if (!request->event_id().empty()) {
    const auto event = EventId::Parse(request->event_id());
    if (!event.ok()) return rpc::BadRequest({{"event_id", event.error().detail}});
    only = *event;
  }
  for (const stage::Stage* stage : stages_) {
    auto parked = stage->Parked(only);
    if (!parked.ok()) return rpc::ToStatus(parked.error());
    for (stage::v1::ParkedRecord& record : *parked) *response->add_records() = std::move(record);
  }
  return grpc::Status::OK;
}

grpc::Status StageRpc::RedriveParked(grpc::ServerContext* context, const stage::v1::RedriveParkedRequest* request,
                                     stage::v1::RedriveParkedResponse* response) {
  const auto principal = authenticator_.Authenticate(*context, std::string(kService) + "RedriveParked");
  if (!principal.ok()) return rpc::ToStatus(principal.error());
  const auto event = EventId::Parse(request->event_id());
  if (!event.ok()) return rpc::BadRequest({{"event_id", event.error().detail}});
  Error last = MakeError(Code::kNotFound, "no record " + event->ToString() + " is parked");
  for (stage::Stage* stage : stages_) {
    const auto redriven = stage->Redrive(*event);
    if (redriven.ok()) {
      observe::Log(observe::Level::kInfo, "dlq.redriven", {{"event", event->ToString()}, {"as", redriven->ToString()}});
      response->set_new_event_id(redriven->ToString());
      return grpc::Status::OK;
    }
    if (redriven.error().code != Code::kNotFound) last = redriven.error();
  }
  return rpc::ToStatus(last);
}

int ExposeStages(std::vector<stage::Stage*> stages) {
  return observe::Metrics::Global().OnCollect([stages = std::move(stages)] {
    auto& metrics = observe::Metrics::Global();
    for (const stage::Stage* stage : stages) {
      for (const stage::v1::Queue& queue : stage->Queues()) {
        const observe::Labels labels = {{"stage", queue.stage()}, {"topic", queue.topic()}};
        metrics.GetGauge("sekisho_stage_depth", "Records not yet finished", labels)
            .Set(static_cast<double>(queue.depth()));
        metrics.GetGauge("sekisho_stage_oldest_age_seconds", "Age of the oldest record not yet finished", labels)
            .Set(static_cast<double>(FromProto(queue.oldest_age()).count()) / 1e6);
        metrics.GetGauge("sekisho_stage_in_flight", "Records in work", labels)
            .Set(static_cast<double>(queue.in_flight()));
        metrics.GetGauge("sekisho_stage_waiting", "Records to be tried again", labels)
            .Set(static_cast<double>(queue.waiting()));
        metrics.GetGauge("sekisho_stage_parked", "Records that were given up", labels)
            .Set(static_cast<double>(queue.parked()));
        metrics.GetGauge("sekisho_stage_paused", "1 while a dependency is down", labels).Set(queue.paused() ? 1 : 0);
      }
    }
  });
}

}  // namespace sekisho::runtime

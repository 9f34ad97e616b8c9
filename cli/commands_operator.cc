// queue summary, queue suspend, queue resume, dlq list, dlq show, dlq redrive.

#include <iomanip>
#include <iostream>

#include "cli/app.h"
#include "cli/print.h"
#include "sekisho/delivery/v1/delivery.grpc.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

namespace sekisho::cli {

using delivery::v1::DeliveryService;
using stage::v1::StageService;

namespace {

Exit Summarize(Client& client) {
  stage::v1::ListQueuesResponse stages;
  if (Exit done = client.Call<StageService>(&StageService::Stub::ListQueues, stage::v1::ListQueuesRequest(), &stages);
      !done.ok()) {
    return done;
  }
  delivery::v1::SummarizeQueueResponse queue;
  if (Exit done = client.Call<DeliveryService>(&DeliveryService::Stub::SummarizeQueue,
                                               delivery::v1::SummarizeQueueRequest(), &queue);
      !done.ok()) {
    return done;
  }
  if (client.json()) {
    Json json = {{"stages", Json::array()}, {"destinations", Json::array()}};
    for (const auto& one : stages.queues()) {
      json["stages"].push_back({{"stage", one.stage()},
                                {"topic", one.topic()},
                                {"depth", one.depth()},
                                {"oldest_age", DurationText(one.oldest_age())},
                                {"in_flight", one.in_flight()},
                                {"waiting", one.waiting()},
                                {"parked", one.parked()},
                                {"paused", one.paused()},
                                {"pause_reason", one.pause_reason()}});
    }
    for (const auto& one : queue.destinations()) {
      json["destinations"].push_back({{"destination", one.destination()},
                                      {"queued", one.queued()},
                                      {"sending", one.sending()},
                                      {"deferred", one.deferred()},
                                      {"oldest_age", DurationText(one.oldest_age())},
                                      {"next_attempt", TimeText(one.next_attempt())},
                                      {"suspended", one.suspended()},
                                      {"last_error", one.last_error()}});
    }
    PrintJson(json);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : stages.queues()) {
    rows.push_back({one.stage(), one.topic(), std::to_string(one.depth()), DurationText(one.oldest_age()),
                    std::to_string(one.waiting()), std::to_string(one.parked()),
                    one.paused() ? one.pause_reason() : ""});
  }
  PrintTable({"STAGE", "TOPIC", "DEPTH", "OLDEST", "WAITING", "PARKED", "PAUSED"}, rows);
  std::cout << "\n";
  rows.clear();
  for (const auto& one : queue.destinations()) {
    rows.push_back({one.destination(), std::to_string(one.queued()), std::to_string(one.sending()),
                    std::to_string(one.deferred()), DurationText(one.oldest_age()), TimeText(one.next_attempt()),
                    one.suspended() ? "suspended" : one.last_error()});
  }
  PrintTable({"DESTINATION", "QUEUED", "SENDING", "DEFERRED", "OLDEST", "NEXT", "LAST ERROR"}, rows);
  return {};
}

template <typename Request, typename Response>
void AddSwitch(CLI::App* queue, Chosen& chosen, const char* verb, const char* help, const char* done_word,
               grpc::Status (DeliveryService::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  auto* command = queue->add_subcommand(verb, help);
  auto destination = std::make_shared<std::string>();
  command->add_option("destination", *destination, "As queue summary names it")->required();
  OnRun(command, chosen, [=](Client& client) -> Exit {
    Request request;
    request.set_destination(*destination);
    Response response;
    if (Exit done = client.Call<DeliveryService>(method, request, &response); !done.ok()) return done;
    if (client.json())
      PrintJson({{"destination", *destination}, {"state", done_word}});
    else
      std::cout << *destination << " is " << done_word << ".\n";
    return {};
  });
}

Json ToJson(const stage::v1::ParkedRecord& record) {
  return {{"event_id", record.event_id()},
          {"stage", record.stage()},
          {"topic", record.topic()},
          {"mail_id", record.mail_id()},
          {"cause", record.cause()},
          {"attempts", record.attempts()},
          {"parked_at", TimeText(record.parked_at())}};
}

Exit ShowParked(Client& client, const std::string& event) {
  stage::v1::ListParkedRequest request;
  request.set_event_id(event);
  stage::v1::ListParkedResponse response;
  if (Exit done = client.Call<StageService>(&StageService::Stub::ListParked, request, &response); !done.ok())
    return done;
  if (response.records().empty()) return {kNoSuch, "No record " + event + " is parked; it may have been redriven."};
  const stage::v1::ParkedRecord& record = response.records(0);
  if (client.json()) {
    Json json = ToJson(record);
    json["source"] = record.source();
    json["type"] = record.type();
    json["produced_at"] = TimeText(record.produced_at());
    json["traceparent"] = record.traceparent();
    json["redriven_from"] = record.redriven_from();
    PrintJson(json);
    return {};
  }
  const auto line = [](const char* name, const std::string& value) {
    if (!value.empty()) std::cout << std::left << std::setw(15) << name << ForTerminal(value) << "\n";
  };
  line("event", record.event_id());
  line("redriven from", record.redriven_from());
  line("mail", record.mail_id());
  line("topic", record.topic());
  line("produced by", record.source());
  line("produced at", TimeText(record.produced_at()));
  line("type", record.type());
  line("trace", record.traceparent());
  line("parked by", record.stage());
  line("parked at", TimeText(record.parked_at()));
  line("attempts", std::to_string(record.attempts()));
  line("cause", record.cause());
  return {};
}

void AddDeadLetters(CLI::App& app, Chosen& chosen) {
  auto* dlq = app.add_subcommand("dlq", "Records that were parked because they kept failing");
  dlq->require_subcommand(1);
  auto* list = dlq->add_subcommand("list", "What is parked, and why");
  OnRun(list, chosen, [](Client& client) -> Exit {
    stage::v1::ListParkedResponse response;
    if (Exit done =
            client.Call<StageService>(&StageService::Stub::ListParked, stage::v1::ListParkedRequest(), &response);
        !done.ok()) {
      return done;
    }
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : response.records()) {
      json.push_back(ToJson(one));
      rows.push_back({one.event_id(), one.stage(), one.mail_id(), TimeText(one.parked_at()), one.cause()});
    }
    if (client.json())
      PrintJson(json);
    else
      PrintTable({"EVENT", "STAGE", "MAIL", "PARKED", "CAUSE"}, rows);
    return {};
  });
  auto* show = dlq->add_subcommand("show", "One of them: where it comes from, what became of it");
  auto shown = std::make_shared<std::string>();
  show->add_option("event-id", *shown)->required();
  OnRun(show, chosen, [shown](Client& client) { return ShowParked(client, *shown); });
  auto* redrive = dlq->add_subcommand("redrive", "Run one again, checked like any other");
  auto event = std::make_shared<std::string>();
  redrive->add_option("event-id", *event)->required();
  OnRun(redrive, chosen, [event](Client& client) -> Exit {
    stage::v1::RedriveParkedRequest request;
    request.set_event_id(*event);
    stage::v1::RedriveParkedResponse response;
    if (Exit done = client.Call<StageService>(&StageService::Stub::RedriveParked, request, &response); !done.ok())
      return done;
    if (client.json())
      PrintJson({{"event_id", *event}, {"new_event_id", response.new_event_id()}});
    else
      std::cout << "Runs again as " << response.new_event_id() << ".\n";
    return {};
  });
}

}  // namespace

void AddOperatorCommands(CLI::App& app, Chosen& chosen) {
  auto* queue = app.add_subcommand("queue", "What waits, where, for how long");
  queue->require_subcommand(1);
  OnRun(queue->add_subcommand("summary", "Stages and destinations"), chosen, Summarize);
  AddSwitch<delivery::v1::SuspendDestinationRequest, delivery::v1::SuspendDestinationResponse>(
      queue, chosen, "suspend", "Stop sending to a destination; its mail waits", "suspended",
      &DeliveryService::Stub::SuspendDestination);
  AddSwitch<delivery::v1::ResumeDestinationRequest, delivery::v1::ResumeDestinationResponse>(
      queue, chosen, "resume", "Send to a destination again", "resumed", &DeliveryService::Stub::ResumeDestination);
  AddDeadLetters(app, chosen);
}

}  // namespace sekisho::cli

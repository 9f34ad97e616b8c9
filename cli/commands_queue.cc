// queue summary, suspend, resume.

#include <algorithm>
#include <iostream>
#include <map>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/delivery/v1/delivery.grpc.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

namespace sekisho::cli {

using delivery::v1::DeliveryService;
using stage::v1::StageService;

namespace {

using StageAnswers = std::vector<Answer<stage::v1::ListQueuesResponse>>;

// One row for each stage and topic. Instances share the topic's records between them, and its waiting and parked ones.
std::vector<stage::v1::Queue> MergeQueues(const StageAnswers& answers) {
  std::vector<stage::v1::Queue> merged;
  for (const auto& answer : answers) {
    for (const auto& one : answer.response.queues()) {
      const auto same = std::find_if(merged.begin(), merged.end(), [&](const stage::v1::Queue& queue) {
        return queue.stage() == one.stage() && queue.topic() == one.topic();
      });
      if (same == merged.end()) {
        merged.push_back(one);
        continue;
      }
      same->set_depth(same->depth() + one.depth());
      same->set_in_flight(same->in_flight() + one.in_flight());
      same->set_waiting(std::max(same->waiting(), one.waiting()));
      same->set_parked(std::max(same->parked(), one.parked()));
      if (one.oldest_age().seconds() > same->oldest_age().seconds()) *same->mutable_oldest_age() = one.oldest_age();
      if (one.paused() && !same->paused()) {
        same->set_paused(true);
        same->set_pause_reason(one.pause_reason());
      }
    }
  }
  return merged;
}

Json SummaryJson(const std::vector<stage::v1::Queue>& queues, const delivery::v1::SummarizeQueueResponse& delivery,
                 const StageAnswers& answers) {
  Json json = {{"stages", Json::array()}, {"destinations", Json::array()}, {"unreachable", Json::array()}};
  for (const auto& one : queues) {
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
  for (const auto& one : delivery.destinations()) {
    json["destinations"].push_back({{"destination", one.destination()},
                                    {"queued", one.queued()},
                                    {"sending", one.sending()},
                                    {"deferred", one.deferred()},
                                    {"oldest_age", DurationText(one.oldest_age())},
                                    {"next_attempt", TimeText(one.next_attempt())},
                                    {"suspended", one.suspended()},
                                    {"last_error", one.last_error()}});
  }
  for (const auto& answer : answers) {
    if (answer.exit.ok()) continue;
    json["unreachable"].push_back(
        {{"service", answer.place.service}, {"instance", answer.place.instance}, {"address", answer.place.address}});
  }
  return json;
}

void PrintSummary(const std::vector<stage::v1::Queue>& queues, const delivery::v1::SummarizeQueueResponse& delivery,
                  const StageAnswers& answers) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : queues) {
    rows.push_back({one.stage(), one.topic(), std::to_string(one.depth()), DurationText(one.oldest_age()),
                    std::to_string(one.waiting()), std::to_string(one.parked()),
                    one.paused() ? one.pause_reason() : ""});
  }
  for (const auto& answer : answers) {
    if (!answer.exit.ok()) rows.push_back({answer.place.Name(), "", "?", "?", "?", "?", "does not answer"});
  }
  PrintTable({"STAGE", "TOPIC", "DEPTH", "OLDEST", "WAITING", "PARKED", "PAUSED"}, rows);
  std::cout << "\n";
  rows.clear();
  for (const auto& one : delivery.destinations()) {
    rows.push_back({one.destination(), std::to_string(one.queued()), std::to_string(one.sending()),
                    std::to_string(one.deferred()), DurationText(one.oldest_age()), TimeText(one.next_attempt()),
                    one.suspended() ? "suspended" : one.last_error()});
  }
  PrintTable({"DESTINATION", "QUEUED", "SENDING", "DEFERRED", "OLDEST", "NEXT", "LAST ERROR"}, rows);
}

Exit Summarize(Client& client) {
  StageAnswers answers;
  if (Exit done =
          AskEvery<StageService>(client, &StageService::Stub::ListQueues, stage::v1::ListQueuesRequest(), answers);
      !done.ok()) {
    return done;
  }
  delivery::v1::SummarizeQueueResponse delivery;
  const Exit asked = client.Call<DeliveryService>(&DeliveryService::Stub::SummarizeQueue,
                                                  delivery::v1::SummarizeQueueRequest(), &delivery);
  if (!asked.ok() && asked.code != kUnavailable) return asked;
  const std::vector<stage::v1::Queue> queues = MergeQueues(answers);
  if (client.json())
    PrintJson(SummaryJson(queues, delivery, answers));
  else
    PrintSummary(queues, delivery, answers);
  const Exit missing = Missing(answers);
  return missing.ok() ? asked : missing;
}

// Suspension is every instance's to know at once.
template <typename Request, typename Response>
void AddSwitch(CLI::App* queue, Chosen& chosen, const char* verb, const char* help, const char* done_word,
               grpc::Status (DeliveryService::Stub::*method)(grpc::ClientContext*, const Request&, Response*)) {
  auto* command = queue->add_subcommand(verb, help);
  auto destination = std::make_shared<std::string>();
  command->add_option("destination", *destination, "As queue summary names it")->required();
  OnRun(command, chosen, [=](Client& client) -> Exit {
    Request request;
    request.set_destination(*destination);
    std::vector<Answer<Response>> answers;
    if (Exit done = AskEvery<DeliveryService>(client, method, request, answers, "delivery"); !done.ok()) return done;
    if (Exit missing = Missing(answers); !missing.ok()) return missing;
    if (client.json())
      PrintJson({{"destination", *destination}, {"state", done_word}});
    else
      std::cout << *destination << " is " << done_word << ".\n";
    return {};
  });
}

}  // namespace

void AddQueueCommands(CLI::App& app, Chosen& chosen) {
  auto* queue = app.add_subcommand("queue", "What waits, where, for how long");
  queue->require_subcommand(1);
  OnRun(queue->add_subcommand("summary", "Stages and destinations"), chosen, Summarize);
  AddWaitingCommands(queue, chosen);
  AddSwitch<delivery::v1::SuspendDestinationRequest, delivery::v1::SuspendDestinationResponse>(
      queue, chosen, "suspend", "Stop sending to a destination; its mail waits", "suspended",
      &DeliveryService::Stub::SuspendDestination);
  AddSwitch<delivery::v1::ResumeDestinationRequest, delivery::v1::ResumeDestinationResponse>(
      queue, chosen, "resume", "Send to a destination again", "resumed", &DeliveryService::Stub::ResumeDestination);
}

}  // namespace sekisho::cli

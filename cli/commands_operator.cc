// dlq list, dlq redrive.

#include <iostream>
#include <set>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

namespace sekisho::cli {

using stage::v1::StageService;

namespace {

void AddDeadLetters(CLI::App& app, Chosen& chosen) {
  auto* dlq = app.add_subcommand("dlq", "Records that were parked because they kept failing");
  dlq->require_subcommand(1);
  auto* list = dlq->add_subcommand("list", "What is parked, and why");
  OnRun(list, chosen, [](Client& client) -> Exit {
    std::vector<Answer<stage::v1::ListParkedResponse>> answers;
    if (Exit done =
            AskEvery<StageService>(client, &StageService::Stub::ListParked, stage::v1::ListParkedRequest(), answers);
        !done.ok()) {
      return done;
    }
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows;
    std::set<std::string> seen;  // instances of a service tell of the same records
    for (const auto& answer : answers)
      for (const auto& one : answer.response.records()) {
        if (!seen.insert(one.event_id()).second) continue;
        json.push_back({{"event_id", one.event_id()},
                        {"stage", one.stage()},
                        {"topic", one.topic()},
                        {"mail_id", one.mail_id()},
                        {"cause", one.cause()},
                        {"attempts", one.attempts()},
                        {"parked_at", TimeText(one.parked_at())}});
        rows.push_back({one.event_id(), one.stage(), one.mail_id(), TimeText(one.parked_at()), one.cause()});
      }
    if (client.json())
      PrintJson(json);
    else
      PrintTable({"EVENT", "STAGE", "MAIL", "PARKED", "CAUSE"}, rows);
    return Missing(answers);
  });
  auto* redrive = dlq->add_subcommand("redrive", "Run one again, checked like any other");
  auto event = std::make_shared<std::string>();
  redrive->add_option("event-id", *event)->required();
  OnRun(redrive, chosen, [event](Client& client) -> Exit {
    stage::v1::RedriveParkedRequest request;
    request.set_event_id(*event);
    stage::v1::RedriveParkedResponse response;
    std::vector<Place> places;
    if (Exit done = client.Places(places); !done.ok()) return done;
    Exit done;
    for (const Place& place : places) {  // until the one that has it
      Exit here = client.CallAt<StageService>(place, &StageService::Stub::RedriveParked, request, &response);
      if (done.ok() || done.code == kNoSuch || here.ok()) done = std::move(here);
      if (done.ok()) break;
    }
    if (!done.ok()) return done;
    if (client.json())
      PrintJson({{"event_id", *event}, {"new_event_id", response.new_event_id()}});
    else
      std::cout << "Runs again as " << response.new_event_id() << ".\n";
    return {};
  });
}

}  // namespace

void AddOperatorCommands(CLI::App& app, Chosen& chosen) {
  AddQueueCommands(app, chosen);
  AddDeadLetters(app, chosen);
}

}  // namespace sekisho::cli

// dlq list, dlq show, dlq redrive.

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <set>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

namespace sekisho::cli {

using stage::v1::StageService;

namespace {

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
  std::vector<Answer<stage::v1::ListParkedResponse>> answers;
  if (Exit done = AskEvery<StageService>(client, &StageService::Stub::ListParked, request, answers); !done.ok())
    return done;
  const auto found = std::find_if(answers.begin(), answers.end(),
                                  [](const auto& answer) { return !answer.response.records().empty(); });
  if (found == answers.end()) {
    const Exit missing = Missing(answers);
    if (!missing.ok()) return missing;
    return {kNoSuch, "No record " + event + " is parked; it may have been redriven."};
  }
  const stage::v1::ParkedRecord& record = found->response.records(0);
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
    std::vector<Answer<stage::v1::ListParkedResponse>> answers;
    if (Exit done =
            AskEvery<StageService>(client, &StageService::Stub::ListParked, stage::v1::ListParkedRequest(), answers);
        !done.ok()) {
      return done;
    }
    Json json = Json::array();
    std::vector<std::vector<std::string>> rows;
    std::set<std::string> seen;  // instances of a service tell of the same records
    for (const auto& answer : answers) {
      for (const auto& one : answer.response.records()) {
        if (!seen.insert(one.event_id()).second) continue;
        json.push_back(ToJson(one));
        rows.push_back({one.event_id(), one.stage(), one.mail_id(), TimeText(one.parked_at()), one.cause()});
      }
    }
    if (client.json())
      PrintJson(json);
    else
      PrintTable({"EVENT", "STAGE", "MAIL", "PARKED", "CAUSE"}, rows);
    return Missing(answers);
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

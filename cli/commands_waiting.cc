// queue shape, list, show: what waits, how long already, and for what.

#include <algorithm>
#include <iostream>
#include <map>
#include <numeric>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/approval/v1/approval.grpc.pb.h"
#include "sekisho/delivery/v1/delivery.grpc.pb.h"
#include "sekisho/intake/v1/intake.grpc.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

namespace sekisho::cli {

using approval::v1::ApprovalService;
using delivery::v1::DeliveryService;
using intake::v1::IntakeService;
using stage::v1::StageService;

namespace {

// Goes on without those that are away, and remembers them for the end.
class Absences {
 public:
  // False when the command must end with `exit`.
  bool Bear(const Exit& exit) {
    if (exit.ok()) return true;
    if (exit.code != kUnavailable) return false;
    told_.code = kUnavailable;
    told_.message += (told_.message.empty() ? "" : "; ") + exit.message;
    return true;
  }
  const Exit& told() const { return told_; }

 private:
  Exit told_;
};

Exit ListHolds(Client& client, approval::v1::ListHoldsResponse* response) {
  approval::v1::ListHoldsRequest request;
  request.set_all(true);
  return client.Call<ApprovalService>(&ApprovalService::Stub::ListHolds, request, response);
}

std::string AgeName(const google::protobuf::Duration& age) { return std::to_string(age.seconds() / 60) + "m"; }

// How many of each age, in the bands that delivery told.
struct Band {
  std::string what;
  std::vector<uint64_t> counts;
  uint64_t Total() const { return std::accumulate(counts.begin(), counts.end(), uint64_t{0}); }
};

std::vector<Band> BandsOfHolds(const approval::v1::ListHoldsResponse& holds,
                               const google::protobuf::RepeatedPtrField<google::protobuf::Duration>& ages) {
  const int64_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::map<std::string, Band> by_class;
  for (const auto& hold : holds.holds()) {
    Band& band = by_class[HoldClassName(hold.hold_class())];
    band.counts.resize(static_cast<size_t>(ages.size()) + 1);
    const auto older = std::find_if(ages.begin(), ages.end(), [&](const google::protobuf::Duration& age) {
      return now - hold.held_at().seconds() < age.seconds();
    });
    band.counts[static_cast<size_t>(older - ages.begin())] += static_cast<uint64_t>(hold.recipients_size());
  }
  std::vector<Band> bands;
  for (auto& [name, band] : by_class) {
    band.what = name;
    bands.push_back(std::move(band));
  }
  return bands;
}

Json ToJson(const char* key, const std::vector<Band>& bands) {
  Json json = Json::array();
  for (const Band& band : bands) json.push_back({{key, band.what}, {"total", band.Total()}, {"counts", band.counts}});
  return json;
}

Exit Shape(Client& client) {
  Absences absences;
  delivery::v1::ShapeQueueResponse shape;
  if (Exit done =
          client.Call<DeliveryService>(&DeliveryService::Stub::ShapeQueue, delivery::v1::ShapeQueueRequest(), &shape);
      !done.ok()) {
    return done;  // it tells the ages
  }
  approval::v1::ListHoldsResponse holds;
  if (const Exit asked = ListHolds(client, &holds); !absences.Bear(asked)) return asked;
  std::vector<Band> destinations;
  for (const auto& one : shape.destinations())
    destinations.push_back({one.destination(), {one.counts().begin(), one.counts().end()}});
  const std::vector<Band> classes = BandsOfHolds(holds, shape.ages());
  std::vector<std::string> ages;
  for (const auto& age : shape.ages()) ages.push_back(AgeName(age));
  if (client.json()) {
    PrintJson({{"ages", ages},
               {"destinations", ToJson("destination", destinations)},
               {"holds", ToJson("hold_class", classes)}});
    return absences.told();
  }
  std::vector<std::string> header = {"RECIPIENTS", "TOTAL"};
  for (const std::string& age : ages) header.push_back("<" + age);
  header.push_back("OLDER");
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& what, const Band& band) {
    rows.push_back({what, std::to_string(band.Total())});
    for (const uint64_t count : band.counts) rows.back().push_back(std::to_string(count));
  };
  for (const Band& band : destinations) add(band.what, band);
  for (const Band& band : classes) add("held: " + band.what, band);
  PrintTable(header, rows);
  return absences.told();
}

// Something that waits: a recipient in delivery, a held parcel, a stage's record.
struct Wait {
  std::string mail_id, stage, where;
  std::vector<std::string> recipients;
  std::string since, next, why;
};

struct Filter {
  std::string stage, destination, mail_id;
  uint32_t limit = 100;
  bool Wants(std::string_view of_stage) const { return stage.empty() || stage == of_stage; }
};

Exit CollectQueued(Client& client, const Filter& filter, std::vector<Wait>& waits) {
  delivery::v1::ListQueuedRequest request;
  request.set_destination(filter.destination);
  request.set_mail_id(filter.mail_id);
  for (uint32_t left = filter.limit; left > 0;) {
    request.set_page_size(std::min(left, 500u));
    delivery::v1::ListQueuedResponse response;
    if (Exit done = client.Call<DeliveryService>(&DeliveryService::Stub::ListQueued, request, &response); !done.ok())
      return done;
    for (const auto& one : response.recipients()) {
      waits.push_back({one.mail_id(),
                       "delivery",
                       one.destination(),
                       {one.address()},
                       TimeText(one.queued_at()),
                       TimeText(one.next_attempt()),
                       one.reason()});
    }
    left -= static_cast<uint32_t>(response.recipients_size());
    request.set_page_token(response.next_page_token());
    if (response.next_page_token().empty()) break;
  }
  return {};
}

Exit CollectHolds(Client& client, const Filter& filter, std::vector<Wait>& waits) {
  approval::v1::ListHoldsResponse response;
  if (Exit done = ListHolds(client, &response); !done.ok()) return done;
  for (const auto& one : response.holds()) {
    if (!filter.mail_id.empty() && one.mail_id() != filter.mail_id) continue;
    std::string why;
    for (const auto& reason : one.reasons()) why += (why.empty() ? "" : "; ") + reason.text_en();
    waits.push_back({one.mail_id(),
                     "approval",
                     "held: " + HoldClassName(one.hold_class()),
                     {one.recipients().begin(), one.recipients().end()},
                     TimeText(one.held_at()),
                     TimeText(one.due()),
                     why});
  }
  return {};
}

// What a stage has put aside to try again, and what it has given up.
Exit CollectRecords(Client& client, const Filter& filter, std::vector<Wait>& waits, Absences& absences) {
  std::vector<Answer<stage::v1::ListWaitingResponse>> waiting;
  if (Exit done =
          AskEvery<StageService>(client, &StageService::Stub::ListWaiting, stage::v1::ListWaitingRequest(), waiting);
      !done.ok()) {
    return done;
  }
  std::vector<Answer<stage::v1::ListParkedResponse>> parked;
  if (Exit done =
          AskEvery<StageService>(client, &StageService::Stub::ListParked, stage::v1::ListParkedRequest(), parked);
      !done.ok()) {
    return done;
  }
  std::map<std::string, Wait> by_event;  // instances of a service tell of the same records
  for (const auto& answer : waiting) {
    absences.Bear(answer.exit);
    for (const auto& one : answer.response.records()) {
      by_event[one.event_id()] = {
          one.mail_id(), one.stage(), "from " + one.topic(), {}, "", TimeText(one.next_attempt()), one.cause()};
    }
  }
  for (const auto& answer : parked) {
    for (const auto& one : answer.response.records()) {
      by_event[one.event_id()] = {
          one.mail_id(), one.stage(), "parked from " + one.topic(), {}, TimeText(one.parked_at()), "", one.cause()};
    }
  }
  for (auto& [event, wait] : by_event) {
    if (filter.Wants(wait.stage) && (filter.mail_id.empty() || wait.mail_id == filter.mail_id))
      waits.push_back(std::move(wait));
  }
  return {};
}

Exit Collect(Client& client, const Filter& filter, std::vector<Wait>& waits, Absences& absences) {
  if (filter.destination.empty()) {
    if (const Exit done = CollectRecords(client, filter, waits, absences); !done.ok()) return done;
    if (filter.Wants("approval")) {
      if (const Exit done = CollectHolds(client, filter, waits); !absences.Bear(done)) return done;
    }
  }
  if (filter.Wants("delivery")) {
    if (const Exit done = CollectQueued(client, filter, waits); !absences.Bear(done)) return done;
  }
  return {};
}

Json ToJson(const std::vector<Wait>& waits) {
  Json json = Json::array();
  for (const Wait& wait : waits) {
    json.push_back({{"mail_id", wait.mail_id},
                    {"stage", wait.stage},
                    {"where", wait.where},
                    {"recipients", wait.recipients},
                    {"since", wait.since},
                    {"next", wait.next},
                    {"why", wait.why}});
  }
  return json;
}

void PrintWaits(const std::vector<Wait>& waits) {
  std::vector<std::vector<std::string>> rows;
  for (const Wait& wait : waits) {
    std::string recipients = wait.recipients.empty() ? "" : wait.recipients.front();
    if (wait.recipients.size() > 1) recipients += " +" + std::to_string(wait.recipients.size() - 1);
    rows.push_back(
        {wait.mail_id, wait.stage, wait.where, ForTerminal(recipients), wait.since, wait.next, ForTerminal(wait.why)});
  }
  PrintTable({"MAIL", "STAGE", "WHERE", "RECIPIENT", "SINCE", "NEXT", "WHY"}, rows);
}

Exit List(Client& client, const Filter& filter) {
  std::vector<Wait> waits;
  Absences absences;
  if (Exit done = Collect(client, filter, waits, absences); !done.ok()) return done;
  if (waits.size() > filter.limit) waits.resize(filter.limit);
  if (client.json())
    PrintJson(ToJson(waits));
  else
    PrintWaits(waits);
  return absences.told();
}

Exit Show(Client& client, const std::string& mail_id) {
  intake::v1::GetMailRequest request;
  request.set_mail_id(mail_id);
  intake::v1::GetMailResponse mail;
  if (Exit done = client.Call<IntakeService>(&IntakeService::Stub::GetMail, request, &mail); !done.ok()) return done;
  Filter filter;
  filter.mail_id = mail_id;
  filter.limit = 10'000;
  std::vector<Wait> waits;
  Absences absences;
  if (Exit done = Collect(client, filter, waits, absences); !done.ok()) return done;
  Json recipients = Json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : mail.trace().recipients()) {
    recipients.push_back(
        {{"address", one.address()}, {"state", StateName(one.state())}, {"parcel_id", one.parcel_id()}});
    rows.push_back({ForTerminal(one.address()), StateName(one.state()), one.parcel_id()});
  }
  if (client.json()) {
    PrintJson({{"mail_id", mail_id}, {"recipients", recipients}, {"waits", ToJson(waits)}});
    return absences.told();
  }
  PrintTable({"RECIPIENT", "STATE", "PARCEL"}, rows);
  std::cout << "\n";
  if (waits.empty())
    std::cout << "Nothing of it waits.\n";
  else
    PrintWaits(waits);
  return absences.told();
}

}  // namespace

void AddWaitingCommands(CLI::App* queue, Chosen& chosen) {
  OnRun(queue->add_subcommand("shape", "How old what waits is, by destination and kind of hold"), chosen, Shape);
  auto* list = queue->add_subcommand("list", "What waits, and why");
  const auto filter = std::make_shared<Filter>();
  list->add_option("--stage", filter->stage, "policy, approval, encryption, delivery, …");
  list->add_option("--destination", filter->destination, "Of delivery's: as queue summary names it");
  list->add_option("--limit", filter->limit, "At most so many")->check(CLI::Range(1u, 100'000u))->capture_default_str();
  OnRun(list, chosen, [filter](Client& client) { return List(client, *filter); });
  auto* show = queue->add_subcommand("show", "Where each recipient of a mail is");
  const auto mail = std::make_shared<std::string>();
  show->add_option("mail-id", *mail)->required();
  OnRun(show, chosen, [mail](Client& client) { return Show(client, *mail); });
}

}  // namespace sekisho::cli

// topic tail: what lies on a topic.

#include <iostream>
#include <map>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "sekisho/stage/v1/topic.grpc.pb.h"

namespace sekisho::cli {
namespace {

using stage::v1::TopicService;

// Of separate services, whom to ask: one that consumes the topic; of dead letters, which nobody consumes, intake.
const std::map<std::string, std::string> kAsked = {
    {"submitted", "policy"}, {"judged", "approval"},  {"cleared", "encryption"}, {"sealed", "delivery"},
    {"outcome", "policy"},   {"control", "approval"}, {"journal", "intake"},     {"deadletter", "intake"}};

void Print(const stage::v1::TopicRecord& record, bool json) {
  Json value = Json::parse(record.value_json(), nullptr, false);
  if (value.is_discarded()) value = nullptr;
  if (json) {
    // One line a record, so that what follows may be read as it comes.
    std::cout << Json({{"partition", record.partition()},
                       {"offset", record.offset()},
                       {"event_id", record.event_id()},
                       {"mail_id", record.mail_id()},
                       {"type", record.type()},
                       {"source", record.source()},
                       {"time", TimeText(record.time())},
                       {"traceparent", record.traceparent()},
                       {"value", value},
                       {"problem", record.problem()}})
                     .dump()
              << std::endl;
    return;
  }
  std::cout << record.partition() << ":" << record.offset() << "  " << TimeText(record.time()) << "  "
            << ForTerminal(record.source()) << "  " << ForTerminal(record.type()) << "  mail " << record.mail_id()
            << "\n";
  if (!record.problem().empty()) std::cout << "  (" << ForTerminal(record.problem()) << ")\n";
  if (!value.is_null()) std::cout << "  " << ForTerminal(value.dump()) << "\n";
  std::cout << std::flush;
}

Exit Tail(Client& client, const stage::v1::TailTopicRequest& request) {
  const auto asked = kAsked.find(request.topic());
  if (asked == kAsked.end()) return {kUsage, "there is no topic " + request.topic()};
  std::vector<Place> places;
  if (Exit done = client.Places(places, asked->second); !done.ok()) return done;
  Exit done{kUnavailable, "the deployment names no service " + asked->second};
  bool begun = false;
  for (const Place& place : places) {
    done = client.StreamAt<TopicService, stage::v1::TailTopicRequest, stage::v1::TailTopicResponse>(
        place, &TopicService::Stub::TailTopic, request, [&](const stage::v1::TailTopicResponse& response) {
          begun = true;
          if (response.has_record()) return Print(response.record(), client.json());
          std::cerr << "This reading is journalled as mail " << response.journalled_as() << ".\n";
        });
    if (begun || done.code != kUnavailable) break;  // another instance would begin anew
  }
  return done;
}

}  // namespace

void AddTopicCommands(CLI::App& app, Chosen& chosen) {
  auto* topic = app.add_subcommand("topic", "What travels between the stages");
  topic->require_subcommand(1);
  auto* tail =
      topic->add_subcommand("tail", "The newest records of a topic, decoded; that you read them is journalled");
  struct Arguments {
    std::string topic, mail;
    uint32_t newest = 0;
    bool follow = false;
  };
  auto arguments = std::make_shared<Arguments>();
  tail->add_option("topic", arguments->topic,
                   "submitted, judged, cleared, sealed, outcome, control, journal or deadletter")
      ->required();
  tail->add_option("--mail", arguments->mail, "Only this mail's");
  tail->add_option("--newest", arguments->newest,
                   "How many of each partition to look at; default 10, with --mail 10,000");
  tail->add_flag("--follow", arguments->follow, "Go on with those to come");
  OnRun(tail, chosen, [arguments](Client& client) -> Exit {
    stage::v1::TailTopicRequest request;
    request.set_topic(arguments->topic);
    request.set_mail_id(arguments->mail);
    request.set_newest(arguments->newest == 0 && !arguments->mail.empty() ? 10'000 : arguments->newest);
    request.set_follow(arguments->follow);
    return Tail(client, request);
  });
}

}  // namespace sekisho::cli

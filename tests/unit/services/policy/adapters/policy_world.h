#pragma once
// The policy service with everything around it: a real store, bus, key ring, content store and directory in a folder of
// the test, a sandbox that answers what the test says, and the consumers of what policy publishes.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "services/policy/app.h"
#include "shared/bus/local.h"
#include "shared/config/sekisho.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/handover.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::policy {

// Answers by file name; what it wasn't told about has no text. Thread safe once set up.
class FakeSandbox final : public sandbox::Sandbox {
 public:
  Result<sandbox::Inspection> Inspect(std::string_view, std::string_view name, const sandbox::Limits& limits) override {
    inspected_.emplace_back(name);
    limits_.push_back(limits);
    const auto answer = answers.find(std::string(name));
    if (answer != answers.end()) return answer->second;
    sandbox::Inspection inspection;
    inspection.reading = sandbox::Reading::kNoText;
    return inspection;
  }
  std::map<std::string, Result<sandbox::Inspection>> answers;
  std::vector<std::string> inspected_;
  std::vector<sandbox::Limits> limits_;
};

inline sandbox::Inspection WithText(std::string name, std::string text) {
  sandbox::Inspection inspection;
  inspection.reading = sandbox::Reading::kText;
  inspection.texts.push_back({std::move(name), std::move(text)});
  return inspection;
}

inline void WriteFile(const std::string& file, const std::string& octets) {
  // As an editor should: whole or not at all.
  std::ofstream(file + ".new", std::ios::binary) << octets;
  std::filesystem::rename(file + ".new", file);
}

class PolicyWorld {
 public:
  explicit PolicyWorld(const std::string& policy) : workers_("test", 2, 100) {
    WriteFile(policy_file(), policy);
    WriteFile(folder_ / "directory.yaml",
              "users:\n"
              "  - {login: hanako@example.jp, manager: taro@example.jp, roles: [sender], language: ja}\n"
              "  - {login: taro@example.jp, roles: [sender, approver]}\n"
              "  - {login: admin@example.jp, roles: [policy_admin], language: en}\n"
              "groups:\n"
              "  - {name: sales, members: [hanako@example.jp]}\n");
    keys = *keys::OpenFileRing(folder_ / "ring", true);
    database = store_.Open();
    bus = *bus::OpenLocal(*database, stage::ConsumerGroups());
    content::LocalOptions local;
    local.folder = folder_ / "content";
    content = *content::OpenLocal(local, *database, *keys, clock);
    auto opened = directory::Directory::Open({.file = folder_ / "directory.yaml"}, clock);
    SEKISHO_CHECK(opened.ok());
    directory = *std::move(opened);
    around =
        std::make_unique<stage::Surroundings>(stage::Surroundings{*database, *bus, *keys, clock, workers_, "example"});
    SEKISHO_CHECK(stage::MigrateStageTables(*database, "intake").ok());

    config.mutable_organization()->set_id("example");
    config.mutable_organization()->add_domains("example.jp");
    config.mutable_organization()->set_hostname("gw.example.jp");
    config.mutable_policy()->set_file(policy_file());
    config::ApplyDefaults(config);
    // Reloading is the test's to ask for.
    config.mutable_policy()->mutable_reload_interval()->set_seconds(3600);

    authenticator = std::make_unique<rpc::Authenticator>(
        *keys, clock, std::chrono::hours(1), [this](std::string_view login) -> Result<rpc::Principal> {
          const directory::User* user = directory->Current()->Find(login);
          if (user == nullptr) return MakeError(Code::kUnauthenticated, "unknown");
          return rpc::Principal{user->login, user->roles, user->language};
        });
    for (const auto& [topic, group] :
         {std::pair(bus::Topic::kJudged, "approval"), std::pair(bus::Topic::kCleared, "encryption"),
          std::pair(bus::Topic::kSealed, "delivery"), std::pair(bus::Topic::kOutcome, "intake"),
          std::pair(bus::Topic::kJournal, "ledger")}) {
      consumers_[topic] = *bus->Subscribe(topic, group);
    }
  }
  ~PolicyWorld() {
    if (app) app->Drain({});
    for (auto& [topic, consumer] : consumers_) consumer->Stop();
    database->Stop();
  }

  std::string policy_file() const { return folder_ / "policy.yaml"; }

  Status Start() {
    app = std::make_unique<App>(config, *around, *content, *directory, sandbox, *authenticator);
    return app->Start();
  }

  // As intake would. Gives the mail's id.
  MailId Submit(const std::string& raw, const std::vector<std::string>& recipients,
                const std::string& mail_from = "hanako@example.jp") {
    const keys::MailKey key = *keys->NewMailKey(clock.Now());
    const MailId id = MailId::Generate(clock.Now());
    auto writer = content->Create(key, id, "d0");
    SEKISHO_CHECK(writer->Append(raw).ok());
    const auto staged = *writer->Finish();
    mail::v1::Mail mail;
    mail.set_organization_id("example");
    mail.set_mail_id(std::string(id.octets()));
    mail.mutable_envelope()->set_mail_from(mail_from);
    for (const std::string& address : recipients) mail.add_recipients()->set_address(address);
    *mail.mutable_content() = staged->ref();
    mail.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    mail.mutable_submitter()->set_principal("hanako@example.jp");
    mail.mutable_submitter()->set_display_language("ja");
    mail.mutable_accepted_at()->set_seconds(1'795'000'000);
    Publish("intake", bus::Topic::kSubmitted, key, id, mail, [&](store::Tx& tx) { return staged->Attach(tx); });
    return id;
  }

  void Publish(const std::string& stage, bus::Topic topic, const keys::MailKey& key, const MailId& id,
               const google::protobuf::MessageLite& value, const std::function<Status(store::Tx&)>& also) {
    stage::Committer committer(*around, stage);
    const Status done = committer.CommitAndWait([&](store::Tx& tx, stage::Outbox& outbox) -> Status {
      SEKISHO_RETURN_IF_ERROR(also(tx));
      return outbox.Publish(topic, key, id, value);
    });
    ASSERT_TRUE(done.ok()) << done.error().ToString();
  }

  // The next message on `topic`; waits up to 20 seconds. Fails the test when none comes.
  template <typename Message>
  Message Next(bus::Topic topic) {
    Message message;
    auto records = consumers_.at(topic)->Fetch(1, std::chrono::seconds(20));
    if (!records.ok() || records->empty()) {
      ADD_FAILURE() << "nothing on " << bus::TopicName(topic);
      return message;
    }
    const bus::Message& record = records->front().message;
    EXPECT_TRUE(stage::CheckHandOver(*keys, topic, record, stage::RouteOf(topic).consumers.front()).ok());
    const auto opened = keys->Open(record.value, stage::ValueContext(topic, record.header.id));
    EXPECT_TRUE(opened.ok());
    EXPECT_TRUE(message.ParseFromString(opened->plaintext));
    return message;
  }
  mail::v1::Parcel NextParcel(bus::Topic topic) { return Next<mail::v1::Parcel>(topic); }
  mail::v1::JournalEvent NextEvent() { return Next<mail::v1::JournalEvent>(bus::Topic::kJournal); }
  // Whether nothing waits on `topic`. Only after something that was committed with it was seen.
  bool IsEmpty(bus::Topic topic) { return consumers_.at(topic)->Fetch(1, Duration::zero())->empty(); }

  std::string ReadContent(const content::ContentRef& ref) {
    const auto octets = content->Read(ref);
    EXPECT_TRUE(octets.ok());
    return octets.ok() ? **octets : "";
  }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock;
  WorkerPool workers_;
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<bus::Bus> bus;
  std::unique_ptr<content::Store> content;
  std::unique_ptr<directory::Directory> directory;
  std::unique_ptr<stage::Surroundings> around;
  FakeSandbox sandbox;
  config::v1::Config config;
  std::unique_ptr<rpc::Authenticator> authenticator;
  std::unique_ptr<App> app;

 private:
  std::map<bus::Topic, std::unique_ptr<bus::Consumer>> consumers_;
};

}  // namespace sekisho::policy

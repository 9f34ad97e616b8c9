#pragma once
// One service of this version as it finds what an earlier one left: that one's key ring, its mail's content, and its
// records in the service's own tables. Time passes only while the test waits.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "services/approval/app.h"
#include "services/delivery/app.h"
#include "services/encryption/app.h"
#include "services/intake/app.h"
#include "services/ledger/app.h"
#include "services/policy/app.h"
#include "shared/bus/header.h"
#include "shared/bus/local.h"
#include "shared/config/sekisho.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/handover.h"
#include "shared/stage/tables.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"
#include "tests/contract/golden.h"

namespace sekisho::contract {

using bus::Topic;

class NoSandbox final : public sandbox::Sandbox {
 public:
  Result<sandbox::Inspection> Inspect(std::string_view, std::string_view, const sandbox::Limits&) override {
    sandbox::Inspection inspection;
    inspection.reading = sandbox::Reading::kNoText;
    return inspection;
  }
};

class ServiceWorld {
 public:
  explicit ServiceWorld(std::string golden) : golden_(std::move(golden)), workers_("test", 2, 1000), io_(1) {
    std::filesystem::copy_file(golden_ + "/ring.json", folder_ / "ring");
    chmod((folder_ / "ring").c_str(), 0600);
    std::ofstream(folder_ / "policy.yaml") << "rules:\n  - {id: hold, then: {hold_for: 60s}}\n";
    std::ofstream(folder_ / "directory.yaml")
        << "users:\n  - {login: hanako@example.jp, manager: taro@example.jp, roles: [sender], language: ja}\n"
           "  - {login: taro@example.jp, roles: [sender, approver]}\n";
    config_.mutable_organization()->set_id("example");
    config_.mutable_organization()->add_domains("example.jp");
    config_.mutable_organization()->set_hostname("gw.example.jp");
    config_.mutable_policy()->set_file(folder_ / "policy.yaml");
    config_.mutable_rpc()->set_address("127.0.0.1:0");
    auto& route = *config_.mutable_delivery()->add_routes();
    route.add_domains("*");
    route.set_next_hop("127.0.0.1:1");  // nobody's: mail waits in the queue
    config::ApplyDefaults(config_);

    keys_ = *keys::OpenFileRing(folder_ / "ring", false, clock_);
    database_ = store_.Open();
    bus_ = *bus::OpenLocal(*database_, stage::ConsumerGroups());
    content_ = *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
    auto directory = directory::Directory::Open({.file = folder_ / "directory.yaml"}, clock_);
    SEKISHO_CHECK(directory.ok());
    directory_ = *std::move(directory);
    authenticator_ = std::make_unique<rpc::Authenticator>(
        *keys_, clock_, std::chrono::hours(1),
        [](std::string_view) -> Result<rpc::Principal> { return MakeError(Code::kUnauthenticated, "nobody"); });
    environment_.reset(new runtime::Environment{config_,
                                                {*database_, *bus_, *keys_, clock_, workers_, "example"},
                                                *content_,
                                                *directory_,
                                                &sandbox_,
                                                *authenticator_,
                                                io_,
                                                [](std::string_view) { return std::shared_ptr<grpc::Channel>(); },
                                                [](std::string_view) { return uint64_t{0}; }});
  }
  ~ServiceWorld() {
    if (service_) service_->Drain(std::chrono::seconds(1));
    service_.reset();
    watchers_.clear();
    workers_.Stop();
    io_.Stop();
    bus_.reset();
    database_->Stop();
  }

  // As the earlier version left it.
  stage::Kept Golden(Topic topic) const {
    const auto record = ReadRecord(golden_, std::string(bus::TopicName(topic)));
    SEKISHO_CHECK(record.ok());
    stage::Kept kept;
    kept.topic = topic;
    kept.message = {*bus::DecodeHeader(record->header), *MailId::FromOctets(record->key), record->sealed};
    kept.event = kept.message.header.id;
    kept.at = clock_.Now();
    return kept;
  }

  // The same record with another value, sealed and signed as its producer would.
  template <typename Message>
  stage::Kept Edited(Topic topic, const std::function<void(Message&)>& edit) {
    stage::Kept kept = Golden(topic);
    const auto opened = keys_->Open(kept.message.value, stage::ValueContext(topic, kept.event));
    SEKISHO_CHECK(opened.ok());
    Message value;
    SEKISHO_CHECK(value.ParseFromString(opened->plaintext));
    edit(value);
    kept.message.value = *keys_->Seal(opened->key, stage::ValueContext(topic, kept.event), value.SerializeAsString());
    kept.message.header.macs.clear();
    SEKISHO_CHECK(stage::SignHandOver(*keys_, topic, kept.message).ok());
    return kept;
  }

  // Puts the mail's content where `ref` says.
  void Store(const mail::v1::ContentRef& ref, const keys::MailKey& key, const MailId& mail) {
    auto writer = content_->Create(key, mail, ref.key().substr(ref.key().find('/') + 1));
    SEKISHO_CHECK(writer->Append(kGoldenMail).ok());
    const auto staged = *writer->Finish();
    ASSERT_EQ(staged->ref().key(), ref.key());
    ASSERT_EQ(staged->ref().sha256(), ref.sha256());
    ASSERT_TRUE(database_->RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }).ok());
  }
  void StoreContentOf(Topic topic) {
    const stage::Kept kept = Golden(topic);
    const auto opened = keys_->Open(kept.message.value, stage::ValueContext(topic, kept.event));
    SEKISHO_CHECK(opened.ok());
    if (topic == Topic::kSubmitted) {
      mail::v1::Mail mail;
      SEKISHO_CHECK(mail.ParseFromString(opened->plaintext));
      Store(mail.content(), opened->key, kept.message.key);
    } else {
      mail::v1::Parcel parcel;
      SEKISHO_CHECK(parcel.ParseFromString(opened->plaintext));
      Store(parcel.content(), opened->key, kept.message.key);
    }
  }

  void Start(const std::string& name) {
    name_ = name;
    static const std::map<std::string, std::function<std::unique_ptr<runtime::Service>(const runtime::Environment&)>>
        kServices = {{"intake", intake::MakeService},     {"policy", policy::MakeService},
                     {"approval", approval::MakeService}, {"encryption", encryption::MakeService},
                     {"delivery", delivery::MakeService}, {"ledger", ledger::MakeService}};
    for (const Topic topic : bus::kTopics) {
      for (const auto consumer : stage::RouteOf(topic).consumers) {
        if (consumer == name || watchers_.contains(topic)) continue;
        watchers_[topic] = *bus_->Subscribe(topic, consumer);
      }
    }
    service_ = kServices.at(name)(*environment_);
    const Status started = service_->Start();
    ASSERT_TRUE(started.ok()) << started.error().ToString();
  }

  // Gives the service a record that an earlier version of it parked, and waits until it is done with it.
  // True when it was taken, false when it was parked.
  bool Takes(const stage::Kept& kept) {
    const stage::Tables tables(name_);
    SEKISHO_CHECK(database_->RunAndWait([&](store::Tx& tx) { return tables.PutParked(tx, kept); }).ok());
    const auto redriven = service_->stage().Redrive(kept.event);
    SEKISHO_CHECK(redriven.ok());
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (;;) {
      const auto parked = service_->stage().Parked(*redriven);
      if (parked.ok() && !parked->empty()) {
        cause_ = parked->front().cause();
        return false;
      }
      const auto waiting = service_->stage().Waiting();
      if (waiting.ok() && waiting->empty()) {
        const auto again = service_->stage().Parked(*redriven);
        if (again.ok() && again->empty()) return true;
      }
      if (std::chrono::steady_clock::now() > give_up) {
        ADD_FAILURE() << name_ << " is not done with it"
                      << (waiting.ok() && !waiting->empty() ? ": " + waiting->front().cause() : "");
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      clock_.Advance(std::chrono::milliseconds(10));  // beside other replicas a stage looks again after some seconds
    }
  }
  // Why the last one was parked.
  const std::string& cause() const { return cause_; }

  bool Watches(Topic topic) const { return watchers_.contains(topic); }
  // What the service published on `topic`, opened.
  template <typename Message>
  std::vector<Message> Published(Topic topic) {
    std::vector<Message> messages;
    // A reader of the database may know of a commit before the bus does.
    const auto records = watchers_.at(topic)->Fetch(100, std::chrono::milliseconds(500));
    SEKISHO_CHECK(records.ok());
    for (const auto& record : *records) {
      const auto opened = keys_->Open(record.message.value, stage::ValueContext(topic, record.message.header.id));
      EXPECT_TRUE(opened.ok());
      EXPECT_TRUE(messages.emplace_back().ParseFromString(opened->plaintext));
    }
    return messages;
  }
  int64_t Rows(const std::string& table) {
    const store::Statement count("SELECT COUNT(*) FROM {" + table + "}");
    int64_t rows = 0;
    SEKISHO_CHECK(database_
                      ->Read([&](store::Tx& tx) {
                        return tx.Query(count, {}, [&](const store::Row& row) {
                          rows = row.Int(0);
                          return Ok();
                        });
                      })
                      .ok());
    return rows;
  }
  keys::KeyRing& keys() { return *keys_; }

 private:
  const std::string golden_;
  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  net::IoPool io_;
  NoSandbox sandbox_;
  config::v1::Config config_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<directory::Directory> directory_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<runtime::Environment> environment_;
  std::string name_, cause_;
  std::map<Topic, std::unique_ptr<bus::Consumer>> watchers_;
  std::unique_ptr<runtime::Service> service_;
};

}  // namespace sekisho::contract

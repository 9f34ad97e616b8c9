#include "shared/runtime/topic_rpc.h"

#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "sekisho/config/v1/config.pb.h"
#include "shared/bus/local.h"
#include "shared/keys/file_ring.h"
#include "shared/rpc/server.h"
#include "shared/stage/handover.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::runtime {
namespace {

using stage::v1::TailTopicRequest;
using stage::v1::TailTopicResponse;
using stage::v1::TopicRecord;

class TopicRpcTest : public ::testing::Test {
 protected:
  TopicRpcTest()
      : workers_("test", 1, 10),
        keys_(*keys::OpenFileRing(folder_ / "ring", true, clock_)),
        database_(store_.Open()),
        bus_(*bus::OpenLocal(*database_, stage::ConsumerGroups())),
        around_{*database_, *bus_, *keys_, clock_, workers_, "example"},
        authenticator_(*keys_, clock_, std::chrono::hours(24), [](std::string_view login) -> Result<rpc::Principal> {
          return rpc::Principal{std::string(login), {std::string(login)}, "en"};  // named for their role
        }) {
    SEKISHO_CHECK(stage::MigrateStageTables(*database_, "intake").ok());
    ledger_ = *bus_->Subscribe(bus::Topic::kJournal, "ledger");
    rpc_ = std::make_unique<TopicRpc>(authenticator_, around_, "intake", [this](bus::Topic topic, size_t newest) {
      return bus::OpenLocalTail(*database_, topic, newest);
    });
    config::v1::Rpc config;
    config.set_address("127.0.0.1:0");
    server_ = *rpc::Server::Start(config, {rpc_.get()});
    stub_ = stage::v1::TopicService::NewStub(server_->InProcessChannel());
  }
  ~TopicRpcTest() override {
    rpc_->Stop();
    stub_.reset();
    server_->Stop(std::chrono::seconds(5));
    server_.reset();
    ledger_.reset();
    database_->Stop();
  }

  MailId Submit(const std::string& mail_from) {
    const MailId id = MailId::Generate(clock_.Now());
    mail::v1::Mail mail;
    mail.set_mail_id(std::string(id.octets()));
    mail.mutable_envelope()->set_mail_from(mail_from);
    Publish(id, mail);
    return id;
  }
  void Publish(const MailId& id, const google::protobuf::MessageLite& value) {
    stage::Committer committer(around_, "intake");
    const auto key = *keys_->NewMailKey(clock_.Now());
    ASSERT_TRUE(committer
                    .CommitAndWait([&](store::Tx&, stage::Outbox& outbox) {
                      return outbox.Publish(bus::Topic::kSubmitted, key, id, value);
                    })
                    .ok());
  }

  struct Read {
    grpc::StatusCode code;
    std::vector<TopicRecord> records;
    std::string journalled_as;
  };
  Read Tail(const std::string& login, TailTopicRequest request) {
    grpc::ClientContext context;
    Prepare(context, login);
    const auto reader = stub_->TailTopic(&context, request);
    Read read{};
    for (TailTopicResponse response; reader->Read(&response);) {
      if (response.has_record()) read.records.push_back(response.record());
      if (!response.journalled_as().empty()) read.journalled_as = response.journalled_as();
    }
    read.code = reader->Finish().error_code();
    return read;
  }
  void Prepare(grpc::ClientContext& context, const std::string& login) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    context.AddMetadata("authorization", "Bearer " + authenticator_.tokens().Issue(login)->token);
  }
  static TailTopicRequest Of(const std::string& topic, const std::string& mail_id = "") {
    TailTopicRequest request;
    request.set_topic(topic);
    request.set_mail_id(mail_id);
    return request;
  }
  // What the ledger gets.
  std::vector<mail::v1::JournalEvent> Journal() {
    std::vector<mail::v1::JournalEvent> events;
    const auto records = *ledger_->Fetch(100, Duration::zero());
    for (const auto& record : records) {
      const auto opened =
          keys_->Open(record.message.value, stage::ValueContext(bus::Topic::kJournal, record.message.header.id));
      EXPECT_TRUE(opened.ok());
      EXPECT_TRUE(events.emplace_back().ParseFromString(opened->plaintext));
    }
    return events;
  }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  stage::Surroundings around_;
  rpc::Authenticator authenticator_;
  std::unique_ptr<bus::Consumer> ledger_;
  std::unique_ptr<TopicRpc> rpc_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<stage::v1::TopicService::Stub> stub_;
};

TEST_F(TopicRpcTest, AnAuditorReadsValuesAndIsJournalled) {
  Submit("hanako@example.jp");
  const MailId second = Submit("jiro@example.jp");
  const Read read = Tail("auditor", Of("submitted", second.ToString()));
  EXPECT_EQ(read.code, grpc::StatusCode::OK);
  ASSERT_EQ(read.records.size(), 1u);
  EXPECT_EQ(read.records[0].mail_id(), second.ToString());
  EXPECT_EQ(read.records[0].source(), "intake");
  EXPECT_EQ(read.records[0].problem(), "");
  mail::v1::Mail mail;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(read.records[0].value_json(), &mail).ok());
  EXPECT_EQ(mail.envelope().mail_from(), "jiro@example.jp");

  const auto events = Journal();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].type(), "topic_read");
  EXPECT_EQ(events[0].actor(), "auditor");
  EXPECT_EQ(events[0].mail_id(), second.octets());
  EXPECT_EQ(read.journalled_as, second.ToString());
}

TEST_F(TopicRpcTest, AnOperatorReadsNoValueAndIsJournalledToo) {
  Submit("hanako@example.jp");
  const Read read = Tail("operator", Of("submitted"));
  EXPECT_EQ(read.code, grpc::StatusCode::OK);
  ASSERT_EQ(read.records.size(), 1u);
  EXPECT_EQ(read.records[0].type(), "sekisho.mail.v1.Mail");
  EXPECT_EQ(read.records[0].value_json(), "");
  const auto events = Journal();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(MailId::FromOctets(events[0].mail_id())->ToString(), read.journalled_as);
}

TEST_F(TopicRpcTest, NobodyElseReadsAndNothingIsShown) {
  Submit("hanako@example.jp");
  for (const char* role : {"sender", "approver", "policy_admin"}) {
    const Read read = Tail(role, Of("submitted"));
    EXPECT_EQ(read.code, grpc::StatusCode::PERMISSION_DENIED) << role;
    EXPECT_TRUE(read.records.empty());
  }
  EXPECT_EQ(Tail("auditor", Of("gossip")).code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Tail("auditor", Of("submitted", "7")).code, grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_TRUE(Journal().empty());
}

TEST_F(TopicRpcTest, WhatCannotBeJournalledIsNotRead) {
  Submit("hanako@example.jp");
  database_->Stop();
  const Read read = Tail("auditor", Of("submitted"));
  EXPECT_NE(read.code, grpc::StatusCode::OK);
  EXPECT_TRUE(read.records.empty());
}

TEST_F(TopicRpcTest, WhoseKeyIsDestroyedIsShownWithoutAValue) {
  Submit("hanako@example.jp");
  ASSERT_TRUE(keys_->DestroyEpoch(keys_->Epochs().front()).ok());
  clock_.Advance(std::chrono::hours(24));
  const Read read = Tail("auditor", Of("submitted"));
  ASSERT_EQ(read.records.size(), 1u);
  EXPECT_EQ(read.records[0].value_json(), "");
  EXPECT_NE(read.records[0].problem(), "");
}

TEST_F(TopicRpcTest, FollowsUntilTheServerStops) {
  TailTopicRequest request = Of("submitted");
  request.set_follow(true);
  grpc::ClientContext context;
  Prepare(context, "auditor");
  const auto reader = stub_->TailTopic(&context, request);
  TailTopicResponse response;
  ASSERT_TRUE(reader->Read(&response));  // journalled
  const MailId late = Submit("hanako@example.jp");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.record().mail_id(), late.ToString());
  rpc_->Stop();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace sekisho::runtime

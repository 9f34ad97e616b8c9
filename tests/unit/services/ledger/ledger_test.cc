// The ledger on a real store, bus, key ring and gRPC server; the test is the stages that write the journal.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "sekisho/ledger/v1/ledger.grpc.pb.h"
#include "services/ledger/adapters/tables.h"
#include "services/ledger/app.h"
#include "shared/bus/local.h"
#include "shared/keys/file_ring.h"
#include "shared/rpc/server.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::ledger {
namespace {

using grpc::StatusCode;
using Stub = v1::LedgerService::Stub;

const std::map<std::string, std::set<std::string, std::less<>>> kUsers = {{"hanako", {"sender"}},
                                                                          {"jiro", {"sender"}},
                                                                          {"auditor", {"auditor"}},
                                                                          {"ops", {"operator"}},
                                                                          {"admin", {"policy_admin"}}};

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest()
      : workers_("test", 2, 1000),
        keys_(*keys::OpenFileRing(folder_ / "ring", true)),
        database_(store_.Open()),
        bus_(*bus::OpenLocal(*database_, stage::ConsumerGroups())),
        around_{*database_, *bus_, *keys_, clock_, workers_, "example"},
        authenticator_(*keys_, clock_, std::chrono::hours(24 * 365),
                       [](std::string_view login) -> Result<rpc::Principal> {
                         const auto user = kUsers.find(std::string(login));
                         if (user == kUsers.end()) return MakeError(Code::kUnauthenticated, "unknown");
                         return rpc::Principal{user->first, user->second, "en"};
                       }) {
    for (const auto* stage : {"intake", "policy", "delivery"}) {
      SEKISHO_CHECK(stage::MigrateStageTables(*database_, stage).ok());
    }
    config_.mutable_ledger()->mutable_retention()->set_seconds(400 * 86400);
    config_.mutable_rpc()->set_address("127.0.0.1:0");
    app_ = std::make_unique<App>(config_, around_, authenticator_);
    SEKISHO_CHECK(app_->Start().ok());
    server_ = *rpc::Server::Start(config_.rpc(), app_->rpcs());
    stub_ = v1::LedgerService::NewStub(server_->InProcessChannel());
  }
  ~LedgerTest() override {
    stub_.reset();
    server_->Stop(std::chrono::seconds(5));
    server_.reset();
    app_.reset();
    database_->Stop();
  }

  struct Mail {
    MailId id;
    keys::MailKey key;
  };
  mail::v1::JournalEvent Event(const Mail& mail, const char* type, mail::v1::RecipientState state,
                               const std::vector<std::string>& recipients) {
    mail::v1::JournalEvent event;
    event.set_mail_id(std::string(mail.id.octets()));
    event.set_type(type);
    event.set_state(state);
    for (const std::string& recipient : recipients) event.add_recipients(recipient);
    return event;
  }
  void Journal(const Mail& mail, const char* stage, const mail::v1::JournalEvent& event) {
    stage::Committer committer(around_, stage);
    ASSERT_TRUE(
        committer.CommitAndWait([&](store::Tx&, stage::Outbox& outbox) { return outbox.Journal(mail.key, event); })
            .ok());
  }
  // As intake tells of a mail it accepted.
  Mail Accept(const std::string& principal, const std::string& subject = "見積もり",
              mail::v1::SystemMail system = mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
    clock_.Advance(std::chrono::seconds(1));
    const Mail mail{MailId::Generate(clock_.Now()), *keys_->NewMailKey(clock_.Now())};
    mail::v1::JournalEvent event =
        Event(mail, "accepted", mail::v1::RECIPIENT_STATE_ACCEPTED, {"tanaka@maker.example", "sato@maker.example"});
    event.set_principal(principal);
    event.set_mail_from("hanako@example.jp");
    event.set_subject(subject);
    event.set_size(10240);
    event.set_system_mail(system);
    Journal(mail, "intake", event);
    return mail;
  }
  // Until the journal is read. Real time passes only until another thread has done its work.
  void Settle() {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    const auto settled = [&] {
      for (const auto& queue : app_->stage().Queues()) {
        if (queue.depth() > 0 || queue.in_flight() > 0) return false;
      }
      return true;
    };
    while (!settled()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  template <typename Request, typename Response>
  StatusCode Call(const std::string& login,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                  Response* response) {
    grpc::ClientContext context;
    if (!login.empty()) context.AddMetadata("authorization", "Bearer " + authenticator_.tokens().Issue(login)->token);
    response->Clear();
    const grpc::Status status = (stub_.get()->*method)(&context, request, response);
    message_ = status.error_message();
    return status.error_code();
  }
  StatusCode TraceText(const std::string& login, const std::string& id) {
    v1::TraceMailRequest request;
    request.set_mail_id(id);
    v1::TraceMailResponse response;
    const StatusCode code = Call(login, &Stub::TraceMail, request, &response);
    trace_ = response.trace();
    return code;
  }
  StatusCode Trace(const std::string& login, const Mail& mail) { return TraceText(login, mail.id.ToString()); }
  StatusCode List(const std::string& login, bool all = false, uint32_t size = 0, const std::string& token = "") {
    v1::ListMailsRequest request;
    request.set_all(all);
    request.set_page_size(size);
    request.set_page_token(token);
    return Call(login, &Stub::ListMails, request, &list_);
  }
  std::vector<std::string> Listed() const {
    std::vector<std::string> subjects;
    for (const auto& mail : list_.mails()) subjects.push_back(mail.subject());
    return subjects;
  }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  config::v1::Config config_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  const stage::Surroundings around_;
  const rpc::Authenticator authenticator_;
  std::unique_ptr<App> app_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<Stub> stub_;
  v1::Trace trace_;
  v1::ListMailsResponse list_;
  std::string message_;
};

TEST_F(LedgerTest, ShowsAMailsWayToItsSender) {
  const Mail mail = Accept("hanako");
  clock_.Advance(std::chrono::seconds(1));
  Journal(mail, "policy",
          Event(mail, "judged", mail::v1::RECIPIENT_STATE_JUDGED, {"tanaka@maker.example", "sato@maker.example"}));
  const ParcelId parcel = ParcelId::Generate(clock_.Now());
  auto delivered = Event(mail, "delivered", mail::v1::RECIPIENT_STATE_DELIVERED, {"tanaka@maker.example"});
  delivered.set_parcel_id(std::string(parcel.octets()));
  delivered.set_detail("250 ok");
  clock_.Advance(std::chrono::seconds(1));
  Journal(mail, "delivery", delivered);
  Settle();

  ASSERT_EQ(Trace("hanako", mail), StatusCode::OK) << message_;
  EXPECT_EQ(trace_.mail_id(), mail.id.ToString());
  EXPECT_EQ(trace_.mail_from(), "hanako@example.jp");
  EXPECT_EQ(trace_.subject(), "見積もり");
  ASSERT_EQ(trace_.recipients_size(), 2);
  EXPECT_EQ(trace_.recipients(0).address(), "tanaka@maker.example");
  EXPECT_EQ(trace_.recipients(0).state(), mail::v1::RECIPIENT_STATE_DELIVERED);
  EXPECT_EQ(trace_.recipients(0).parcel_id(), parcel.ToString());
  EXPECT_EQ(trace_.recipients(1).state(), mail::v1::RECIPIENT_STATE_JUDGED);
  ASSERT_EQ(trace_.events_size(), 3);
  EXPECT_EQ(trace_.events(0).type(), "accepted");
  EXPECT_EQ(trace_.events(1).stage(), "policy");
  EXPECT_EQ(trace_.events(2).stage(), "delivery");
  EXPECT_EQ(trace_.events(2).detail(), "250 ok");
  EXPECT_EQ(FromProto(trace_.events(2).time()), clock_.Now());
}

TEST_F(LedgerTest, SomebodyElsesMailIsNotToldFromNone) {
  const Mail mail = Accept("hanako");
  Settle();
  EXPECT_EQ(Trace("jiro", mail), StatusCode::NOT_FOUND);
  const std::string other_message = message_;
  const Mail none{MailId::Generate(clock_.Now()), mail.key};
  EXPECT_EQ(Trace("jiro", none), StatusCode::NOT_FOUND);
  EXPECT_EQ(message_.size(), other_message.size());
  for (const auto* all_seeing : {"auditor", "ops"}) EXPECT_EQ(Trace(all_seeing, mail), StatusCode::OK) << all_seeing;
  EXPECT_EQ(Trace("admin", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Trace("", mail), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Trace("stranger", mail), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(TraceText("hanako", "not an id"), StatusCode::INVALID_ARGUMENT);
}

TEST_F(LedgerTest, ASenderReadsTheRuleButNotWhatMatched) {
  const Mail mail = Accept("hanako");
  auto held = Event(mail, "held", mail::v1::RECIPIENT_STATE_AWAITING_APPROVAL, {"tanaka@maker.example"});
  auto* reason = held.add_reasons();
  reason->set_rule_id("confidential");
  reason->set_text_en("Your superior must approve it.");
  reason->set_place("body line 3");
  reason->set_evidence("a term of a dictionary");
  Journal(mail, "policy", held);
  Settle();
  ASSERT_EQ(Trace("hanako", mail), StatusCode::OK);
  ASSERT_EQ(trace_.events(1).reasons_size(), 1);
  EXPECT_EQ(trace_.events(1).reasons(0).text_en(), "Your superior must approve it.");
  EXPECT_EQ(trace_.events(1).reasons(0).place(), "body line 3");
  EXPECT_EQ(trace_.events(1).reasons(0).evidence(), "");
  ASSERT_EQ(Trace("auditor", mail), StatusCode::OK);
  EXPECT_EQ(trace_.events(1).reasons(0).evidence(), "a term of a dictionary");
}

TEST_F(LedgerTest, ListsOwnMailsInPagesNewestFirst) {
  for (int i = 0; i < 5; ++i) {
    Accept("hanako", "hanako " + std::to_string(i));
    Accept("jiro", "jiro " + std::to_string(i));
  }
  Settle();
  ASSERT_EQ(List("hanako"), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"hanako 4", "hanako 3", "hanako 2", "hanako 1", "hanako 0"}));
  EXPECT_EQ(list_.next_page_token(), "");
  const auto& newest = list_.mails(0);
  EXPECT_EQ(newest.size(), 10240u);
  EXPECT_EQ(newest.mail_from(), "hanako@example.jp");
  EXPECT_EQ(newest.recipients_size(), 2);
  EXPECT_EQ(FromProto(newest.accepted_at()), clock_.Now() - std::chrono::seconds(1));

  ASSERT_EQ(List("hanako", false, 2), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"hanako 4", "hanako 3"}));
  ASSERT_EQ(List("hanako", false, 2, list_.next_page_token()), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"hanako 2", "hanako 1"}));
  ASSERT_EQ(List("hanako", false, 2, list_.next_page_token()), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"hanako 0"}));
  EXPECT_EQ(list_.next_page_token(), "");

  ASSERT_EQ(List("auditor", true, 3), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"jiro 4", "hanako 4", "jiro 3"}));
  ASSERT_EQ(List("auditor"), StatusCode::OK);
  EXPECT_TRUE(Listed().empty()) << "no mail of the auditor's own";
}

TEST_F(LedgerTest, RefusesListsThatAreNotTheCallersToSeeOrNotWellFormed) {
  EXPECT_EQ(List("hanako", true), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(List("", true), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(List("hanako", false, 501), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(List("hanako", false, 500), StatusCode::OK);
  EXPECT_EQ(List("hanako", false, 0, "nonsense"), StatusCode::INVALID_ARGUMENT);
}

TEST_F(LedgerTest, SystemMailIsNobodysOwn) {
  const Mail notice = Accept("hanako", "notice", mail::v1::SYSTEM_MAIL_NOTICE);
  Settle();
  ASSERT_EQ(List("hanako"), StatusCode::OK);
  EXPECT_TRUE(Listed().empty());
  EXPECT_EQ(Trace("hanako", notice), StatusCode::NOT_FOUND);
  EXPECT_EQ(Trace("ops", notice), StatusCode::OK);
}

TEST_F(LedgerTest, AMailWhoseEpochWasDestroyedIsGone) {
  const Mail gone = Accept("hanako", "gone");
  clock_.Advance(std::chrono::hours(24));
  const Mail kept = Accept("hanako", "kept");
  Settle();
  ASSERT_EQ(keys_->Epochs().size(), 2u);
  ASSERT_TRUE(keys_->DestroyEpoch(keys_->Epochs().front()).ok());
  EXPECT_EQ(Trace("hanako", gone), StatusCode::NOT_FOUND);
  EXPECT_EQ(Trace("auditor", gone), StatusCode::NOT_FOUND);
  EXPECT_EQ(Trace("hanako", kept), StatusCode::OK);
  ASSERT_EQ(List("hanako"), StatusCode::OK);
  EXPECT_EQ(Listed(), std::vector<std::string>{"kept"});
}

TEST_F(LedgerTest, KeepsNothingPersonalInClear) {
  Accept("hanako", "a subject nobody should read");
  Settle();
  std::string all;
  for (const auto* sql :
       {"SELECT mail, owner, '' FROM {ledger.mail}", "SELECT mail, event, sealed FROM {ledger.event}"}) {
    const store::Statement select(sql);
    ASSERT_TRUE(database_
                    ->Read([&](store::Tx& tx) {
                      return tx.Query(select, {}, [&](const store::Row& row) {
                        for (int column = 0; column < 3; ++column) all += row.Blob(column);
                        return Ok();
                      });
                    })
                    .ok());
  }
  EXPECT_GT(all.size(), 200u);
  for (const auto* personal : {"subject", "hanako", "tanaka", "maker.example"}) {
    EXPECT_EQ(all.find(personal), std::string::npos) << personal;
  }
}

TEST_F(LedgerTest, AnEventTakenTwiceIsThereOnce) {
  const Mail mail = Accept("hanako");
  Settle();
  Recorder recorder(*keys_);
  auto event = Event(mail, "judged", mail::v1::RECIPIENT_STATE_JUDGED, {"tanaka@maker.example"});
  const stage::Input input{bus::Topic::kJournal,
                           EventId::Generate(clock_.Now()),
                           mail.id,
                           "policy",
                           event.SerializeAsString(),
                           mail.key,
                           "",
                           1};
  for (int time = 0; time < 2; ++time) {
    const auto effects = recorder.Process(input);
    ASSERT_TRUE(effects.ok());
    ASSERT_TRUE(database_
                    ->RunAndWait([&](store::Tx& tx) {
                      struct NoOutbox final : stage::Outbox {
                        Status Publish(bus::Topic, const keys::MailKey&, const MailId&,
                                       const google::protobuf::MessageLite&) override {
                          return MakeError(Code::kInternal, "the ledger tells nobody anything");
                        }
                        Status Journal(const keys::MailKey&, mail::v1::JournalEvent) override {
                          return MakeError(Code::kInternal, "the ledger tells nobody anything");
                        }
                      } outbox;
                      return (*effects)(tx, outbox);
                    })
                    .ok());
  }
  ASSERT_EQ(Trace("hanako", mail), StatusCode::OK);
  EXPECT_EQ(trace_.events_size(), 2);
}

TEST_F(LedgerTest, WhatIsNoJournalEventIsCorrupt) {
  const Mail mail = Accept("hanako");
  Recorder recorder(*keys_);
  const auto effects = recorder.Process(
      {bus::Topic::kJournal, EventId::Generate(clock_.Now()), mail.id, "policy", "\xff\xff\xff", mail.key, "", 1});
  ASSERT_FALSE(effects.ok());
  EXPECT_EQ(effects.error().code, Code::kCorrupt);
}

TEST_F(LedgerTest, DeletesTheOldestAndNothingElse) {
  std::vector<Mail> mails;
  for (int i = 0; i < 5; ++i) mails.push_back(Accept("hanako", std::to_string(i)));
  Settle();
  const auto remove = [&](const MailId& before, int64_t max) {
    int64_t deleted = -1;
    EXPECT_TRUE(database_
                    ->RunAndWait([&](store::Tx& tx) -> Status {
                      SEKISHO_TRY(deleted, DeleteBefore(tx, before, max));
                      return Ok();
                    })
                    .ok());
    return deleted;
  };
  EXPECT_EQ(remove(mails[0].id, 10), 0);
  EXPECT_EQ(remove(mails[3].id, 2), 2);
  EXPECT_EQ(remove(mails[3].id, 2), 1);
  EXPECT_EQ(remove(mails[3].id, 2), 0);
  ASSERT_EQ(List("hanako"), StatusCode::OK);
  EXPECT_EQ(Listed(), (std::vector<std::string>{"4", "3"}));
  EXPECT_EQ(Trace("ops", mails[2]), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace sekisho::ledger

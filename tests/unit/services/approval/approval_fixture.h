#pragma once
// The approval service on a real store, bus, content store, directory file and gRPC server; the test is policy, intake,
// and all that listens behind it. Time stands still until the test moves it.

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "sekisho/approval/v1/approval.grpc.pb.h"
#include "services/approval/app.h"
#include "shared/bus/local.h"
#include "shared/config/sekisho.h"
#include "shared/content/local.h"
#include "shared/crypto/digest.h"
#include "shared/keys/file_ring.h"
#include "shared/rpc/server.h"
#include "shared/stage/handover.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::approval {

inline constexpr char kTrace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
inline constexpr char kDirectory[] =
    "users:\n"
    "  - {login: hanako@example.jp, name: 山田 花子, manager: taro@example.jp, roles: [sender], language: ja}\n"
    "  - {login: jiro@example.jp, name: 鈴木 次郎, manager: taro@example.jp, roles: [sender]}\n"
    "  - {login: taro@example.jp, name: 佐々木 太郎, manager: boss@example.jp, roles: [sender, approver], language: "
    "ja}\n"
    "  - {login: boss@example.jp, name: Boss, roles: [sender, approver], language: en}\n"
    "  - {login: officer@example.jp, name: Officer, roles: [security_officer], language: en}\n"
    "  - {login: ops@example.jp, name: Ops, roles: [operator], language: en}\n"
    "groups:\n"
    "  - {name: sales, members: [hanako@example.jp, taro@example.jp], addresses: [sales@example.jp]}\n";

class ApprovalFixture : public ::testing::Test {
 protected:
  ApprovalFixture() : workers_("test", 2, 1000) {
    std::ofstream(folder_ / "directory.yaml") << kDirectory;
    config_.mutable_organization()->set_id("example");
    config_.mutable_organization()->set_hostname("gw.example.jp");
    config_.mutable_organization()->add_domains("example.jp");
    config_.mutable_approval()->mutable_default_expiry()->set_seconds(3 * 86400);
    config_.mutable_rpc()->set_address("127.0.0.1:0");
    config::ApplyDefaults(config_);
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    directory::Options options;
    options.file = folder_ / "directory.yaml";
    auto directory = directory::Directory::Open(options, clock_);
    SEKISHO_CHECK(directory.ok());
    directory_ = *std::move(directory);
    authenticator_ = std::make_unique<rpc::Authenticator>(
        *keys_, clock_, std::chrono::hours(24 * 365), [this](std::string_view login) {
          const directory::User* user = directory_->Current()->Find(login);
          if (user == nullptr) return Result<rpc::Principal>(MakeError(Code::kUnauthenticated, "unknown"));
          return Result<rpc::Principal>(rpc::Principal{user->login, user->roles, user->language});
        });
    Open();
  }
  ~ApprovalFixture() override { Close(); }

  void Open() {
    database_ = store_.Open();
    bus_ = *bus::OpenLocal(*database_, stage::ConsumerGroups());
    content_ = *content::OpenLocal({.folder = folder_ / "content"}, *database_, *keys_, clock_);
    around_ = std::make_unique<stage::Surroundings>(
        stage::Surroundings{*database_, *bus_, *keys_, clock_, workers_, "example"});
    SEKISHO_CHECK(stage::MigrateStageTables(*database_, "policy").ok());
  }
  void Start() {
    app_ = std::make_unique<App>(config_, *around_, *content_, *directory_, *authenticator_, metrics_);
    ASSERT_TRUE(app_->Start().ok());
    auto server = rpc::Server::Start(config_.rpc(), app_->rpcs());
    ASSERT_TRUE(server.ok()) << server.error().detail;
    server_ = *std::move(server);
    stub_ = v1::ApprovalService::NewStub(server_->InProcessChannel());
  }
  void Close() {
    stub_.reset();
    if (server_) server_->Stop(std::chrono::seconds(5));
    server_.reset();
    app_.reset();
    consumers_.clear();
    around_.reset();
    content_.reset();
    bus_.reset();
    if (database_) database_->Stop();
    database_.reset();
  }

  // A mail as it lies with policy.
  struct Mail {
    MailId id;
    keys::MailKey key;
    mail::v1::Parcel parcel;
    mail::v1::Judgement judgement;
  };
  static std::string Raw(const std::string& from = "hanako@example.jp", const std::string& extra = "") {
    return "From: " + from + "\r\nTo: tanaka@maker.example\r\nSubject: =?utf-8?B?5LuV5qeY?=\r\n" + extra +
           "Date: Tue, 24 Nov 2026 10:00:00 +0900\r\nMessage-ID: <1@example.jp>\r\nMIME-Version: 1.0\r\n"
           "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
           "Content-Transfer-Encoding: 8bit\r\n\r\n社外秘の仕様です\r\n--b\r\nContent-Type: application/pdf\r\n"
           "Content-Disposition: attachment; filename=spec.pdf\r\nContent-Transfer-Encoding: "
           "base64\r\n\r\nJVBERi0xLjQK\r\n--b--\r\n";
  }
  Mail MakeMail(mail::v1::HoldClass hold, const std::string& raw = Raw(),
                const std::vector<std::string>& recipients = {"tanaka@maker.example"}) {
    Mail mail{MailId::Generate(clock_.Now()), *keys_->NewMailKey(clock_.Now()), {}, {}};
    const ParcelId id = ParcelId::Generate(clock_.Now());
    auto writer = content_->Create(mail.key, mail.id, "d1-" + id.ToString());
    SEKISHO_CHECK(writer->Append(raw).ok());
    const auto staged = *writer->Finish();
    SEKISHO_CHECK(database_->RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }).ok());
    mail.parcel.set_organization_id("example");
    mail.parcel.set_mail_id(std::string(mail.id.octets()));
    mail.parcel.set_parcel_id(std::string(id.octets()));
    mail.parcel.set_hop(1);
    mail.parcel.mutable_envelope()->set_mail_from("hanako@example.jp");
    mail.parcel.mutable_submitter()->set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    mail.parcel.mutable_submitter()->set_principal("hanako@example.jp");
    mail.parcel.set_subject("仕様");
    *mail.parcel.mutable_content() = staged->ref();
    mail.judgement.set_organization_id("example");
    mail.judgement.set_mail_id(mail.parcel.mail_id());
    mail.judgement.set_mail_from("hanako@example.jp");
    mail.judgement.set_d1_sha256(staged->ref().sha256());
    mail.judgement.set_policy_version("v7");
    for (const std::string& address : recipients) {
      mail.parcel.add_recipients()->set_address(address);
      mail.judgement.add_recipients(address);
    }
    mail.judgement.mutable_treatment()->set_hold(hold);
    if (hold == mail::v1::HOLD_CLASS_TIMED) mail.judgement.mutable_treatment()->mutable_hold_for()->set_seconds(180);
    mail.judgement.add_slip(mail::v1::STAGE_APPROVAL);
    mail.judgement.add_slip(mail::v1::STAGE_DELIVERY);
    mail::v1::Reason* reason = mail.judgement.add_reasons();
    reason->set_rule_id("confidential");
    reason->set_text_ja("上長の承認が必要です。");
    reason->set_text_en("Your superior must approve it.");
    reason->set_evidence("TERM");
    reason->set_place("body line 1");
    return mail;
  }
  // Hands it over as policy does.
  void Judge(Mail& mail) {
    auto& signed_judgement = *mail.parcel.mutable_judgement();
    signed_judgement.set_judgement(mail.judgement.SerializeAsString());
    (*signed_judgement.mutable_mac_by_stage())[mail::v1::STAGE_APPROVAL] =
        *keys_->EdgeMac("policy", "approval", signed_judgement.judgement());
    HandOver(mail);
  }
  void HandOver(const Mail& mail) {
    stage::Committer committer(*around_, "policy");
    ASSERT_TRUE(committer
                    .CommitAndWait(
                        [&](store::Tx&, stage::Outbox& outbox) {
                          return outbox.Publish(bus::Topic::kJudged, mail.key, mail.id, mail.parcel);
                        },
                        kTrace)
                    .ok());
  }
  void Ask(const Mail& mail, mail::v1::Control::Action action, const std::vector<std::string>& recipients = {}) {
    mail::v1::Control control;
    control.set_organization_id("example");
    control.set_mail_id(mail.parcel.mail_id());
    control.set_action(action);
    control.set_actor("hanako@example.jp");
    for (const std::string& address : recipients) control.add_recipients(address);
    stage::Committer committer(*around_, "intake");
    ASSERT_TRUE(committer
                    .CommitAndWait(
                        [&](store::Tx&, stage::Outbox& outbox) {
                          return outbox.Publish(bus::Topic::kControl, mail.key, mail.id, control);
                        },
                        kTrace)
                    .ok());
  }
  void Settle() {  // all that was handed over is finished
    Await(
        [&] {
          for (const auto& queue : app_->stage().Queues()) {
            if (queue.depth() > 0 || queue.in_flight() > 0) return false;
          }
          return true;
        },
        "the topics are empty");
  }

  // All that came out on `topic` since the test asked last.
  template <typename Message>
  std::vector<std::pair<bus::Header, Message>> Records(bus::Topic topic) {
    auto& consumer = consumers_[topic];
    if (!consumer) consumer = *bus_->Subscribe(topic, stage::RouteOf(topic).consumers.front());
    std::vector<std::pair<bus::Header, Message>> messages;
    for (;;) {
      const auto records = *consumer->Fetch(100, std::chrono::milliseconds(1));
      for (const bus::Record& record : records) {
        EXPECT_TRUE(stage::CheckHandOver(*keys_, topic, record.message, stage::RouteOf(topic).consumers.front()).ok());
        auto opened = keys_->Open(record.message.value, stage::ValueContext(topic, record.message.header.id));
        Message message;
        EXPECT_TRUE(opened.ok() && message.ParseFromString(opened->plaintext));
        if (record.message.header.source == "approval") messages.emplace_back(record.message.header, message);
      }
      if (records.empty()) return messages;
    }
  }
  // What goes to delivery: mails that were held, and notices.
  struct Sent {
    std::vector<mail::v1::Parcel> mails;
    std::map<std::string, std::string> notices;  // to → octets
  };
  Sent TakeSent() {
    Sent sent;
    for (auto& [header, parcel] : Records<mail::v1::Parcel>(bus::Topic::kSealed)) {
      if (parcel.system_mail() == mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
        EXPECT_EQ(header.traceparent, kTrace);
        sent.mails.push_back(parcel);
        continue;
      }
      EXPECT_EQ(parcel.envelope().mail_from(), "");
      const auto octets = content_->Read(parcel.content());
      EXPECT_TRUE(octets.ok());
      sent.notices[parcel.recipients(0).address()] = octets.ok() ? **octets : "";
    }
    return sent;
  }
  std::vector<mail::v1::Outcome> TakeOutcomes() {
    std::vector<mail::v1::Outcome> outcomes;
    for (auto& [header, outcome] : Records<mail::v1::Outcome>(bus::Topic::kOutcome)) outcomes.push_back(outcome);
    return outcomes;
  }
  // "held:HELD:2" — type, state, number of recipients; without those about notices.
  std::vector<std::string> TakeJournal() {
    std::vector<std::string> lines;
    for (auto& [header, event] : Records<mail::v1::JournalEvent>(bus::Topic::kJournal)) {
      if (event.system_mail() != mail::v1::SYSTEM_MAIL_UNSPECIFIED) continue;
      lines.push_back(event.type() + ":" + mail::v1::RecipientState_Name(event.state()).substr(16) + ":" +
                      std::to_string(event.recipients_size()));
    }
    return lines;
  }

  template <typename Condition>
  void Await(Condition condition, const char* what) {  // real time passes only until another thread has done its work
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  // Calls as `login` with a token.
  template <typename Request, typename Response>
  grpc::Status Call(const std::string& login,
                    grpc::Status (v1::ApprovalService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                    const Request& request, Response* response) {
    grpc::ClientContext context;
    if (!login.empty())
      context.AddMetadata("authorization", "Bearer " + authenticator_->tokens().Issue(login + "@example.jp")->token);
    return (stub_.get()->*method)(&context, request, response);
  }
  template <typename Request>
  grpc::StatusCode Decide(const std::string& login,
                          grpc::Status (v1::ApprovalService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                            v1::DecisionResponse*),
                          const std::string& parcel, const std::vector<std::string>& recipients = {},
                          const std::string& comment = "") {
    Request request;
    request.set_parcel_id(parcel);
    for (const std::string& address : recipients) request.add_recipients(address);
    if constexpr (requires { request.set_comment(comment); }) request.set_comment(comment);
    decision_.Clear();
    const grpc::Status status = Call(login, method, request, &decision_);
    message_ = status.error_message();
    return status.error_code();
  }
  grpc::StatusCode Release(const std::string& login, const Mail& mail,
                           const std::vector<std::string>& recipients = {}) {
    return Decide(login, &v1::ApprovalService::Stub::ReleaseHold, IdOf(mail), recipients);
  }
  grpc::StatusCode Approve(const std::string& login, const Mail& mail, const std::vector<std::string>& recipients = {},
                           const std::string& comment = "") {
    return Decide(login, &v1::ApprovalService::Stub::Approve, IdOf(mail), recipients, comment);
  }
  grpc::StatusCode Reject(const std::string& login, const Mail& mail, const std::string& comment,
                          const std::vector<std::string>& recipients = {}) {
    return Decide(login, &v1::ApprovalService::Stub::Reject, IdOf(mail), recipients, comment);
  }
  grpc::StatusCode Drop(const std::string& login, const Mail& mail, const std::string& comment) {
    return Decide(login, &v1::ApprovalService::Stub::DropHold, IdOf(mail), {}, comment);
  }
  v1::ListHoldsResponse Holds(const std::string& login, bool all = false) {
    v1::ListHoldsRequest request;
    request.set_all(all);
    v1::ListHoldsResponse response;
    EXPECT_TRUE(Call(login, &v1::ApprovalService::Stub::ListHolds, request, &response).ok());
    return response;
  }
  v1::ListApprovalsResponse Approvals(const std::string& login) {
    v1::ListApprovalsResponse response;
    EXPECT_TRUE(Call(login, &v1::ApprovalService::Stub::ListApprovals, v1::ListApprovalsRequest(), &response).ok());
    return response;
  }
  static std::string IdOf(const Mail& mail) { return ParcelId::FromOctets(mail.parcel.parcel_id())->ToString(); }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  config::v1::Config config_;
  observe::Metrics metrics_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<directory::Directory> directory_;
  std::unique_ptr<rpc::Authenticator> authenticator_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<stage::Surroundings> around_;
  std::unique_ptr<App> app_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<v1::ApprovalService::Stub> stub_;
  std::map<bus::Topic, std::unique_ptr<bus::Consumer>> consumers_;
  v1::DecisionResponse decision_;
  std::string message_;  // of the last refusal
};

}  // namespace sekisho::approval

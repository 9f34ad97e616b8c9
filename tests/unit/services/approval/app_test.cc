// The approval service from outside: what comes in by topics and gRPC, what goes out by topics.

#include <gmock/gmock.h>

#include "services/approval/adapters/tables.h"
#include "shared/mime/model.h"
#include "tests/unit/services/approval/approval_fixture.h"

namespace sekisho::approval {
namespace {

using grpc::StatusCode;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using ApprovalTest = ApprovalFixture;

// The text of a notice as its reader sees it.
std::string TextOf(const std::string& octets) {
  const auto mail = mime::Parse(octets);
  if (!mail.ok()) return "";
  for (const mime::Part& part : mail->parts) {
    if (part.role == mime::Role::kBodyText) return mail->subject + "\n" + *mime::ReadableText(*mail, part);
  }
  return mail->subject;
}

TEST_F(ApprovalTest, ATimedHoldGoesWhenItsTimeIsOver) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  EXPECT_THAT(TakeJournal(), ElementsAre("held:HELD:1"));
  clock_.Advance(minutes(3) - seconds(1));
  EXPECT_EQ(Holds("hanako").holds_size(), 1);
  clock_.Advance(seconds(1));
  std::vector<mail::v1::Parcel> mails;
  Await(
      [&] {
        const Sent sent = TakeSent();
        EXPECT_THAT(sent.notices, IsEmpty()) << "senders aren't told of timed holds unless it is configured";
        mails.insert(mails.end(), sent.mails.begin(), sent.mails.end());
        return !mails.empty();
      },
      "it went");
  ASSERT_EQ(mails.size(), 1u);
  EXPECT_EQ(mails[0].hop(), 2u);
  EXPECT_EQ(mails[0].parcel_id(), mail.parcel.parcel_id());
  EXPECT_EQ(mails[0].judgement().SerializeAsString(), mail.parcel.judgement().SerializeAsString())
      << "as policy signed it";
  EXPECT_THAT(TakeJournal(), ElementsAre("released:DELIVERING:1"));
  EXPECT_EQ(Holds("hanako").holds_size(), 0);
  EXPECT_THAT(TakeOutcomes(), IsEmpty());
}

TEST_F(ApprovalTest, TheSenderReleasesATimedHoldAndNobodyElse) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  for (const char* other : {"jiro", "taro", "officer", "ops"})
    EXPECT_EQ(Release(other, mail), StatusCode::PERMISSION_DENIED) << other;
  EXPECT_EQ(Release("", mail), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Release("hanako", mail), StatusCode::OK);
  EXPECT_EQ(decision_.state(), "cleared");
  EXPECT_EQ(TakeSent().mails.size(), 1u);
  EXPECT_EQ(Release("hanako", mail), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(message_, "this was decided already: it is cleared");
  clock_.Advance(minutes(5));
  EXPECT_THAT(TakeSent().mails, IsEmpty()) << "once";
}

TEST_F(ApprovalTest, WhatIsSealedNextGoesToEncryption) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  mail.judgement.clear_slip();
  for (const auto stage : {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY})
    mail.judgement.add_slip(stage);
  Judge(mail);
  Settle();
  EXPECT_EQ(Release("hanako", mail), StatusCode::OK);
  EXPECT_EQ(Records<mail::v1::Parcel>(bus::Topic::kCleared).size(), 1u);
  EXPECT_THAT(TakeSent().mails, IsEmpty());
  EXPECT_THAT(TakeJournal(), ElementsAre("held:HELD:1", "released:SEALING:1"));
}

TEST_F(ApprovalTest, TheSuperiorIsAskedAndApproves) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  const Sent asked = TakeSent();
  ASSERT_THAT(asked.notices, ::testing::SizeIs(2));
  const std::string to_taro = TextOf(asked.notices.at("taro@example.jp"));
  EXPECT_THAT(to_taro, HasSubstr("承認のお願い: 仕様\n"));
  EXPECT_THAT(to_taro, HasSubstr("差出人: 山田 花子 <hanako@example.jp>"));
  EXPECT_THAT(to_taro, HasSubstr("添付: spec.pdf"));
  EXPECT_THAT(to_taro, HasSubstr("TERM"));
  EXPECT_THAT(to_taro, HasSubstr("sekisho approval approve " + IdOf(mail)));
  const std::string to_hanako = TextOf(asked.notices.at("hanako@example.jp"));
  EXPECT_THAT(to_hanako, HasSubstr("佐々木 太郎さんの確認を待っています。"));
  EXPECT_THAT(to_hanako, Not(HasSubstr("TERM")));
  EXPECT_THAT(asked.notices.at("taro@example.jp"), HasSubstr("Auto-Submitted: auto-generated\r\n"));

  const auto waiting = Approvals("taro");
  ASSERT_EQ(waiting.approvals_size(), 1);
  EXPECT_EQ(waiting.approvals(0).reasons(0).evidence(), "TERM");
  v1::GetApprovalRequest request;
  request.set_parcel_id(IdOf(mail));
  v1::GetApprovalResponse shown;
  ASSERT_TRUE(Call("taro", &v1::ApprovalService::Stub::GetApproval, request, &shown).ok());
  EXPECT_EQ(shown.text(), "社外秘の仕様です");
  EXPECT_THAT(shown.attachment_names(), ElementsAre("spec.pdf"));
  EXPECT_EQ(shown.content_sha256(), mail.judgement.d1_sha256());
  EXPECT_EQ(Call("hanako", &v1::ApprovalService::Stub::GetApproval, request, &shown).error_code(),
            StatusCode::PERMISSION_DENIED);

  v1::ApproveRequest approve;
  approve.set_parcel_id(IdOf(mail));
  approve.set_content_sha256(std::string(32, 'x'));
  EXPECT_EQ(Call("taro", &v1::ApprovalService::Stub::Approve, approve, &decision_).error_code(),
            StatusCode::INVALID_ARGUMENT);
  approve.set_content_sha256(shown.content_sha256());
  EXPECT_TRUE(Call("taro", &v1::ApprovalService::Stub::Approve, approve, &decision_).ok());
  const Sent sent = TakeSent();
  EXPECT_EQ(sent.mails.size(), 1u);
  EXPECT_THAT(sent.notices, IsEmpty()) << "an approval without a comment says nothing: the mail goes";
  EXPECT_THAT(TakeJournal(), ElementsAre("held:AWAITING_APPROVAL:1", "approved:DELIVERING:1"));
  EXPECT_EQ(Approvals("taro").approvals_size(), 0);
}

TEST_F(ApprovalTest, NobodyApprovesTheirOwnMailNorThroughASharedMailbox) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL, Raw("sales@example.jp", "Sender: hanako@example.jp\r\n"));
  Judge(mail);
  Settle();
  EXPECT_EQ(Approve("hanako", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Release("hanako", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Approve("taro", mail), StatusCode::PERMISSION_DENIED) << "shares the mailbox in From";
  EXPECT_EQ(Approve("officer", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Approve("ops", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Approvals("taro").approvals_size(), 0);
  EXPECT_EQ(TakeSent().notices.count("boss@example.jp"), 1u);
  EXPECT_EQ(Approve("boss", mail), StatusCode::OK);
}

TEST_F(ApprovalTest, WhoMayDecideIsAskedOfTheDirectoryAtThatMoment) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  std::string changed = kDirectory;
  changed.replace(changed.find("name: 佐々木 太郎, "), 0, "disabled: true, ");
  std::ofstream(folder_ / "directory.yaml") << changed;
  clock_.Advance(seconds(2));
  EXPECT_EQ(Approve("taro", mail), StatusCode::UNAUTHENTICATED) << "left, whatever the token says";
  EXPECT_EQ(Approve("officer", mail), StatusCode::OK) << "stands in where there is no superior";
}

TEST_F(ApprovalTest, ARejectedMailComesBackWithTheComment) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  TakeSent();
  EXPECT_EQ(Reject("taro", mail, ""), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Reject("taro", mail, " \n"), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Reject("taro", mail, "顧客名簿は社外へ送れません。"), StatusCode::OK);
  const Sent sent = TakeSent();
  EXPECT_THAT(sent.mails, IsEmpty());
  ASSERT_EQ(sent.notices.size(), 1u);
  const std::string notice = sent.notices.at("hanako@example.jp");
  EXPECT_THAT(TextOf(notice), HasSubstr("コメント:\n  顧客名簿は社外へ送れません。\n"));
  EXPECT_THAT(notice, HasSubstr("Content-Type: message/rfc822"));
  EXPECT_THAT(notice, HasSubstr(Raw())) << "the original, octet for octet";
  EXPECT_THAT(TakeJournal(), ElementsAre("held:AWAITING_APPROVAL:1", "rejected:REJECTED:1"));
  const auto outcomes = TakeOutcomes();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_THAT(outcomes[0].recipients(), ElementsAre("tanaka@maker.example"));
  EXPECT_EQ(Approve("taro", mail), StatusCode::FAILED_PRECONDITION);
}

TEST_F(ApprovalTest, WhatNobodyDecidesAboutComesBackAndIsNeverSent) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  TakeSent();
  clock_.Advance(hours(72));
  std::vector<mail::v1::Outcome> outcomes;
  Await([&] { return !(outcomes = TakeOutcomes()).empty(); }, "it expired");
  EXPECT_EQ(outcomes[0].state(), mail::v1::RECIPIENT_STATE_EXPIRED);
  const Sent sent = TakeSent();
  EXPECT_THAT(sent.mails, IsEmpty());
  EXPECT_THAT(sent.notices.at("hanako@example.jp"), HasSubstr(Raw()));
  EXPECT_EQ(Approve("taro", mail), StatusCode::FAILED_PRECONDITION);
}

TEST_F(ApprovalTest, ADecisionAboutSomeSplitsTheParcel) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL, Raw(), {"a@x.example", "b@x.example", "c@x.example"});
  Judge(mail);
  Settle();
  TakeJournal();
  EXPECT_EQ(Approve("taro", mail, {"d@x.example"}), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Approve("taro", mail, {"b@x.example"}), StatusCode::OK);
  const std::string child = decision_.parcel_id();
  EXPECT_NE(child, IdOf(mail));
  EXPECT_EQ(Reject("taro", mail, "not to them", {"a@x.example"}), StatusCode::OK);
  const auto rest = Approvals("taro");
  ASSERT_EQ(rest.approvals_size(), 1);
  EXPECT_EQ(rest.approvals(0).parcel_id(), IdOf(mail));
  EXPECT_THAT(rest.approvals(0).recipients(), ElementsAre("c@x.example"));
  EXPECT_EQ(Approve("taro", mail), StatusCode::OK);
  EXPECT_EQ(decision_.parcel_id(), IdOf(mail));
  const Sent sent = TakeSent();
  ASSERT_EQ(sent.mails.size(), 2u);
  EXPECT_EQ(sent.mails[0].recipients(0).address(), "b@x.example");
  EXPECT_EQ(sent.mails[0].parent_parcel_id(), mail.parcel.parcel_id());
  EXPECT_EQ(sent.mails[1].recipients(0).address(), "c@x.example");
  EXPECT_THAT(TakeJournal(), ElementsAre("approved:DELIVERING:1", "rejected:REJECTED:1", "approved:DELIVERING:1"));
  EXPECT_EQ(Decide("taro", &v1::ApprovalService::Stub::Approve, child), StatusCode::FAILED_PRECONDITION);
}

TEST_F(ApprovalTest, TwoWhoDecideAtOnceDecideOnce) {
  Start();
  for (int round = 0; round < 10; ++round) {
    Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
    Judge(mail);
    Settle();
    std::vector<std::thread> threads;
    std::array<StatusCode, 4> answers{};
    for (size_t i = 0; i < answers.size(); ++i) {
      threads.emplace_back([&, i] {
        v1::DecisionResponse response;
        v1::ApproveRequest request;
        request.set_parcel_id(IdOf(mail));
        answers[i] = Call("taro", &v1::ApprovalService::Stub::Approve, request, &response).error_code();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(std::count(answers.begin(), answers.end(), StatusCode::OK), 1);
    EXPECT_EQ(std::count(answers.begin(), answers.end(), StatusCode::FAILED_PRECONDITION), 3);
    EXPECT_EQ(TakeSent().mails.size(), 1u);
  }
}

TEST_F(ApprovalTest, ARecallTakesBackWhatWaits) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED, Raw(), {"a@x.example", "b@x.example"});
  Judge(mail);
  Settle();
  Ask(mail, mail::v1::Control::ACTION_RECALL, {"a@X.example", "elsewhere@y.example"});
  Settle();
  EXPECT_THAT(TakeJournal(), ElementsAre("held:HELD:2", "recalled:RECALLED:1"));
  auto outcomes = TakeOutcomes();
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_THAT(outcomes[0].recipients(), ElementsAre("a@x.example"));
  Ask(mail, mail::v1::Control::ACTION_RECALL);
  Ask(mail, mail::v1::Control::ACTION_RECALL);
  Settle();
  outcomes = TakeOutcomes();
  ASSERT_EQ(outcomes.size(), 1u) << "once";
  EXPECT_THAT(outcomes[0].recipients(), ElementsAre("b@x.example"));
  clock_.Advance(minutes(10));
  EXPECT_EQ(Release("hanako", mail), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(TakeSent().mails, IsEmpty());
}

TEST_F(ApprovalTest, ARecallThatComesBeforeTheParcelHolds) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL, Raw(), {"a@x.example", "b@x.example"});
  Ask(mail, mail::v1::Control::ACTION_RECALL, {"a@x.example"});
  Settle();
  Judge(mail);
  Settle();
  EXPECT_THAT(TakeJournal(), ElementsAre("recalled:RECALLED:1", "held:AWAITING_APPROVAL:1"));
  Mail whole = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Ask(whole, mail::v1::Control::ACTION_RECALL);
  Settle();
  TakeSent();
  Judge(whole);
  Settle();
  EXPECT_THAT(TakeJournal(), ElementsAre("recalled:RECALLED:1"));
  EXPECT_THAT(TakeSent().notices, IsEmpty()) << "nobody is asked about what was taken back";
  EXPECT_EQ(Approve("taro", whole), StatusCode::FAILED_PRECONDITION);
}

TEST_F(ApprovalTest, AReleaseByControlLetsGoWhatIsTheSenders) {
  Start();
  Mail timed = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Mail approval = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(timed);
  Judge(approval);
  Settle();
  Ask(timed, mail::v1::Control::ACTION_RELEASE);
  Ask(approval, mail::v1::Control::ACTION_RELEASE);
  Settle();
  const Sent sent = TakeSent();
  ASSERT_EQ(sent.mails.size(), 1u);
  EXPECT_EQ(sent.mails[0].mail_id(), timed.parcel.mail_id());
}

TEST_F(ApprovalTest, EachClassAsksAndObeysItsOwn) {
  Start();
  struct Case {
    mail::v1::HoldClass hold;
    std::vector<std::string> told;
    std::string may;
  };
  for (const Case& each :
       {Case{mail::v1::HOLD_CLASS_CONFIRM, {"hanako@example.jp"}, "hanako"},
        Case{mail::v1::HOLD_CLASS_UNREADABLE, {"hanako@example.jp", "taro@example.jp"}, "officer"},
        Case{mail::v1::HOLD_CLASS_AMBIGUOUS, {"hanako@example.jp", "officer@example.jp"}, "officer"},
        Case{mail::v1::HOLD_CLASS_ERROR, {"hanako@example.jp", "ops@example.jp"}, "ops"},
        Case{static_cast<mail::v1::HoldClass>(42), {"hanako@example.jp", "ops@example.jp"}, "ops"}}) {
    Mail mail = MakeMail(each.hold);
    Judge(mail);
    Settle();
    std::vector<std::string> told;
    for (const auto& [to, octets] : TakeSent().notices) told.push_back(to);
    EXPECT_EQ(told, each.told) << each.hold;
    for (const char* other : {"hanako", "jiro", "boss", "officer", "ops"}) {
      if (other == each.may) continue;
      EXPECT_EQ(Release(other, mail), StatusCode::PERMISSION_DENIED) << each.hold << other;
    }
    EXPECT_EQ(Holds(each.may).holds_size(), 1) << each.hold;
    EXPECT_EQ(Release(each.may, mail), StatusCode::OK) << each.hold << message_;
    EXPECT_EQ(TakeSent().mails.size(), 1u);
  }
}

TEST_F(ApprovalTest, AMailWhoseSendersCannotBeReadIsForAnOfficer) {
  Start();
  Mail mail =
      MakeMail(mail::v1::HOLD_CLASS_APPROVAL, "From: a@example.jp\r\nFrom: b@example.jp\r\nSubject: x\r\n\r\nx\r\n");
  Judge(mail);
  Settle();
  EXPECT_EQ(Approve("taro", mail), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Reject("officer", mail, "no"), StatusCode::OK);
  EXPECT_THAT(TakeSent().notices.at("hanako@example.jp"), HasSubstr("application/octet-stream"))
      << "what has two readings is not shown as a mail";
}

TEST_F(ApprovalTest, ReadsMailUnderTheLimitsOfTheFile) {
  std::string raw = "From: hanako@example.jp\r\nSubject: deep\r\nMIME-Version: 1.0\r\n";
  for (int i = 0; i < 40; ++i) {
    const std::string boundary = "b" + std::to_string(i) + "z";
    raw += "Content-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n--" + boundary + "\r\n";
  }
  raw += "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=deep.pdf\r\n\r\n%PDF-1.4\r\n";
  for (int i = 39; i >= 0; --i) raw += "--b" + std::to_string(i) + "z--\r\n";
  config_.mutable_intake()->mutable_limits()->set_mime_depth(64);
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL, raw);
  Judge(mail);
  Settle();
  EXPECT_THAT(TextOf(TakeSent().notices.at("taro@example.jp")), HasSubstr("deep.pdf"));
}

TEST_F(ApprovalTest, AnOperatorDropsWithAReason) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  EXPECT_EQ(Drop("hanako", mail, "x"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Drop("ops", mail, ""), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Drop("ops", mail, "a test that went astray"), StatusCode::OK);
  EXPECT_EQ(TakeOutcomes().at(0).state(), mail::v1::RECIPIENT_STATE_DROPPED);
  const Sent sent = TakeSent();
  EXPECT_THAT(sent.mails, IsEmpty());
  EXPECT_THAT(TextOf(sent.notices.at("hanako@example.jp")), HasSubstr("a test that went astray"));
}

TEST_F(ApprovalTest, ListsShowWhatIsTheCallers) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  const auto own = Holds("hanako");
  ASSERT_EQ(own.holds_size(), 1);
  EXPECT_EQ(own.holds(0).hold_class(), mail::v1::HOLD_CLASS_APPROVAL);
  EXPECT_EQ(own.holds(0).reasons(0).rule_id(), "confidential");
  EXPECT_EQ(own.holds(0).reasons(0).evidence(), "") << "a sender never reads what matched";
  EXPECT_EQ(own.holds(0).subject(), "仕様");
  EXPECT_EQ(Holds("jiro").holds_size(), 0);
  EXPECT_EQ(Holds("ops").holds_size(), 0);
  EXPECT_EQ(Holds("ops", true).holds_size(), 1);
  EXPECT_EQ(Holds("ops", true).holds(0).reasons(0).evidence(), "");
  v1::ListHoldsRequest request;
  request.set_all(true);
  v1::ListHoldsResponse response;
  EXPECT_EQ(Call("taro", &v1::ApprovalService::Stub::ListHolds, request, &response).error_code(),
            StatusCode::PERMISSION_DENIED);
}

TEST_F(ApprovalTest, AForgedJudgementIsParkedAndNothingGoes) {
  Start();
  Mail unsigned_one = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  unsigned_one.parcel.mutable_judgement()->set_judgement(unsigned_one.judgement.SerializeAsString());
  HandOver(unsigned_one);
  Mail changed = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(changed);
  Settle();
  mail::v1::Judgement looser = changed.judgement;
  looser.mutable_treatment()->set_hold(mail::v1::HOLD_CLASS_TIMED);
  changed.parcel.mutable_judgement()->set_judgement(looser.SerializeAsString());
  changed.parcel.set_parcel_id(std::string(ParcelId::Generate(clock_.Now()).octets()));
  HandOver(changed);
  Settle();
  EXPECT_EQ(app_->stage().Parked()->size(), 2u);
  clock_.Advance(hours(1));
  EXPECT_THAT(TakeSent().mails, IsEmpty());
}

TEST_F(ApprovalTest, WhatWaitsSurvivesARestart) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  HandOver(mail);  // the same parcel again
  Settle();
  Close();
  Open();
  clock_.Advance(minutes(10));
  Start();
  size_t went = 0;
  Await([&] { return (went += TakeSent().mails.size()) > 0; }, "it went");
  Settle();
  EXPECT_EQ(went + TakeSent().mails.size(), 1u);
}

TEST_F(ApprovalTest, AClockThatJumpsReleasesNothingForAWhile) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  const auto jumps = [&] {
    return metrics_.Expose().find("sekisho_approval_clock_jumps_total 1") != std::string::npos;
  };
  clock_.Jump(hours(24 * 30));
  Await(jumps, "the timer has seen the jump");
  EXPECT_THAT(TakeSent().mails, IsEmpty());
  EXPECT_EQ(Release("hanako", mail), StatusCode::OK) << "people still decide";
}

TEST_F(ApprovalTest, SendersAreToldOfTimedHoldsWhenConfigured) {
  config_.mutable_approval()->set_notify_sender_of_timed_holds(true);
  config_.mutable_approval()->set_link_base_url("https://mail.example.jp");
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  EXPECT_THAT(TextOf(TakeSent().notices.at("hanako@example.jp")),
              HasSubstr("https://mail.example.jp/holds/" + IdOf(mail)));
}

TEST_F(ApprovalTest, AMailWhoseKeyWasDestroyedStopsNobodyElse) {
  Start();
  Mail lost = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  lost.judgement.mutable_treatment()->mutable_hold_for()->set_seconds(26 * 3600);
  Judge(lost);
  Settle();
  const std::string epoch = keys_->Epochs().front();
  clock_.Advance(hours(25));
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_TIMED);
  Judge(mail);
  Settle();
  TakeSent();
  TakeJournal();
  ASSERT_TRUE(keys_->DestroyEpoch(epoch).ok());
  clock_.Advance(hours(2));
  size_t went = 0;
  Await([&] { return (went += TakeSent().mails.size()) > 0; }, "the other one went");
  EXPECT_EQ(went, 1u);
  EXPECT_EQ(Release("hanako", lost), StatusCode::NOT_FOUND);
}

TEST_F(ApprovalTest, NothingReadableIsKeptAtRest) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Ask(mail, mail::v1::Control::ACTION_RECALL, {"canary@elsewhere.example"});
  Settle();
  Close();
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(store_.files())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_FALSE(all.empty());
  for (const char* word : {"hanako", "tanaka", "spec.pdf", "仕様", "TERM", "canary"})
    EXPECT_EQ(all.find(word), std::string::npos) << word;
  Open();
}

TEST_F(ApprovalTest, TellsAnOperatorHowMuchWaits) {
  Start();
  Mail mail = MakeMail(mail::v1::HOLD_CLASS_APPROVAL);
  Judge(mail);
  Settle();
  clock_.Advance(minutes(5));
  const std::string text = metrics_.Expose();
  EXPECT_THAT(text, HasSubstr("sekisho_approval_waiting{class=\"approval\"} 1"));
  EXPECT_THAT(text, HasSubstr("sekisho_approval_oldest_seconds{class=\"approval\"} 300"));
  EXPECT_THAT(text, HasSubstr("sekisho_approval_held_total{class=\"approval\"} 1"));
}

}  // namespace
}  // namespace sekisho::approval

// A submitted mail becomes parcels.

#include <gmock/gmock.h>

#include "shared/crypto/digest.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPolicy[] = R"yaml(
name: test
partners:
  - {name: p, domains: [partner.example]}
rules:
  - {id: wait, when: {recipient: {scope: [UNKNOWN]}}, then: {hold_for: 3m}}
  - {id: secret, when: {recipient: {scope: [EXTERNAL]}, content: {keywords: [社外秘]}}, then: {approval: {}}}
  - {id: bcc, when: {recipient: {scope: [EXTERNAL]}, count: {external_addresses_over: 2}}, then: {to_cc_to_bcc: true}}
  - {id: sign, when: {recipient: {partner_lists: [p]}}, then: {smime_sign: true}}
  - id: never
    when: {recipient: {domains: [bad.example]}}
    reason: {ja: この宛先には送れません。, en: Nothing is sent there.}
    then: {block: true}
)yaml";

constexpr char kPlain[] =
    "From: hanako@example.jp\r\nTo: jiro@example.jp\r\nSubject: =?UTF-8?B?5oyo5ou2?=\r\nMessage-ID: <1@example.jp>\r\n"
    "Date: Tue, 24 Nov 2026 01:02:03 +0000\r\n\r\nhello\r\n";

class SubmittedTest : public ::testing::Test {
 protected:
  SubmittedTest() : world_(kPolicy) { SEKISHO_CHECK(world_.Start().ok()); }

  mail::v1::Judgement JudgementOf(const mail::v1::Parcel& parcel) {
    mail::v1::Judgement judgement;
    EXPECT_TRUE(judgement.ParseFromString(parcel.judgement().judgement()));
    return judgement;
  }

  PolicyWorld world_;
};

TEST_F(SubmittedTest, WhatPassesGoesStraightToDelivery) {
  const MailId id = world_.Submit(kPlain, {"jiro@example.jp"});
  const auto parcel = world_.NextParcel(bus::Topic::kSealed);
  EXPECT_EQ(parcel.mail_id(), id.octets());
  EXPECT_EQ(parcel.hop(), 1u);
  EXPECT_EQ(parcel.envelope().mail_from(), "hanako@example.jp");
  EXPECT_EQ(parcel.subject(), "挨拶");
  EXPECT_EQ(parcel.content().key(), id.ToString() + "/d0") << "nothing was changed, so D1 is D0";
  EXPECT_FALSE(parcel.has_seal());

  const auto judgement = JudgementOf(parcel);
  EXPECT_EQ(judgement.mail_id(), id.octets());
  EXPECT_EQ(judgement.root_parcel_id(), parcel.parcel_id());
  EXPECT_EQ(judgement.d0_sha256(), crypto::Sha256(kPlain));
  EXPECT_EQ(judgement.d1_sha256(), crypto::Sha256(kPlain));
  EXPECT_THAT(judgement.recipients(), ElementsAre("jiro@example.jp"));
  EXPECT_THAT(judgement.slip(), ElementsAre(mail::v1::STAGE_DELIVERY));
  EXPECT_EQ(judgement.policy_version().size(), 12u);
  ASSERT_EQ(parcel.judgement().mac_by_stage_size(), 1);
  EXPECT_TRUE(world_.keys
                  ->CheckEdgeMac("policy", "delivery", parcel.judgement().judgement(),
                                 parcel.judgement().mac_by_stage().at(mail::v1::STAGE_DELIVERY))
                  .ok());

  const auto event = world_.NextEvent();
  EXPECT_EQ(event.type(), "judged");
  EXPECT_EQ(event.stage(), mail::v1::STAGE_POLICY);
  EXPECT_EQ(event.state(), mail::v1::RECIPIENT_STATE_JUDGED);
  EXPECT_EQ(event.parcel_id(), parcel.parcel_id());
  EXPECT_THAT(event.detail(), StartsWith("pass (policy "));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kJudged));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kCleared));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kOutcome));
}

TEST_F(SubmittedTest, OneMailBecomesAParcelForEachTreatment) {
  world_.Submit(kPlain, {"a@x.example", "jiro@example.jp", "s@partner.example", "b@y.example"});
  const auto held = world_.NextParcel(bus::Topic::kJudged);
  const auto cleared = world_.NextParcel(bus::Topic::kCleared);
  const auto sealed = world_.NextParcel(bus::Topic::kSealed);
  ASSERT_EQ(held.recipients_size(), 2);
  EXPECT_EQ(held.recipients(0).address(), "a@x.example");
  EXPECT_EQ(held.recipients(1).address(), "b@y.example");
  EXPECT_EQ(cleared.recipients(0).address(), "s@partner.example");
  EXPECT_EQ(sealed.recipients(0).address(), "jiro@example.jp");
  EXPECT_THAT(JudgementOf(held).slip(), ElementsAre(mail::v1::STAGE_APPROVAL, mail::v1::STAGE_DELIVERY));
  EXPECT_EQ(JudgementOf(held).treatment().hold_for().seconds(), 180);
  EXPECT_EQ(JudgementOf(held).reasons(0).rule_id(), "wait");
  EXPECT_EQ(held.judgement().mac_by_stage_size(), 2) << "one for each stage ahead";
  EXPECT_TRUE(world_.keys
                  ->CheckEdgeMac("policy", "approval", held.judgement().judgement(),
                                 held.judgement().mac_by_stage().at(mail::v1::STAGE_APPROVAL))
                  .ok());
  EXPECT_THAT(JudgementOf(cleared).slip(), ElementsAre(mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY));
}

TEST_F(SubmittedTest, BccNeverLeaves) {
  world_.Submit(
      "From: hanako@example.jp\r\nBcc: a@x.example,\r\n b@x.example\r\nTo: jiro@example.jp\r\nResent-bcc: "
      "c@x.example\r\n"
      "Message-ID: <1@example.jp>\r\nDate: Tue, 24 Nov 2026 01:02:03 +0000\r\n\r\nBcc: body\r\n",
      {"jiro@example.jp"});
  const auto parcel = world_.NextParcel(bus::Topic::kSealed);
  EXPECT_EQ(world_.ReadContent(parcel.content()),
            "From: hanako@example.jp\r\nTo: jiro@example.jp\r\nMessage-ID: <1@example.jp>\r\n"
            "Date: Tue, 24 Nov 2026 01:02:03 +0000\r\n\r\nBcc: body\r\n");
  EXPECT_EQ(JudgementOf(parcel).d1_sha256(), parcel.content().sha256());
  EXPECT_NE(JudgementOf(parcel).d0_sha256(), parcel.content().sha256());
}

TEST_F(SubmittedTest, WhatASubmissionLacksIsAdded) {
  const MailId id =
      world_.Submit("From: hanako@example.jp\r\nTo: jiro@example.jp\r\n\r\nhello\r\n", {"jiro@example.jp"});
  const std::string d1 = world_.ReadContent(world_.NextParcel(bus::Topic::kSealed).content());
  EXPECT_THAT(d1, HasSubstr("Message-ID: <" + id.ToString() + "@gw.example.jp>\r\n"));
  EXPECT_THAT(d1, HasSubstr("\r\nDate: "));
  EXPECT_THAT(d1, ::testing::EndsWith("\r\n\r\nhello\r\n"));
}

TEST_F(SubmittedTest, ManyOutsideRecipientsAreHiddenFromEachOtherOnly) {
  const std::string raw =
      "From: hanako@example.jp\r\nTo: a@x.example, b@x.example\r\nCc: c@x.example\r\nSubject: s\r\nMessage-ID: "
      "<1@example.jp>\r\n"
      "Date: Tue, 24 Nov 2026 01:02:03 +0000\r\n\r\nhello\r\n";
  world_.Submit(raw, {"a@x.example", "b@x.example", "c@x.example", "s@partner.example", "jiro@example.jp"});
  const auto held = world_.NextParcel(bus::Topic::kJudged);
  const std::string hidden = world_.ReadContent(held.content());
  EXPECT_THAT(hidden, Not(HasSubstr("x.example")));
  EXPECT_THAT(hidden, HasSubstr("To: undisclosed-recipients:;\r\n"));
  const auto cleared = world_.NextParcel(bus::Topic::kCleared);
  EXPECT_EQ(cleared.content().key(), held.content().key()) << "the same octets are stored once";
  EXPECT_EQ(world_.ReadContent(world_.NextParcel(bus::Topic::kSealed).content()), raw);
}

TEST_F(SubmittedTest, WhatIsBlockedIsRejectedAndTheSenderTold) {
  const MailId id =
      world_.Submit(std::string("X-Note: 1\r\n") + kPlain, {"x@bad.example", "jiro@example.jp", "y@bad.example"});
  const auto outcome = world_.Next<mail::v1::Outcome>(bus::Topic::kOutcome);
  EXPECT_EQ(outcome.mail_id(), id.octets());
  EXPECT_EQ(outcome.state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_THAT(outcome.recipients(), ElementsAre("x@bad.example", "y@bad.example"));
  EXPECT_THAT(outcome.detail(), HasSubstr("never"));
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kOutcome));

  EXPECT_EQ(world_.NextParcel(bus::Topic::kSealed).recipients(0).address(), "jiro@example.jp");
  const auto notice = world_.NextParcel(bus::Topic::kSealed);
  EXPECT_EQ(notice.system_mail(), mail::v1::SYSTEM_MAIL_NOTICE);
  EXPECT_EQ(notice.envelope().mail_from(), "");
  ASSERT_EQ(notice.recipients_size(), 1);
  EXPECT_EQ(notice.recipients(0).address(), "hanako@example.jp");
  EXPECT_NE(notice.mail_id(), id.octets());
  EXPECT_FALSE(notice.has_judgement());
  const std::string octets = world_.ReadContent(notice.content());
  const auto model = mime::Parse(octets);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(model->subject, "送信できませんでした: 挨拶");
  EXPECT_EQ(model->Find("Auto-Submitted")->text, "auto-replied");
  EXPECT_EQ(model->Find("In-Reply-To")->text, "<1@example.jp>");
  const std::string text = *mime::ReadableText(*model, model->parts[0]);
  for (const char* each :
       {"x@bad.example", "y@bad.example", "この宛先には送れません。", "Nothing is sent there.", "never", "挨拶"}) {
    EXPECT_THAT(text, HasSubstr(each));
  }
  EXPECT_THAT(text, Not(HasSubstr("jiro")));

  std::vector<std::string> types;
  for (int i = 0; i < 3; ++i) {
    const auto event = world_.NextEvent();
    types.push_back(event.type() + (event.mail_id() == id.octets() ? "" : " of the notice"));
  }
  EXPECT_THAT(types, ElementsAre("rejected", "judged", "accepted of the notice"));
}

TEST_F(SubmittedTest, TheNullSenderIsNotTold) {
  world_.Submit(kPlain, {"x@bad.example"}, "");
  EXPECT_EQ(world_.Next<mail::v1::Outcome>(bus::Topic::kOutcome).state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
}

TEST_F(SubmittedTest, TwoReadingsHoldEvenInsideAndBccStillNeverLeaves) {
  world_.Submit(
      "From: hanako@example.jp\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\nBcc: c@x.example\r\n"
      " , d@x.example\r\n\r\nhello\r\n",
      {"jiro@example.jp", "a@x.example"});
  const auto parcel = world_.NextParcel(bus::Topic::kJudged);
  EXPECT_EQ(parcel.recipients_size(), 2);
  const auto judgement = JudgementOf(parcel);
  EXPECT_EQ(judgement.treatment().hold(), mail::v1::HOLD_CLASS_AMBIGUOUS);
  EXPECT_EQ(judgement.reasons(0).rule_id(), "sekisho-ambiguous");
  EXPECT_FALSE(judgement.reasons(0).evidence().empty());
  EXPECT_EQ(world_.ReadContent(parcel.content()),
            "From: hanako@example.jp\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello\r\n");
}

TEST_F(SubmittedTest, ALimitThatIsHitHolds) {
  std::string deep = "From: hanako@example.jp\r\nMIME-Version: 1.0\r\n", end;
  for (int i = 10; i < 50; ++i) {
    deep +=
        "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" + std::to_string(i) + "\r\n";
    end = "\r\n--b" + std::to_string(i) + "--\r\n" + end;
  }
  world_.Submit(deep + "\r\ntext" + end, {"jiro@example.jp"});
  const auto judgement = JudgementOf(world_.NextParcel(bus::Topic::kJudged));
  EXPECT_EQ(judgement.treatment().hold(), mail::v1::HOLD_CLASS_ERROR);
  EXPECT_THAT(judgement.reasons(0).evidence(), HasSubstr("nested too deep"));
}

TEST_F(SubmittedTest, WhatNobodyCanScanIsHeldWhereARuleLooksIntoIt) {
  world_.sandbox.answers.emplace("a.bin", [] {
    sandbox::Inspection inspection;
    inspection.reading = sandbox::Reading::kEncrypted;
    return inspection;
  }());
  world_.Submit(
      "From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
      "Content-Disposition: attachment; filename=a.bin\r\n\r\n\x01\x02\x03 octets\r\n",
      {"s@partner.example", "jiro@example.jp"});
  const auto held = world_.NextParcel(bus::Topic::kJudged);
  EXPECT_EQ(held.recipients(0).address(), "s@partner.example");
  EXPECT_EQ(JudgementOf(held).treatment().hold(), mail::v1::HOLD_CLASS_UNREADABLE);
  EXPECT_EQ(JudgementOf(held).reasons(1).rule_id(), "sekisho-unreadable");
  EXPECT_EQ(JudgementOf(held).reasons(1).place(), "attachment 1");
  EXPECT_EQ(world_.NextParcel(bus::Topic::kSealed).recipients(0).address(), "jiro@example.jp");
}

TEST_F(SubmittedTest, AMailWhoseContentIsGoneIsParked) {
  const MailId id = world_.Submit(kPlain, {"jiro@example.jp"});
  world_.NextParcel(bus::Topic::kSealed);
  world_.NextEvent();
  const keys::MailKey key = *world_.keys->NewMailKey(world_.clock.Now());
  const MailId other = MailId::Generate(world_.clock.Now());
  mail::v1::Mail mail;
  mail.set_organization_id("example");
  mail.set_mail_id(std::string(other.octets()));
  mail.add_recipients()->set_address("jiro@example.jp");
  mail.mutable_content()->set_key(other.ToString() + "/d0");
  mail.mutable_content()->set_sha256(std::string(32, 'x'));
  world_.Publish("intake", bus::Topic::kSubmitted, key, other, mail, [](store::Tx&) { return Ok(); });
  const auto event = world_.NextEvent();
  EXPECT_EQ(event.mail_id(), other.octets());
  EXPECT_EQ(event.state(), mail::v1::RECIPIENT_STATE_PARKED);
  EXPECT_TRUE(world_.IsEmpty(bus::Topic::kSealed));
  static_cast<void>(id);
}

}  // namespace
}  // namespace sekisho::policy

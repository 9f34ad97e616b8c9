#include "services/delivery/domain/dsn.h"

#include <gtest/gtest.h>

#include <set>

#include "services/delivery/domain/dsn_reason.h"
#include "shared/mime/model.h"

namespace sekisho::delivery {
namespace {

using std::chrono::hours;
constexpr TimePoint kNow{std::chrono::seconds(1795482123)};

class DsnTest : public ::testing::Test {
 protected:
  DsnTest() {
    envelope_.set_mail_from("hanako@example.jp");
    recipient_.set_address("yamada@customer.example");
    dsn_.recipients = {{.recipient = &recipient_,
                        .status = "5.1.1",
                        .diagnostic = "550 5.1.1 <yamada@customer.example>: unknown",
                        .from_peer = true,
                        .remote_host = "mx.customer.example"}};
    dsn_.envelope = &envelope_;
    dsn_.subject = "見積書の件";
    dsn_.mail_id = "0193f3c8-0000-7000-8000-000000000001";
    dsn_.original = original_;
    dsn_.arrived_at = kNow - hours(5);
    dsn_.attempted_at = kNow;
    dsn_.retry_until = kNow + hours(100);
    dsn_.hostname = "gate.example.jp";
  }

  // Composes, parses as strictly as any mail, and gives the parts: text, status, returned.
  struct Parts {
    std::string raw, text, status, returned, returned_type;
    mime::MailModel model;
  };
  Parts Compose() {
    Parts parts;
    const auto composed = notice::Compose(WriteDsn(dsn_), {"postmaster@example.jp", "<notice@gate.example.jp>", kNow});
    EXPECT_TRUE(composed.ok()) << composed.error().ToString();
    parts.raw = *composed;
    auto model = mime::Parse(std::make_shared<const std::string>(parts.raw));
    EXPECT_TRUE(model.ok()) << model.error().ToString();
    parts.model = *std::move(model);
    EXPECT_EQ(parts.model.parts.at(0).MediaType(), "multipart/report");
    EXPECT_EQ(parts.model.parts.at(0).FindParameter("report-type"), "delivery-status");
    for (const mime::Part& part : parts.model.parts) {
      if (part.parent != 0 || part.depth != 1) continue;
      if (part.type == "text" && part.subtype == "plain") parts.text = *mime::DecodeContent(parts.model, part);
      if (part.subtype == "delivery-status") parts.status = *mime::DecodeContent(parts.model, part);
      if (part.subtype == "rfc822" || part.subtype == "rfc822-headers") {
        parts.returned_type = part.subtype;
        parts.returned = std::string(parts.model.Octets(part.body));
      }
    }
    return parts;
  }

  const std::string original_ =
      "From: hanako@example.jp\r\nSubject: =?UTF-8?B?6KaL56mN5pu4?=\r\nMessage-ID: <original@example.jp>\r\n\r\nThe "
      "body.\r\n";
  mail::v1::Envelope envelope_;
  mail::v1::Recipient recipient_;
  Dsn dsn_;
};

TEST_F(DsnTest, SaysWhatFailedAndWhy) {
  const Parts parts = Compose();
  EXPECT_EQ(parts.model.to.at(0).AddrSpec(), "hanako@example.jp");
  EXPECT_EQ(parts.model.from.at(0).AddrSpec(), "postmaster@example.jp");
  EXPECT_EQ(parts.model.Find("Auto-Submitted")->text, "auto-replied");
  EXPECT_EQ(parts.model.Find("In-Reply-To")->text, "<original@example.jp>");
  EXPECT_NE(parts.model.subject.find("見積書の件"), std::string::npos);
  EXPECT_EQ(parts.status,
            "Reporting-MTA: dns; gate.example.jp\r\n"
            "Arrival-Date: " +
                FormatRfc5322(kNow - hours(5)) +
                "\r\n"
                "\r\n"
                "Final-Recipient: rfc822; yamada@customer.example\r\n"
                "Action: failed\r\n"
                "Status: 5.1.1\r\n"
                "Remote-MTA: dns; mx.customer.example\r\n"
                "Diagnostic-Code: smtp; 550 5.1.1 <yamada@customer.example>: unknown\r\n"
                "Last-Attempt-Date: " +
                FormatRfc5322(kNow) + "\r\n");
}

TEST_F(DsnTest, TellsPeopleInBothLanguagesTheirsFirst) {
  const std::string in_japanese = "宛先のメールアドレスが存在しません。", in_english = "The address does not exist.";
  std::string text = Compose().text;
  ASSERT_NE(text.find(in_english), std::string::npos);
  EXPECT_LT(text.find(in_japanese), text.find(in_english));
  EXPECT_NE(text.find("yamada@customer.example"), std::string::npos);
  EXPECT_NE(text.find(dsn_.mail_id), std::string::npos);
  EXPECT_NE(text.find("Check the spelling"), std::string::npos);
  dsn_.language = notice::Language::kEnglish;
  text = Compose().text;
  EXPECT_GT(text.find(in_japanese), text.find(in_english));
  EXPECT_EQ(Compose().model.subject.find("Undelivered mail"), 0U);
}

TEST_F(DsnTest, ReturnsTheHeadersUnlessAskedForAll) {
  EXPECT_EQ(Compose().returned_type, "rfc822-headers");
  EXPECT_EQ(Compose().raw.find("The body."), std::string::npos);
  envelope_.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_HEADERS);
  EXPECT_EQ(Compose().returned_type, "rfc822-headers");
  envelope_.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_FULL);
  EXPECT_EQ(Compose().returned_type, "rfc822");
  EXPECT_NE(Compose().raw.find("The body."), std::string::npos);
}

TEST_F(DsnTest, ALargeMailIsNotReturnedWhole) {
  envelope_.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_FULL);
  const std::string large = original_ + std::string(kMaxReturned, 'x');
  dsn_.original = large;
  EXPECT_EQ(Compose().returned_type, "rfc822-headers");
}

TEST_F(DsnTest, ReturnsNothingWhenTheContentIsLost) {
  dsn_.original = {};
  const Parts parts = Compose();
  EXPECT_NE(parts.status.find("Action: failed"), std::string::npos);
  EXPECT_EQ(parts.model.Find("In-Reply-To"), nullptr);
}

TEST_F(DsnTest, OfAn8BitMailTheHeadersAreReturned) {
  const std::string eight_bit =
      "From: hanako@example.jp\r\nSubject: 件名\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n\r\n本文\r\n";
  dsn_.original = eight_bit;
  for (const auto ret : {mail::v1::Envelope::DSN_RETURN_HEADERS, mail::v1::Envelope::DSN_RETURN_FULL}) {
    envelope_.set_dsn_ret(ret);
    EXPECT_EQ(Compose().returned_type, "rfc822-headers");
    const std::string raw = Compose().raw;
    EXPECT_TRUE(std::all_of(raw.begin(), raw.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
  }
}

TEST_F(DsnTest, NamesWhatTheSenderAskedFor) {
  envelope_.set_dsn_envid("QQ+314");
  recipient_.set_original_recipient("rfc822;yamada+x@Customer.example");
  const std::string status = Compose().status;
  EXPECT_EQ(status.find("Original-Envelope-Id: QQ+314\r\n"), 0U);
  EXPECT_NE(status.find("Original-Recipient: rfc822; yamada+x@Customer.example\r\n"), std::string::npos);
}

TEST_F(DsnTest, OfAMailWithLongLinesTheHeadersAreReturned) {
  envelope_.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_FULL);
  const std::string long_line = original_ + std::string(2000, 'x') + "\r\n";
  dsn_.original = long_line;
  EXPECT_EQ(Compose().returned_type, "rfc822-headers");
}

TEST_F(DsnTest, ADelaySaysUntilWhen) {
  dsn_.action = DsnAction::kDelayed;
  dsn_.recipients[0].status = "4.4.1";
  dsn_.recipients[0].diagnostic = "connect: no answer";
  dsn_.recipients[0].from_peer = false;
  envelope_.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_FULL);
  const Parts parts = Compose();
  EXPECT_NE(parts.status.find("Action: delayed\r\nStatus: 4.4.1\r\n"), std::string::npos);
  EXPECT_NE(parts.status.find("Diagnostic-Code: x-sekisho; connect: no answer\r\n"), std::string::npos);
  EXPECT_NE(parts.status.find("Will-Retry-Until: " + FormatRfc5322(kNow + hours(100))), std::string::npos);
  EXPECT_NE(parts.text.find("you don't need to send it again"), std::string::npos);
  EXPECT_EQ(parts.returned_type, "rfc822-headers");
}

TEST_F(DsnTest, RelayedIsSaidWithoutBlame) {
  dsn_.action = DsnAction::kRelayed;
  dsn_.recipients[0].status = "2.0.0";
  dsn_.recipients[0].diagnostic = "250 2.0.0 ok";
  const Parts parts = Compose();
  EXPECT_NE(parts.status.find("Action: relayed\r\nStatus: 2.0.0\r\n"), std::string::npos);
  EXPECT_EQ(parts.text.find("Why"), std::string::npos);
}

TEST_F(DsnTest, AnInternationalisedAddressIsNamedAsOne) {
  recipient_.set_address("山田@customer.example");
  const Parts parts = Compose();
  EXPECT_NE(parts.status.find("Final-Recipient: utf-8; \\x{5C71}\\x{7530}@customer.example\r\n"), std::string::npos);
}

TEST_F(DsnTest, WhatAPeerSaysCannotForgeAField) {
  dsn_.recipients[0].diagnostic = "550 no\r\nAction: delivered\r\n\r\nFinal-Recipient: rfc822; other@x";
  dsn_.recipients[0].remote_host = "mx\r\nBcc: x";
  const Parts parts = Compose();
  EXPECT_EQ(parts.status.find("\r\nAction: delivered"), std::string::npos);
  EXPECT_EQ(parts.raw.find("\r\nBcc:"), std::string::npos);
}

TEST_F(DsnTest, WhoWantsToKnow) {
  using mail::v1::Recipient;
  struct Case {
    std::vector<Recipient::Notify> notify;
    bool failed, delayed, relayed;
  };
  for (const Case& c :
       {Case{{}, true, true, false}, Case{{Recipient::NOTIFY_NEVER}, false, false, false},
        Case{{Recipient::NOTIFY_SUCCESS}, false, false, true}, Case{{Recipient::NOTIFY_FAILURE}, true, false, false},
        Case{{Recipient::NOTIFY_DELAY}, false, true, false},
        Case{{Recipient::NOTIFY_SUCCESS, Recipient::NOTIFY_FAILURE, Recipient::NOTIFY_DELAY}, true, true, true}}) {
    recipient_.clear_notify();
    for (const auto notify : c.notify) recipient_.add_notify(notify);
    envelope_.set_mail_from("hanako@example.jp");
    EXPECT_EQ(WantsDsn(envelope_, recipient_, DsnAction::kFailed), c.failed);
    EXPECT_EQ(WantsDsn(envelope_, recipient_, DsnAction::kDelayed), c.delayed);
    EXPECT_EQ(WantsDsn(envelope_, recipient_, DsnAction::kRelayed), c.relayed);
    envelope_.clear_mail_from();
    for (const auto action : {DsnAction::kFailed, DsnAction::kDelayed, DsnAction::kRelayed}) {
      EXPECT_FALSE(WantsDsn(envelope_, recipient_, action));
    }
  }
}

TEST(WordingTest, EveryStatusHasWordsInBothLanguages) {
  std::set<std::string_view> reasons;
  for (const char* status : {"5.1.1", "5.1.2", "5.1.10", "5.1.6", "5.2.1", "5.2.2", "5.2.3", "5.3.4", "5.4.6", "5.4.7",
                             "4.4.1", "5.6.3", "5.6.7", "5.7.30", "5.7.1", "5.0.0", "", "nonsense"}) {
    const Wording wording = WordingOf(status);
    for (const auto text : {wording.why_ja, wording.why_en, wording.remedy_ja, wording.remedy_en})
      EXPECT_FALSE(text.empty()) << status;
    reasons.insert(wording.why_en);
  }
  EXPECT_EQ(WordingOf("5.1.1").why_en, "The address does not exist.");
  EXPECT_NE(WordingOf("5.1.10").why_en, WordingOf("5.1.1").why_en);
  EXPECT_GE(reasons.size(), 15U);
}

}  // namespace
}  // namespace sekisho::delivery

#include "services/approval/domain/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/testing/fake_clock.h"

namespace sekisho::approval {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NoticeFacts Facts(NoticeKind kind, State state) {
  NoticeFacts facts;
  facts.kind = kind;
  facts.state = state;
  facts.mail_id = "MAIL";
  facts.parcel_id = "PARCEL";
  facts.subject = "新製品の仕様について";
  facts.from = "hanako@example.jp";
  facts.from_name = "山田 花子";
  facts.recipients = {"tanaka@maker.example"};
  facts.files = {"仕様書.pdf"};
  mail::v1::Reason& reason = facts.reasons.emplace_back();
  reason.set_text_ja("上長の承認が必要です。");
  reason.set_text_en("Your superior must approve it.");
  reason.set_remedy_ja("社外秘の内容を除いてください。");
  reason.set_remedy_en("Take the confidential content out.");
  reason.set_evidence("SECRET-TERM");
  reason.set_place("body line 3");
  facts.due = FromMicros(1'795'741'200'000'000);  // 2026-11-27T01:00Z
  facts.decider = "佐々木 太郎";
  return facts;
}

TEST(NoticeTest, AsksTheApproverWithAllTheyNeed) {
  const notice::Letter letter = WriteNotice(Facts(NoticeKind::kAskToDecide, State::kApproval), Language::kJapanese);
  EXPECT_EQ(letter.subject, "承認のお願い: 新製品の仕様について");
  EXPECT_EQ(letter.text,
            "次のメールが、あなたの判断を待っています。\n\n"
            "件名: 新製品の仕様について\n"
            "差出人: 山田 花子 <hanako@example.jp>\n"
            "宛先: tanaka@maker.example\n"
            "添付: 仕様書.pdf\n\n"
            "止めた理由:\n"
            "- 上長の承認が必要です。 (本文 3行目: \"SECRET-TERM\")\n\n"
            "内容を見る: sekisho approval show PARCEL\n"
            "承認する: sekisho approval approve PARCEL\n"
            "差し戻す: sekisho approval reject PARCEL --comment \"...\"\n\n"
            "2026-11-27 10:00（日本時間） までに判断がない場合は、送信せずに差出人へ返します。\n\n"
            "------------------------------------------------------------\n\n"
            "The mail below waits for your decision.\n\n"
            "Subject: 新製品の仕様について\n"
            "From: 山田 花子 <hanako@example.jp>\n"
            "To: tanaka@maker.example\n"
            "Files: 仕様書.pdf\n\n"
            "Why:\n"
            "- Your superior must approve it. (body line 3: \"SECRET-TERM\")\n\n"
            "Look at it: sekisho approval show PARCEL\n"
            "Approve: sekisho approval approve PARCEL\n"
            "Reject: sekisho approval reject PARCEL --comment \"...\"\n\n"
            "If nobody decides by 2026-11-27 01:00 UTC, it goes back to its sender and is not sent.\n");
}

TEST(NoticeTest, TellsTheSenderWhatIsHeldAndWhy) {
  const notice::Letter letter = WriteNotice(Facts(NoticeKind::kHeld, State::kApproval), Language::kEnglish);
  EXPECT_EQ(letter.subject, "Your mail waits for approval: 新製品の仕様について");
  EXPECT_THAT(letter.text, HasSubstr("It waits for 佐々木 太郎."));
  EXPECT_THAT(letter.text, HasSubstr("Next time: Take the confidential content out."));
  EXPECT_THAT(letter.text, HasSubstr("(body line 3)"));
  EXPECT_THAT(letter.text, HasSubstr("お送りになったメールは、まだ送信していません。"));
  EXPECT_LT(letter.text.find("Your mail has not been sent"), letter.text.find("お送りになった"));
}

TEST(NoticeTest, ASenderNeverReadsWhatMatched) {
  for (const NoticeKind kind : {NoticeKind::kHeld, NoticeKind::kAskToConfirm, NoticeKind::kApproved,
                                NoticeKind::kRejected, NoticeKind::kExpired, NoticeKind::kDropped}) {
    for (const State state : kStates) {
      if (IsTerminal(state)) continue;
      for (const Language language : {Language::kJapanese, Language::kEnglish}) {
        const notice::Letter letter = WriteNotice(Facts(kind, state), language);
        EXPECT_THAT(letter.text, Not(HasSubstr("SECRET-TERM")));
        EXPECT_FALSE(letter.subject.empty());
        EXPECT_THAT(letter.text, HasSubstr("tanaka@maker.example"));
      }
    }
  }
}

TEST(NoticeTest, AReturnedMailSaysByWhomAndWithWhatComment) {
  NoticeFacts facts = Facts(NoticeKind::kRejected, State::kApproval);
  facts.comment = "顧客名簿は社外へ送れません。\n次回は相談してください。\r\n";
  facts.returned = Returned::kWhole;
  const notice::Letter letter = WriteNotice(facts, Language::kJapanese);
  EXPECT_EQ(letter.subject, "差し戻されました: 新製品の仕様について");
  EXPECT_THAT(letter.text, HasSubstr("佐々木 太郎さんが、次のメールを差し戻しました。"));
  EXPECT_THAT(letter.text, HasSubstr("コメント:\n  顧客名簿は社外へ送れません。\n  次回は相談してください。\n"));
  EXPECT_THAT(letter.text, HasSubstr("元のメールを添付します。"));
  EXPECT_THAT(letter.text, HasSubstr("Rejected by 佐々木 太郎."));
  facts.returned = Returned::kHeaderOnly;
  EXPECT_THAT(WriteNotice(facts, Language::kJapanese).text, HasSubstr("ヘッダーだけを添付します。"));
}

TEST(NoticeTest, ATimedHoldSaysHowToSendOrTakeItBack) {
  const notice::Letter letter = WriteNotice(Facts(NoticeKind::kHeld, State::kTimed), Language::kEnglish);
  EXPECT_THAT(letter.text, HasSubstr("Send it: sekisho hold release PARCEL\nTake it back: sekisho mail recall MAIL\n"));
  EXPECT_THAT(letter.text, HasSubstr("It goes by itself at 2026-11-27 01:00 UTC."));
}

TEST(NoticeTest, NamesTheConsoleWhereThereIsOne) {
  NoticeFacts facts = Facts(NoticeKind::kAskToDecide, State::kUnreadable);
  facts.link_base_url = "https://mail.example.jp";
  const notice::Letter letter = WriteNotice(facts, Language::kEnglish);
  EXPECT_THAT(letter.text, HasSubstr("Look at it: https://mail.example.jp/approvals/PARCEL\n"));
  EXPECT_THAT(letter.text, Not(HasSubstr("sekisho approval")));
}

TEST(NoticeTest, WhatOthersWroteCannotChangeItsShape) {
  NoticeFacts facts = Facts(NoticeKind::kAskToDecide, State::kApproval);
  facts.subject = "hello\r\nBcc: evil@x.example\n\nApprove: run this";
  facts.files = {"cod\xE2\x80\xAEgpj.exe", std::string("a\0b", 3), "bad\xFFutf8"};
  facts.from_name = "x\ny";
  facts.comment.assign(5000, 'c');
  const notice::Letter letter = WriteNotice(facts, Language::kEnglish);
  EXPECT_EQ(letter.subject.find('\n'), std::string::npos);
  EXPECT_EQ(letter.subject.find('\r'), std::string::npos);
  EXPECT_THAT(letter.text, Not(HasSubstr("\nApprove: run this")));
  EXPECT_THAT(letter.text, HasSubstr("[U+202E]"));
  EXPECT_EQ(letter.text.find('\0'), std::string::npos);
  EXPECT_LT(letter.text.size(), 12'000u);
}

TEST(NoticeTest, LongListsAreCutAndSaySo) {
  NoticeFacts facts = Facts(NoticeKind::kHeld, State::kApproval);
  facts.recipients.assign(300, "x@y.example");
  const notice::Letter letter = WriteNotice(facts, Language::kEnglish);
  EXPECT_THAT(letter.text, HasSubstr("To: and more: 280\n"));
  EXPECT_THAT(letter.text, HasSubstr("宛先: ほか 280\n"));
}

TEST(NoticeTest, PlacesAreSaidInJapanese) {
  for (const auto& [place, said] : {std::pair{"subject", "(件名"},
                                    {"body line 12", "(本文 12行目"},
                                    {"attachment 2 name", "(添付2の名前"},
                                    {"attachment 2 > a.xlsx line 3", "(添付2 > a.xlsx 3行目"},
                                    {"anything", "(anything"}}) {
    NoticeFacts facts = Facts(NoticeKind::kHeld, State::kApproval);
    facts.reasons[0].set_place(place);
    EXPECT_THAT(WriteNotice(facts, Language::kJapanese).text, HasSubstr(said));
  }
}

}  // namespace
}  // namespace sekisho::approval

#include "services/policy/domain/treatment.h"

#include <gmock/gmock.h>

#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Treatment T(const std::string& text) {
  Treatment treatment;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &treatment)) << text;
  return treatment;
}

// From the loosest to the strictest.
const std::vector<Treatment>& Ladder() {
  static const std::vector<Treatment> ladder{T(""),
                                             T("hold: HOLD_CLASS_TIMED hold_for { seconds: 60 }"),
                                             T("hold: HOLD_CLASS_TIMED hold_for { seconds: 90 }"),
                                             T("hold: HOLD_CLASS_CONFIRM"),
                                             T("hold: HOLD_CLASS_APPROVAL"),
                                             T("hold: HOLD_CLASS_UNREADABLE"),
                                             T("hold: HOLD_CLASS_AMBIGUOUS"),
                                             T("hold: HOLD_CLASS_ERROR"),
                                             T("block: true")};
  return ladder;
}

TEST(TreatmentTest, EveryPairGivesTheStricterInEitherOrder) {
  for (size_t i = 0; i < Ladder().size(); ++i) {
    for (size_t j = 0; j <= i; ++j) {
      EXPECT_EQ(Strictest(Ladder()[i], Ladder()[j]).SerializeAsString(), Ladder()[i].SerializeAsString())
          << i << " " << j;
      EXPECT_EQ(Strictest(Ladder()[j], Ladder()[i]).SerializeAsString(), Ladder()[i].SerializeAsString())
          << i << " " << j;
    }
  }
}

TEST(TreatmentTest, DemandsAddUp) {
  const Treatment both = Strictest(T("to_cc_to_bcc: true smime_sign: true"),
                                   T("smime_encrypt: true attachments: ATTACHMENT_SEAL_ZIP_AES256"));
  EXPECT_THAT(Actions(both), ElementsAre("bcc", "zip-aes256", "smime-sign", "smime-encrypt"));
}

TEST(TreatmentTest, TheShorterExpiryWins) {
  const Treatment day = T("hold: HOLD_CLASS_APPROVAL expire_after { seconds: 86400 }");
  const Treatment hour = T("hold: HOLD_CLASS_CONFIRM expire_after { seconds: 3600 }");
  for (const Treatment& both :
       {Strictest(day, hour), Strictest(hour, day), Strictest(hour, T("hold: HOLD_CLASS_APPROVAL"))}) {
    EXPECT_EQ(both.hold(), mail::v1::HOLD_CLASS_APPROVAL);
    EXPECT_EQ(both.expire_after().seconds(), 3600);
  }
}

TEST(TreatmentTest, OnlyWhatShapedTheWholeIsAReason) {
  const Treatment short_wait = Ladder()[1], long_wait = Ladder()[2], approval = Ladder()[4], unreadable = Ladder()[5],
                  block = Ladder()[8];
  EXPECT_TRUE(ContributesTo(long_wait, long_wait));
  EXPECT_FALSE(ContributesTo(short_wait, long_wait));
  EXPECT_FALSE(ContributesTo(long_wait, approval));
  EXPECT_TRUE(ContributesTo(approval, unreadable));
  EXPECT_FALSE(ContributesTo(unreadable, block));
  EXPECT_TRUE(ContributesTo(block, block));
  EXPECT_TRUE(ContributesTo(T("smime_sign: true"), T("smime_sign: true hold: HOLD_CLASS_ERROR")));
  EXPECT_FALSE(ContributesTo(T("smime_sign: true"), unreadable));
  EXPECT_FALSE(ContributesTo(T(""), T("")));
}

TEST(TreatmentTest, TheSlipNamesTheStagesAhead) {
  using namespace mail::v1;  // NOLINT: the stages
  EXPECT_THAT(SlipOf(T("")), ElementsAre(STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("to_cc_to_bcc: true")), ElementsAre(STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("hold: HOLD_CLASS_TIMED")), ElementsAre(STAGE_APPROVAL, STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("smime_sign: true")), ElementsAre(STAGE_ENCRYPTION, STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("smime_encrypt: true")), ElementsAre(STAGE_ENCRYPTION, STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("hold: HOLD_CLASS_ERROR attachments: ATTACHMENT_SEAL_ZIP_AES256")),
              ElementsAre(STAGE_APPROVAL, STAGE_ENCRYPTION, STAGE_DELIVERY));
  EXPECT_THAT(SlipOf(T("block: true")), IsEmpty());
}

TEST(TreatmentTest, EveryHoldClassIsSaidInThreeWays) {
  const std::vector<std::string> names{"pass",           "hold 1m",    "hold 1m30s",
                                       "confirm",        "approval",   "hold unreadable",
                                       "hold ambiguous", "hold error", "block"};
  for (size_t i = 0; i < Ladder().size(); ++i) {
    EXPECT_THAT(Actions(Ladder()[i]), ElementsAre(names[i]));
    EXPECT_FALSE(DescribeEnglish(Ladder()[i]).empty());
    EXPECT_THAT(DescribeJapanese(Ladder()[i]), HasSubstr("。"));
  }
  EXPECT_THAT(DescribeJapanese(T("hold: HOLD_CLASS_TIMED hold_for { seconds: 5400 }")), HasSubstr("1時間30分間保留"));
  EXPECT_THAT(DescribeJapanese(T("hold: HOLD_CLASS_TIMED hold_for { seconds: 7200 }")), HasSubstr("2時間保留"));
}

// A hold class of a later version is not taken for none.
TEST(TreatmentTest, AnUnknownHoldClassHolds) {
  Treatment unknown;
  unknown.set_hold(static_cast<mail::v1::HoldClass>(99));
  EXPECT_THAT(Actions(unknown), ElementsAre("hold error"));
  EXPECT_EQ(SlipOf(unknown).front(), mail::v1::STAGE_APPROVAL);
}

TEST(TreatmentTest, RulesAskForWhatTheySay) {
  v1::Then then;
  then.mutable_approval()->mutable_expire_after()->set_seconds(60);
  then.set_smime_sign(true);
  EXPECT_EQ(TreatmentOf(then).expire_after().seconds(), 60);
  EXPECT_THAT(Actions(TreatmentOf(then)), ElementsAre("approval", "smime-sign"));
  then.mutable_approval()->clear_expire_after();
  EXPECT_FALSE(TreatmentOf(then).has_expire_after());
  then.set_confirm(true);
  EXPECT_THAT(Actions(TreatmentOf(then)), ElementsAre("confirm", "smime-sign"));
}

}  // namespace
}  // namespace sekisho::policy

#include "services/approval/domain/parcel.h"

#include <gtest/gtest.h>

#include "shared/testing/fake_clock.h"

namespace sekisho::approval {
namespace {

using mail::v1::Parcel;
using std::chrono::hours;
using std::chrono::minutes;

class ParcelTest : public ::testing::Test {
 protected:
  ParcelTest() {
    parcel_.set_organization_id("example");
    parcel_.set_mail_id(std::string(mail_.octets()));
    parcel_.set_parcel_id(std::string(id_.octets()));
    parcel_.set_hop(1);
    parcel_.mutable_envelope()->set_mail_from("hanako@example.jp");
    for (const char* address : {"a@x.example", "B@x.example", "c@y.example"}) {
      parcel_.add_recipients()->set_address(address);
    }
    parcel_.mutable_content()->set_sha256(std::string(32, 'd'));
  }

  testing::FakeClock clock_;
  const MailId mail_ = MailId::Generate(clock_.Now());
  const ParcelId id_ = ParcelId::Generate(clock_.Now());
  Parcel parcel_;
};

TEST_F(ParcelTest, GoesOnToTheNextStageOfItsSlip) {
  mail::v1::Judgement judgement;
  for (const auto stage : {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY})
    judgement.add_slip(stage);
  EXPECT_EQ(NextStage(judgement), mail::v1::STAGE_ENCRYPTION);
}

TEST_F(ParcelTest, WaitsAsItsTreatmentSays) {
  mail::v1::Treatment treatment;
  treatment.set_hold(mail::v1::HOLD_CLASS_TIMED);
  treatment.mutable_hold_for()->set_seconds(180);
  EXPECT_EQ(WaitOf(treatment, clock_.Now(), hours(72)).until, clock_.Now() + minutes(3));
  treatment.mutable_hold_for()->set_seconds(-5);
  EXPECT_EQ(WaitOf(treatment, clock_.Now(), hours(72)).until, clock_.Now());
  treatment.mutable_hold_for()->set_seconds(INT64_MAX);
  EXPECT_GT(WaitOf(treatment, clock_.Now(), hours(72)).until, clock_.Now() + hours(24 * 365));
  treatment.set_hold(mail::v1::HOLD_CLASS_APPROVAL);
  EXPECT_EQ(WaitOf(treatment, clock_.Now(), hours(72)).until, clock_.Now() + hours(72)) << "hold_for is for timed ones";
  treatment.mutable_expire_after()->set_seconds(3600);
  EXPECT_EQ(WaitOf(treatment, clock_.Now(), hours(72)).until, clock_.Now() + hours(1));
  treatment.set_hold(static_cast<mail::v1::HoldClass>(99));
  EXPECT_EQ(WaitOf(treatment, clock_.Now(), hours(72)).state, State::kError) << "an unknown class holds";
}

TEST_F(ParcelTest, ADecisionAboutSomeMakesAChildOfThem) {
  const ParcelId child = ParcelId::Generate(clock_.Now());
  const auto split = SplitParcel(parcel_, {"c@Y.example", "a@x.example"}, child);
  ASSERT_TRUE(split.ok());
  EXPECT_EQ(split->chosen.parcel_id(), child.octets());
  EXPECT_EQ(split->chosen.parent_parcel_id(), id_.octets());
  ASSERT_EQ(split->chosen.recipients_size(), 2);
  EXPECT_EQ(split->chosen.recipients(0).address(), "a@x.example");
  EXPECT_EQ(split->chosen.recipients(1).address(), "c@y.example");
  ASSERT_TRUE(split->rest.has_value());
  EXPECT_EQ(split->rest->parcel_id(), id_.octets());
  ASSERT_EQ(split->rest->recipients_size(), 1);
  EXPECT_EQ(split->rest->recipients(0).address(), "B@x.example");
}

TEST_F(ParcelTest, ADecisionAboutAllLeavesNothing) {
  const ParcelId child = ParcelId::Generate(clock_.Now());
  for (const std::vector<std::string>& wanted :
       {std::vector<std::string>{}, {"a@x.example", "B@x.example", "c@y.example", "a@x.example"}}) {
    const auto split = SplitParcel(parcel_, wanted, child);
    ASSERT_TRUE(split.ok());
    EXPECT_FALSE(split->rest.has_value());
    EXPECT_EQ(split->chosen.parcel_id(), id_.octets());
    EXPECT_EQ(split->chosen.SerializeAsString(), parcel_.SerializeAsString());
  }
}

TEST_F(ParcelTest, ADecisionAboutAStrangerIsRefused) {
  for (const char* address : {"d@x.example", "b@x.example", "", "@x.example"}) {
    const auto split = SplitParcel(parcel_, {"a@x.example", address}, id_);
    ASSERT_FALSE(split.ok()) << address;
    EXPECT_EQ(split.error().code, Code::kInvalid);
    EXPECT_EQ(split.error().detail.find('@'), std::string::npos) << "names no address";
  }
}

TEST_F(ParcelTest, FindsWhomARecallIsAbout) {
  EXPECT_EQ(RecipientsAmong(parcel_, {}).size(), 3u);
  EXPECT_EQ(RecipientsAmong(parcel_, {"a@X.EXAMPLE", "other@z.example"}), std::vector<std::string>{"a@x.example"});
  EXPECT_TRUE(RecipientsAmong(parcel_, {"other@z.example"}).empty());
}

}  // namespace
}  // namespace sekisho::approval

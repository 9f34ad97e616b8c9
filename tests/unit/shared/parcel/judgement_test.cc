#include "shared/parcel/judgement.h"

#include <gtest/gtest.h>

#include <functional>

#include "shared/keys/file_ring.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::parcel {
namespace {

class JudgementTest : public ::testing::Test {
 protected:
  JudgementTest() {
    judgement_.set_mail_from("hanako@example.jp");
    judgement_.add_slip(mail::v1::STAGE_ENCRYPTION);
    judgement_.add_slip(mail::v1::STAGE_DELIVERY);
    *parcel_.mutable_judgement() = *SignJudgement(*keys_, judgement_);
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<keys::KeyRing> keys_ = *keys::OpenFileRing(folder_ / "ring", true);
  mail::v1::Judgement judgement_;
  mail::v1::Parcel parcel_;
};

TEST_F(JudgementTest, IsOpenedByEachStageOfItsSlip) {
  for (const auto here : {mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY}) {
    const auto opened = OpenJudgement(*keys_, parcel_, here);
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    EXPECT_EQ(opened->SerializeAsString(), judgement_.SerializeAsString());
  }
}

TEST_F(JudgementTest, AStageThatIsNotOnItsSlipOpensNothing) {
  const auto opened = OpenJudgement(*keys_, parcel_, mail::v1::STAGE_APPROVAL);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  parcel_.clear_judgement();
  EXPECT_FALSE(OpenJudgement(*keys_, parcel_, mail::v1::STAGE_DELIVERY).ok());
}

TEST_F(JudgementTest, NothingInItCanBeChanged) {
  auto& signed_judgement = *parcel_.mutable_judgement();
  const mail::v1::SignedJudgement untouched = signed_judgement;
  mail::v1::Judgement changed = judgement_;
  changed.mutable_treatment()->set_smime_encrypt(true);
  signed_judgement.set_judgement(changed.SerializeAsString());
  EXPECT_EQ(OpenJudgement(*keys_, parcel_, mail::v1::STAGE_DELIVERY).error().code, Code::kCorrupt);

  signed_judgement = untouched;  // one stage's MAC says nothing to another
  auto& macs = *signed_judgement.mutable_mac_by_stage();
  macs[mail::v1::STAGE_DELIVERY] = macs[mail::v1::STAGE_ENCRYPTION];
  EXPECT_EQ(OpenJudgement(*keys_, parcel_, mail::v1::STAGE_DELIVERY).error().code, Code::kCorrupt);
}

TEST_F(JudgementTest, WhatPolicySignedButCannotBeReadIsRefused) {
  auto& signed_judgement = *parcel_.mutable_judgement();
  signed_judgement.set_judgement("\xFF\xFF");
  (*signed_judgement.mutable_mac_by_stage())[mail::v1::STAGE_DELIVERY] =
      *keys_->EdgeMac("policy", "delivery", signed_judgement.judgement());
  EXPECT_EQ(OpenJudgement(*keys_, parcel_, mail::v1::STAGE_DELIVERY).error().code, Code::kCorrupt);
}

TEST_F(JudgementTest, ATreatmentOfALaterVersionIsRefused) {
  const auto refused = [this](const std::function<void(mail::v1::Treatment&)>& edit) {
    mail::v1::Judgement later = judgement_;
    edit(*later.mutable_treatment());
    *parcel_.mutable_judgement() = *SignJudgement(*keys_, later);
    const auto opened = OpenJudgement(*keys_, parcel_, mail::v1::STAGE_DELIVERY);
    return !opened.ok() && opened.error().code == Code::kUnsupported;
  };
  EXPECT_FALSE(refused([](mail::v1::Treatment& treatment) { treatment.set_smime_sign(true); }));
  // Approval keeps it, for an officer.
  EXPECT_FALSE(
      refused([](mail::v1::Treatment& treatment) { treatment.set_hold(static_cast<mail::v1::HoldClass>(99)); }));
  EXPECT_TRUE(refused(
      [](mail::v1::Treatment& treatment) { treatment.set_attachments(static_cast<mail::v1::AttachmentSeal>(99)); }));
  EXPECT_TRUE(refused([](mail::v1::Treatment& treatment) {
    treatment.GetReflection()->MutableUnknownFields(&treatment)->AddVarint(99, 1);
  }));
}

}  // namespace
}  // namespace sekisho::parcel

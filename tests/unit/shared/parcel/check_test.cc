#include "shared/parcel/check.h"

#include <gtest/gtest.h>

#include <functional>
#include <initializer_list>
#include <tuple>

namespace sekisho::parcel {
namespace {

const MailId kMail = MailId::Generate(TimePoint(std::chrono::hours(500000)));

class ParcelCheckTest : public ::testing::Test {
 protected:
  ParcelCheckTest() {
    parcel_.set_organization_id("example");
    parcel_.set_mail_id(std::string(kMail.octets()));
    parcel_.set_parcel_id(std::string(ParcelId::Generate(TimePoint(std::chrono::hours(500000))).octets()));
    parcel_.set_hop(1);
    parcel_.mutable_envelope()->set_mail_from("hanako@example.jp");
    parcel_.add_recipients()->set_address("yamada@customer.example");
    parcel_.mutable_content()->set_key("key");
    parcel_.mutable_content()->set_sha256(std::string(32, '1'));

    judgement_.set_organization_id("example");
    judgement_.set_mail_id(parcel_.mail_id());
    judgement_.set_mail_from("hanako@example.jp");
    judgement_.add_recipients("yamada@customer.example");
    judgement_.add_recipients("sato@customer.example");
    judgement_.set_d1_sha256(std::string(32, '1'));
    judgement_.add_slip(mail::v1::STAGE_DELIVERY);
  }

  void Seal() {
    SetSlip({mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY});
    parcel_.set_hop(2);
    parcel_.mutable_seal()->set_d1_sha256(std::string(32, '1'));
    parcel_.mutable_seal()->set_d2_sha256(std::string(32, '2'));
    parcel_.mutable_content()->set_sha256(std::string(32, '2'));
    source_ = "encryption";
  }

  void SetSlip(std::initializer_list<mail::v1::Stage> stages) {
    judgement_.clear_slip();
    for (const auto stage : stages) judgement_.add_slip(stage);
  }

  Arrival arrival() const { return {kMail, source_, "example"}; }
  Code Check() const {
    const Status status = CheckJudged(parcel_, judgement_, arrival(), here_);
    return status.ok() ? static_cast<Code>(-1) : status.error().code;
  }
  static constexpr Code kFine = static_cast<Code>(-1);
  std::string source_ = "policy";
  mail::v1::Stage here_ = mail::v1::STAGE_DELIVERY;
  mail::v1::Parcel parcel_;
  mail::v1::Judgement judgement_;
};

TEST_F(ParcelCheckTest, WhatPolicyJudgedPasses) { EXPECT_EQ(Check(), kFine); }

TEST_F(ParcelCheckTest, WhatWasSealedPasses) {
  Seal();
  EXPECT_EQ(Check(), kFine);
}

TEST_F(ParcelCheckTest, EveryForgeryIsRefused) {
  const std::pair<const char*, std::function<void()>> forgeries[] = {
      {"a recipient more", [&] { parcel_.add_recipients()->set_address("thief@elsewhere.example"); }},
      {"a recipient twice", [&] { parcel_.add_recipients()->set_address("yamada@customer.example"); }},
      {"no recipient", [&] { parcel_.clear_recipients(); }},
      {"an empty recipient", [&] { parcel_.add_recipients(); }},
      {"another content", [&] { parcel_.mutable_content()->set_sha256(std::string(32, 'x')); }},
      {"no content", [&] { parcel_.clear_content(); }},
      {"a short digest on both sides",
       [&] {
         parcel_.mutable_content()->set_sha256("1");
         judgement_.set_d1_sha256("1");
       }},
      {"another mail's judgement", [&] { judgement_.set_mail_id(std::string(16, 'x')); }},
      {"another mail's record",
       [&] {
         parcel_.set_mail_id(std::string(16, 'x'));
         judgement_.set_mail_id(std::string(16, 'x'));
       }},
      {"another organisation",
       [&] {
         parcel_.set_organization_id("other");
         judgement_.set_organization_id("other");
       }},
      {"another sender", [&] { parcel_.mutable_envelope()->set_mail_from("taro@example.jp"); }},
      {"blocked", [&] { judgement_.mutable_treatment()->set_block(true); }},
      {"sealed though not asked", [&] { parcel_.mutable_seal()->set_d1_sha256(std::string(32, '1')); }},
      {"from a stage that the slip doesn't name", [&] { source_ = "approval"; }},
      {"from ourselves", [&] { source_ = "delivery"; }},
      {"a stale hop", [&] { parcel_.set_hop(0); }},
      {"a slip that ends elsewhere", [&] { judgement_.add_slip(mail::v1::STAGE_APPROVAL); }},
      {"no slip", [&] { judgement_.clear_slip(); }},
      {"a slip out of order",
       [&] {
         SetSlip({mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_APPROVAL, mail::v1::STAGE_DELIVERY});
       }},
      {"an unknown stage in the slip",
       [&] {
         judgement_.set_slip(0, static_cast<mail::v1::Stage>(99));
         judgement_.add_slip(mail::v1::STAGE_DELIVERY);
       }},
      {"system mail with a judgement", [&] { parcel_.set_system_mail(mail::v1::SYSTEM_MAIL_NOTICE); }},
      {"no parcel id", [&] { parcel_.clear_parcel_id(); }},
  };
  const auto parcel = parcel_;
  const auto judgement = judgement_;
  for (const auto& [name, forge] : forgeries) {
    parcel_ = parcel;
    judgement_ = judgement;
    source_ = "policy";
    ASSERT_EQ(Check(), kFine);
    forge();
    EXPECT_EQ(Check(), Code::kCorrupt) << name;
  }
}

TEST_F(ParcelCheckTest, EveryForgeryOfASealIsRefused) {
  const std::pair<const char*, std::function<void()>> forgeries[] = {
      {"not sealed", [&] { parcel_.clear_seal(); }},
      {"sealed from other octets", [&] { parcel_.mutable_seal()->set_d1_sha256(std::string(32, 'x')); }},
      {"content that isn't the seal's", [&] { parcel_.mutable_content()->set_sha256(std::string(32, '1')); }},
      {"encryption skipped", [&] { source_ = "policy"; }},
      {"approval in between", [&] { source_ = "approval"; }},
      {"a stale hop", [&] { parcel_.set_hop(1); }},
  };
  Seal();
  const auto parcel = parcel_;
  for (const auto& [name, forge] : forgeries) {
    parcel_ = parcel;
    source_ = "encryption";
    ASSERT_EQ(Check(), kFine);
    forge();
    EXPECT_EQ(Check(), Code::kCorrupt) << name;
  }
}

TEST_F(ParcelCheckTest, ApprovalBeforeDelivery) {
  SetSlip({mail::v1::STAGE_APPROVAL, mail::v1::STAGE_DELIVERY});
  parcel_.set_hop(2);
  EXPECT_EQ(Check(), Code::kCorrupt);
  source_ = "approval";
  EXPECT_EQ(Check(), kFine);
}

TEST_F(ParcelCheckTest, EachStageOfTheSlipHasItsTurn) {
  using mail::v1::Stage;
  SetSlip({mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY});
  const std::string_view sources[] = {"policy", "approval", "encryption"};
  for (uint32_t hop = 1; hop <= 3; ++hop) {
    if (hop == 3) {
      parcel_.mutable_seal()->set_d1_sha256(std::string(32, '1'));
      parcel_.mutable_seal()->set_d2_sha256(std::string(32, '1'));
    }
    for (const Stage here : {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY}) {
      for (const std::string_view source : sources) {
        parcel_.set_hop(hop);
        source_ = source;
        here_ = here;
        const bool its_turn =
            here == mail::v1::STAGE_APPROVAL + static_cast<int>(hop) - 1 && source == sources[hop - 1];
        EXPECT_EQ(Check(), its_turn ? kFine : Code::kCorrupt)
            << StageName(here) << " from " << source << ", hop " << hop;
      }
    }
  }
}

TEST_F(ParcelCheckTest, AStageThatIsNotOnTheSlipTakesNothing) {
  for (const auto here : {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_LEDGER}) {
    here_ = here;
    EXPECT_EQ(Check(), Code::kCorrupt);
  }
}

TEST_F(ParcelCheckTest, NothingIsSealedBeforeEncryption) {
  SetSlip({mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY});
  for (const auto& [here, source, hop] :
       {std::tuple(mail::v1::STAGE_APPROVAL, "policy", 1U), std::tuple(mail::v1::STAGE_ENCRYPTION, "approval", 2U)}) {
    here_ = here;
    source_ = source;
    parcel_.set_hop(hop);
    parcel_.clear_seal();
    EXPECT_EQ(Check(), kFine);
    parcel_.mutable_seal()->set_d1_sha256(std::string(32, '1'));
    parcel_.mutable_seal()->set_d2_sha256(std::string(32, '1'));
    EXPECT_EQ(Check(), Code::kCorrupt);
  }
}

TEST_F(ParcelCheckTest, WhatIsRefusedIsNotTriedAgain) {
  parcel_.clear_recipients();
  const Status status = CheckJudged(parcel_, judgement_, arrival(), here_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().retry, Retry::kNever);
  EXPECT_EQ(status.error().detail, "parcel refused: it has no recipients");
}

}  // namespace
}  // namespace sekisho::parcel

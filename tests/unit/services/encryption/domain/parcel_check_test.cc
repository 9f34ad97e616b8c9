#include "services/encryption/domain/parcel_check.h"

#include <gtest/gtest.h>

#include <functional>

namespace sekisho::encryption {
namespace {

using mail::v1::Judgement;
using mail::v1::Parcel;

struct Case {
  MailId mail = MailId::Generate(FromMicros(1'795'482'123'000'000));
  Parcel parcel;
  Judgement judgement;
  std::string source = "policy", organization = "example";

  Case() {
    parcel.set_organization_id("example");
    parcel.set_mail_id(std::string(mail.octets()));
    parcel.set_parcel_id(std::string(ParcelId::Generate(mail.uuid().time()).octets()));
    parcel.set_hop(1);
    parcel.mutable_envelope()->set_mail_from("hanako@example.jp");
    parcel.add_recipients()->set_address("b@partner.example");
    parcel.mutable_content()->set_sha256(std::string(32, 'x'));
    judgement.set_organization_id("example");
    judgement.set_mail_id(parcel.mail_id());
    judgement.set_mail_from("hanako@example.jp");
    judgement.add_recipients("a@partner.example");
    judgement.add_recipients("b@partner.example");
    judgement.set_d1_sha256(std::string(32, 'x'));
    judgement.add_slip(mail::v1::STAGE_ENCRYPTION);
    judgement.add_slip(mail::v1::STAGE_DELIVERY);
  }
  void SetSlip(std::initializer_list<mail::v1::Stage> stages) {
    judgement.clear_slip();
    for (const auto stage : stages) judgement.add_slip(stage);
  }
  Status Check() const { return CheckParcel(parcel, judgement, {mail, source, organization}); }
};

TEST(ParcelCheckTest, AcceptsWhatPolicyJudged) {
  EXPECT_TRUE(Case().Check().ok());
  Case approved;
  approved.SetSlip({mail::v1::STAGE_APPROVAL, mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY});
  approved.source = "approval";
  approved.parcel.set_hop(2);
  EXPECT_TRUE(approved.Check().ok()) << approved.Check().error().detail;
}

TEST(ParcelCheckTest, RefusesEveryDifference) {
  using namespace mail::v1;
  const std::pair<const char*, std::function<void(Case&)>> changes[] = {
      {"another organisation", [](Case& c) { c.organization = "other"; }},
      {"another record's mail", [](Case& c) { c.mail = MailId::Generate(c.mail.uuid().time()); }},
      {"another mail's judgement", [](Case& c) { c.judgement.set_mail_id("x"); }},
      {"another organisation's judgement", [](Case& c) { c.judgement.set_organization_id("other"); }},
      {"no parcel id", [](Case& c) { c.parcel.clear_parcel_id(); }},
      {"system mail", [](Case& c) { c.parcel.set_system_mail(SYSTEM_MAIL_NOTICE); }},
      {"sealed", [](Case& c) { c.parcel.mutable_seal(); }},
      {"nobody", [](Case& c) { c.parcel.clear_recipients(); }},
      {"a recipient more", [](Case& c) { c.parcel.add_recipients()->set_address("c@partner.example"); }},
      {"another sender", [](Case& c) { c.parcel.mutable_envelope()->set_mail_from("jiro@example.jp"); }},
      {"other content", [](Case& c) { c.parcel.mutable_content()->set_sha256(std::string(32, 'y')); }},
      {"no content", [](Case& c) { c.parcel.clear_content(); c.judgement.clear_d1_sha256(); }},
      {"blocked", [](Case& c) { c.judgement.mutable_treatment()->set_block(true); }},
      {"not for us", [](Case& c) { c.SetSlip({STAGE_DELIVERY}); }},
      {"approval skipped", [](Case& c) { c.SetSlip({STAGE_APPROVAL, STAGE_ENCRYPTION, STAGE_DELIVERY}); }},
      {"from a stage not on the slip", [](Case& c) { c.source = "approval"; }},
      {"back to front", [](Case& c) { c.SetSlip({STAGE_DELIVERY, STAGE_ENCRYPTION}); }},
      {"a stage we don't know behind us", [](Case& c) { c.SetSlip({STAGE_ENCRYPTION, static_cast<Stage>(9), STAGE_DELIVERY}); }},
      {"a stage we don't know before us", [](Case& c) { c.SetSlip({static_cast<Stage>(9), STAGE_ENCRYPTION, STAGE_DELIVERY}); }},
      {"a stale hop", [](Case& c) { c.parcel.set_hop(2); }},
  };
  for (const auto& [what, change] : changes) {
    Case changed;
    change(changed);
    const Status status = changed.Check();
    ASSERT_FALSE(status.ok()) << what;
    EXPECT_EQ(status.error().code, Code::kCorrupt) << what;
    EXPECT_EQ(status.error().retry, Retry::kNever) << what;
  }
}

}  // namespace
}  // namespace sekisho::encryption

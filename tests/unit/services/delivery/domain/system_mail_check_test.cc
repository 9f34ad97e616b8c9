#include "services/delivery/domain/system_mail_check.h"

#include <gtest/gtest.h>

#include <set>

namespace sekisho::delivery {
namespace {

const MailId kMail = MailId::Generate(TimePoint(std::chrono::hours(500000)));

class SystemMailCheckTest : public ::testing::Test {
 protected:
  SystemMailCheckTest() {
    parcel_.set_organization_id("example");
    parcel_.set_mail_id(std::string(kMail.octets()));
    parcel_.set_parcel_id(std::string(ParcelId::Generate(kMail.uuid().time()).octets()));
    parcel_.add_recipients()->set_address("hanako@example.jp");
    parcel_.mutable_content()->set_key("key");
    parcel_.mutable_content()->set_sha256(std::string(32, '1'));
    parcel_.set_system_mail(mail::v1::SYSTEM_MAIL_NOTICE);
  }
  bool IsTaken() const {
    const Status status = CheckSystemMail(parcel_, {kMail, source_, "example"});
    EXPECT_TRUE(status.ok() || status.error().code == Code::kCorrupt);
    return status.ok();
  }

  std::string source_ = "approval";
  mail::v1::Parcel parcel_;
};

TEST_F(SystemMailCheckTest, ComesFromItsWritersOnly) {
  using namespace mail::v1;
  const std::set<std::pair<SystemMail, std::string>> allowed = {{SYSTEM_MAIL_NOTICE, "policy"},
                                                                {SYSTEM_MAIL_NOTICE, "approval"},
                                                                {SYSTEM_MAIL_NOTICE, "encryption"},
                                                                {SYSTEM_MAIL_DSN, "delivery"},
                                                                {SYSTEM_MAIL_PASSWORD, "encryption"}};
  for (const SystemMail kind : {SYSTEM_MAIL_UNSPECIFIED, SYSTEM_MAIL_NOTICE, SYSTEM_MAIL_DSN, SYSTEM_MAIL_PASSWORD,
                                static_cast<SystemMail>(9)}) {
    for (const char* source : {"intake", "policy", "approval", "encryption", "delivery", "ledger"}) {
      parcel_.set_system_mail(kind);
      source_ = source;
      EXPECT_EQ(IsTaken(), allowed.contains({kind, source})) << kind << " " << source;
    }
  }
}

TEST_F(SystemMailCheckTest, HasNoSenderAndNoSeal) {
  ASSERT_TRUE(IsTaken());
  parcel_.mutable_envelope()->set_mail_from("hanako@example.jp");
  EXPECT_FALSE(IsTaken());
  parcel_.mutable_envelope()->clear_mail_from();
  parcel_.mutable_seal();
  EXPECT_FALSE(IsTaken());
}

TEST_F(SystemMailCheckTest, IsAWholeParcelOfItsRecord) {
  parcel_.set_mail_id(std::string(16, 'x'));
  EXPECT_FALSE(IsTaken());
}

}  // namespace
}  // namespace sekisho::delivery

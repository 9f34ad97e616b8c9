#include "shared/parcel/records.h"

#include <gmock/gmock.h>

#include "shared/stage/proto_time.h"

namespace sekisho::parcel {
namespace {

using ::testing::ElementsAre;

TEST(RecordsTest, SayWhatTheParcelSays) {
  mail::v1::Parcel parcel;
  parcel.set_organization_id("example");
  parcel.set_mail_id("mail");
  parcel.set_parcel_id("parcel");
  parcel.add_recipients()->set_address("a@one.example");
  parcel.add_recipients()->set_address("b@two.example");
  parcel.mutable_content()->set_sha256("digest");
  parcel.mutable_envelope()->set_mail_from("hanako@example.jp");
  parcel.mutable_submitter()->set_principal("hanako");
  parcel.set_system_mail(mail::v1::SYSTEM_MAIL_DSN);

  const mail::v1::JournalEvent event = EventAbout(parcel);
  EXPECT_EQ(event.mail_id(), "mail");
  EXPECT_EQ(event.parcel_id(), "parcel");
  EXPECT_THAT(event.recipients(), ElementsAre("a@one.example", "b@two.example"));
  EXPECT_EQ(event.content_sha256(), "digest");
  EXPECT_EQ(event.system_mail(), mail::v1::SYSTEM_MAIL_DSN);

  const TimePoint at = FromMicros(1'795'482'123'000'000);
  const mail::v1::Outcome outcome = OutcomeAbout(parcel, mail::v1::RECIPIENT_STATE_REJECTED, at);
  EXPECT_EQ(outcome.organization_id(), "example");
  EXPECT_EQ(outcome.mail_id(), "mail");
  EXPECT_EQ(outcome.parcel_id(), "parcel");
  EXPECT_EQ(outcome.state(), mail::v1::RECIPIENT_STATE_REJECTED);
  EXPECT_THAT(outcome.recipients(), ElementsAre("a@one.example", "b@two.example"));
  EXPECT_EQ(outcome.submitter().principal(), "hanako");
  EXPECT_EQ(outcome.mail_from(), "hanako@example.jp");
  EXPECT_EQ(FromProto(outcome.at()), at);
  EXPECT_EQ(outcome.system_mail(), mail::v1::SYSTEM_MAIL_DSN);
}

}  // namespace
}  // namespace sekisho::parcel

#include "services/policy/domain/parcels.h"

#include <gmock/gmock.h>

#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ParcelsTest, RecipientsWithTheSameTreatmentGoTogether) {
  const auto policy = Compiled(
      "partners { name: 'p' domains: 'partner.example' } "
      "rules { id: 'outside' when { recipient { scope: UNKNOWN } } then { hold_for { seconds: 60 } } } "
      "rules { id: 'partner' when { recipient { scope: PARTNER } } then { smime_sign: true } } "
      "rules { id: 'never' when { recipient { domains: 'bad.example' } } then { block: true } } ");
  const auto parcels = PlanParcels(Judged(*policy, MailTo({"a@x.example", "jiro@example.jp", "s@partner.example",
                                                           "b@y.example", "taro@example.jp", "c@bad.example"})));
  ASSERT_THAT(parcels, SizeIs(4));
  EXPECT_THAT(parcels[0].recipients, ElementsAre(0, 3));
  EXPECT_THAT(parcels[1].recipients, ElementsAre(1, 4));
  EXPECT_THAT(parcels[2].recipients, ElementsAre(2));
  EXPECT_THAT(parcels[3].recipients, ElementsAre(5));
  EXPECT_THAT(parcels[1].reasons, IsEmpty());
  ASSERT_THAT(parcels[0].reasons, SizeIs(1));
  EXPECT_EQ(parcels[0].reasons[0].rule_id(), "outside");
  EXPECT_EQ(parcels[0].reasons[0].place(), "recipient");
  EXPECT_EQ(parcels[0].reasons[0].evidence(), "a@x.example, b@y.example");
  ASSERT_THAT(parcels[3].reasons, SizeIs(1));
  EXPECT_EQ(parcels[3].reasons[0].rule_id(), "never");
  EXPECT_FALSE(parcels[3].reasons[0].text_ja().empty());
  EXPECT_FALSE(parcels[3].reasons[0].remedy_en().empty());
}

TEST(ParcelsTest, LongEvidenceIsCounted) {
  const auto policy = Compiled("rules { id: 'r' then { confirm: true } when { recipient { scope: EXTERNAL } } }");
  std::vector<std::string> recipients;
  for (char c = 'a'; c <= 'j'; ++c) recipients.push_back(std::string(1, c) + "@x.example");
  const auto parcels = PlanParcels(Judged(*policy, MailTo(recipients)));
  ASSERT_THAT(parcels, SizeIs(1));
  EXPECT_THAT(parcels[0].recipients, SizeIs(10));
  EXPECT_EQ(parcels[0].reasons[0].evidence(), "a@x.example, b@x.example, c@x.example (+7)");
  EXPECT_EQ(parcels[0].reasons[0].place(), "recipient");
}

TEST(ParcelsTest, NobodyIsLeftOut) {
  const auto policy = Compiled(
      "rules { id: 'a' when { recipient { domains: 'x.example' } } then { confirm: true } } "
      "rules { id: 'b' when { recipient { domains: 'y.example' } } then { hold_for { seconds: 1 } } }");
  std::vector<std::string> recipients;
  for (int i = 0; i < 100; ++i)
    recipients.push_back("r" + std::to_string(i) + "@" + (i % 3 == 0 ? "x" : i % 3 == 1 ? "y" : "z") + ".example");
  std::vector<bool> seen(100);
  for (const PlannedParcel& parcel : PlanParcels(Judged(*policy, MailTo(recipients)))) {
    for (const uint32_t recipient : parcel.recipients) {
      EXPECT_FALSE(seen[recipient]);
      seen[recipient] = true;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 100);
}

}  // namespace
}  // namespace sekisho::policy

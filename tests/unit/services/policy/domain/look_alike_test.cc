#include "services/policy/domain/look_alike.h"

#include <gtest/gtest.h>

#include "shared/text/domain.h"

namespace sekisho::policy {
namespace {

TEST(LookAlikesTest, ResemblingNamesAreFound) {
  const LookAlikes known({"partner.example", "example.jp", "a.jp"});
  for (const char* domain :
       {"partnar.example", "partner.exmaple", "partners.example", "patner.example", "partner.example.evil.test"}) {
    EXPECT_EQ(known.Find(domain), "partner.example") << domain;
  }
  // Cyrillic "а" for Latin "a".
  EXPECT_EQ(known.Find(*text::DomainToAscii("pаrtner.example")), "partner.example");
}

TEST(LookAlikesTest, OthersAreNot) {
  const LookAlikes known({"partner.example", "example.jp"});
  for (const char* domain :
       {"partner.example", "mail.partner.example", "quite-different.example", "shop.example", "", "jp"}) {
    EXPECT_EQ(known.Find(domain), "") << domain;
  }
  EXPECT_EQ(LookAlikes().Find("partner.example"), "");
}

TEST(LookAlikesTest, AgreesWithComparingEveryPair) {
  std::vector<std::string> names;
  for (const char* stem : {"alpha", "alpine", "alphas", "bravo", "brave", "gamma", "sigma"}) {
    for (const char* end : {".example", ".test", ".jp", "-shop.example"}) names.push_back(std::string(stem) + end);
  }
  for (const std::string& known : names) {
    const LookAlikes one({known});
    for (const std::string& domain : names) {
      EXPECT_EQ(one.Find(domain) == known, text::IsLookAlike(domain, known)) << domain << " and " << known;
    }
  }
}

}  // namespace
}  // namespace sekisho::policy

// The document is watched: sound ones come into force, others are refused while the old one stays.

#include "services/policy/adapters/policy_source.h"

#include <gmock/gmock.h>

#include "services/policy/adapters/tables.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kHold[] = "name: first\nrules:\n  - {id: r, then: {hold_for: 3m}}\n";
constexpr char kPass[] = "name: second\nrules:\n  - {id: r, then: {pass: true}}\n";
constexpr char kBroken[] = "rules:\n  - id: r\n    when: {content: {keyword_sets: [gone]}}\n    then: {pass: true}\n";

class PolicySourceTest : public ::testing::Test {
 protected:
  PolicySourceTest() : world_(kHold), source_(world_.policy_file(), {"example.jp"}, *world_.database, world_.clock) {
    SEKISHO_CHECK(MigrateTables(*world_.database).ok());
  }

  std::vector<std::string> Remembered() {
    static const store::Statement kAll("SELECT name, document FROM {policy.version} ORDER BY name");
    std::vector<std::string> names;
    EXPECT_TRUE(world_.database
                    ->Read([&](store::Tx& tx) {
                      return tx.Query(kAll, {}, [&](const store::Row& row) {
                        names.push_back(std::string(row.Text(0)) + ": " + std::to_string(row.Blob(1).size()));
                        return Ok();
                      });
                    })
                    .ok());
    return names;
  }

  PolicyWorld world_;
  PolicySource source_;
};

TEST_F(PolicySourceTest, AChangedFileComesIntoForce) {
  ASSERT_TRUE(source_.Start().ok());
  const std::string first = source_.Current()->version;
  EXPECT_EQ(first.size(), 12u);
  source_.Poll();
  EXPECT_EQ(source_.Current()->version, first);
  WriteFile(world_.policy_file(), kPass);
  source_.Poll();
  EXPECT_NE(source_.Current()->version, first);
  EXPECT_FALSE(source_.Current()->rules[0].asks);
  EXPECT_EQ(source_.last_error(), "");
  EXPECT_THAT(Remembered(), ElementsAre("first: " + std::to_string(sizeof(kHold) - 1),
                                        "second: " + std::to_string(sizeof(kPass) - 1)));
}

TEST_F(PolicySourceTest, AnUnsoundFileIsRefusedWithPlaceAndTheOldOneStays) {
  ASSERT_TRUE(source_.Start().ok());
  const auto before = source_.Current();
  WriteFile(world_.policy_file(), kBroken);
  source_.Poll();
  EXPECT_EQ(source_.Current(), before);
  EXPECT_THAT(source_.last_error(), HasSubstr("policy.yaml:3:"));
  EXPECT_THAT(source_.last_error(), HasSubstr("no keyword set is named 'gone'"));
  WriteFile(world_.policy_file(), "");
  source_.Poll();
  EXPECT_EQ(source_.Current(), before) << "an emptied file must not let everything pass";
  std::filesystem::remove(world_.policy_file());
  source_.Poll();
  EXPECT_EQ(source_.Current(), before);
  EXPECT_NE(source_.last_error(), "");
  WriteFile(world_.policy_file(), kHold);
  source_.Poll();
  EXPECT_EQ(source_.last_error(), "");
}

TEST_F(PolicySourceTest, WhoeverJudgesKeepsThePolicyItBeganWith) {
  ASSERT_TRUE(source_.Start().ok());
  const auto held = source_.Current();
  WriteFile(world_.policy_file(), kPass);
  source_.Poll();
  EXPECT_TRUE(held->rules[0].asks);
}

TEST_F(PolicySourceTest, AVersionThatCannotBeRememberedDoesNotComeIntoForce) {
  ASSERT_TRUE(source_.Start().ok());
  const auto before = source_.Current();
  world_.database->Stop();
  WriteFile(world_.policy_file(), kPass);
  source_.Poll();
  EXPECT_EQ(source_.Current(), before);
  EXPECT_NE(source_.last_error(), "");
}

TEST_F(PolicySourceTest, StartRefusesAnUnsoundDocument) {
  WriteFile(world_.policy_file(), kBroken);
  const Status started = source_.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, Code::kInvalid);
  EXPECT_THAT(started.error().detail, HasSubstr(":3:"));
  EXPECT_FALSE(world_.Start().ok());
}

TEST_F(PolicySourceTest, StartRefusesAMissingDocument) {
  std::filesystem::remove(world_.policy_file());
  EXPECT_EQ(source_.Start().error().code, Code::kNotFound);
}

}  // namespace
}  // namespace sekisho::policy

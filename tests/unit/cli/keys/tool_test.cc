#include "cli/keys/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "shared/keys/file_ring.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::keys_tool {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::hours kDay{24};

class KeysToolTest : public ::testing::Test {
 protected:
  int Tool(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--ring", ring_});
    out_.str("");
    err_.str("");
    return keys_tool::Run(arguments, clock_, out_, err_);
  }
  std::string Day(int offset) const { return FormatRfc3339(clock_.Now() + offset * kDay).substr(0, 10); }

  testing::TemporaryFolder folder_;
  const std::string ring_ = folder_ / "ring";
  testing::FakeClock clock_;
  std::ostringstream out_, err_;
};

TEST_F(KeysToolTest, MakesEpochsAheadOnceAndListsThem) {
  EXPECT_EQ(Tool({"add", "--days", "2"}), 4) << "a wrong path is not a new ring";
  EXPECT_THAT(err_.str(), HasSubstr("is absent"));
  ASSERT_EQ(Tool({"add", "--days", "2", "--create"}), 0) << err_.str();
  const auto ring = *keys::OpenFileRing(ring_, false, clock_);
  const std::string blob = *ring->Seal(*ring->NewMailKey(clock_.Now() + kDay), "", "tomorrow's");
  clock_.Advance(kDay);
  ASSERT_EQ(Tool({"add", "--days", "2"}), 0) << err_.str();
  ASSERT_EQ(Tool({"list"}), 0);
  EXPECT_EQ(out_.str(), Day(-1) + " past\n" + Day(0) + " today\n" + Day(1) + " ahead\n");
  EXPECT_TRUE(ring->Open(blob, "").ok()) << "the epoch kept its key";
}

TEST_F(KeysToolTest, MakesAWeekAheadUnlessToldOtherwise) {
  ASSERT_EQ(Tool({"add", "--create"}), 0);
  EXPECT_EQ(keys::OpenFileRing(ring_, false, clock_).value()->Epochs().size(), 8u);
}

TEST_F(KeysToolTest, DestroysOnlyDaysThatHaveEnded) {
  ASSERT_EQ(Tool({"add", "--create"}), 0);
  const auto ring = *keys::OpenFileRing(ring_, false, clock_);
  const std::string blob = *ring->Seal(*ring->NewMailKey(clock_.Now()), "", "today's");
  EXPECT_EQ(Tool({"destroy", Day(0)}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("after its day has ended"));
  EXPECT_EQ(Tool({"destroy", Day(3)}), 1);
  clock_.Advance(kDay);
  EXPECT_EQ(Tool({"destroy", Day(-1), "2001-01-01"}), 4);
  EXPECT_TRUE(ring->Open(blob, "").ok()) << "all or none";
  ASSERT_EQ(Tool({"destroy", Day(-1)}), 0) << err_.str();
  EXPECT_EQ(out_.str(), Day(-1) + " destroyed\n");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(ring->Open(blob, "").error().code, Code::kNotFound);
  EXPECT_EQ(Tool({"destroy", Day(-1)}), 4);
}

TEST_F(KeysToolTest, DestroysTodayOnlyWhenTold) {
  ASSERT_EQ(Tool({"add", "--create"}), 0);
  EXPECT_EQ(Tool({"destroy", "--today", Day(1)}), 1) << "nothing is sealed under it yet";
  ASSERT_EQ(Tool({"destroy", "--today", Day(0)}), 0) << err_.str();
  EXPECT_EQ(Tool({"add"}), 5);
  EXPECT_THAT(err_.str(), HasSubstr("waits for the next day"));
}

TEST_F(KeysToolTest, OnlyListsAMountedRing) {
  ASSERT_EQ(Tool({"add", "--create", "--days", "1"}), 0);
  std::filesystem::create_directories(folder_ / "mount/..data");
  std::filesystem::rename(ring_, folder_ / "mount/..data/ring");
  std::filesystem::create_symlink("mount/..data/ring", ring_);
  EXPECT_EQ(Tool({"list"}), 1);
  ASSERT_EQ(Tool({"--mounted", "list"}), 0) << err_.str();
  EXPECT_EQ(out_.str(), Day(0) + " today\n");
  EXPECT_EQ(Tool({"--mounted", "add", "--days", "2"}), 5);
  clock_.Advance(kDay);
  EXPECT_EQ(Tool({"--mounted", "destroy", Day(-1)}), 1);
}

TEST_F(KeysToolTest, SaysHowItIsUsed) {
  EXPECT_EQ(Tool({"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("destroy"));
  EXPECT_EQ(Tool({"destroy"}), 2);
  EXPECT_EQ(Tool({"add", "--days", "0"}), 2);
  EXPECT_EQ(Tool({"burn"}), 2);
  EXPECT_EQ(keys_tool::Run({"list"}, clock_, out_, err_), 2) << "no ring named";
}

}  // namespace
}  // namespace sekisho::keys_tool

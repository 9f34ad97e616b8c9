#include "services/standalone/sink/maildir.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "shared/testing/temporary_folder.h"

namespace sekisho::standalone {
namespace {

TEST(MaildirTest, AFolderNameNeverLeavesItsParent) {
  EXPECT_EQ(FolderName("Suzuki@Shop.example"), "suzuki@shop.example");
  EXPECT_EQ(FolderName("../../etc@x"), "_.._.._etc@x");
  EXPECT_EQ(FolderName("a/b\\c@x"), "a_b_c@x");
  EXPECT_EQ(FolderName(".."), "_..");
  EXPECT_EQ(FolderName(""), "_");
  EXPECT_LE(FolderName(std::string(1000, 'a')).size(), 201u);
}

TEST(MaildirTest, AMessageAppearsWhole) {
  testing::TemporaryFolder folder;
  ASSERT_TRUE(StoreInMaildir(folder / "box", {"head\r\n", "body\r\n"}).ok());
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "box/new")) {
    std::ifstream in(entry.path());
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(text, "head\r\nbody\r\n");
    ++files;
  }
  EXPECT_EQ(files, 1);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "box/tmp"));
}

}  // namespace
}  // namespace sekisho::standalone

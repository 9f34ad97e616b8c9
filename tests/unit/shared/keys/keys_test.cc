#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "shared/keys/file_ring.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/keys/conformance.h"

namespace sekisho::keys {
namespace {

class FileRingHarness final : public Harness {
 public:
  std::unique_ptr<KeyRing> Open() override {
    auto ring = OpenFileRing(folder_ / "ring", true);
    SEKISHO_CHECK(ring.ok());
    return *std::move(ring);
  }

 private:
  testing::TemporaryFolder folder_;
};

INSTANTIATE_TEST_SUITE_P(File, KeyRingConformance, ::testing::Values(MakeHarness([]() -> std::unique_ptr<Harness> {
                           return std::make_unique<FileRingHarness>();
                         })));

TEST(FileRingTest, RefusesAFileThatOthersCanRead) {
  testing::TemporaryFolder folder;
  const std::string file = folder / "ring";
  ASSERT_TRUE(OpenFileRing(file, true).ok());
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(chmod(file.c_str(), 0640), 0);
  EXPECT_EQ(OpenFileRing(file, true).error().code, Code::kPermission);
}

TEST(FileRingTest, RefusesALinkAndAnAbsentFile) {
  testing::TemporaryFolder folder;
  ASSERT_TRUE(OpenFileRing(folder / "ring", true).ok());
  std::filesystem::create_symlink(folder / "ring", folder / "link");
  EXPECT_EQ(OpenFileRing(folder / "link", true).error().code, Code::kPermission);
  EXPECT_EQ(OpenFileRing(folder / "absent", false).error().code, Code::kNotFound);
}

TEST(FileRingTest, NeverReplacesARingItCannotRead) {
  testing::TemporaryFolder folder;
  const std::string file = folder / "ring";
  { std::ofstream(file) << "{\"version\": 1"; }
  ASSERT_EQ(chmod(file.c_str(), 0600), 0);
  EXPECT_EQ(OpenFileRing(file, true).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace sekisho::keys

// One ring file and several users of it: processes of one machine, and pods through a mounted secret.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shared/base/files.h"
#include "shared/keys/file_ring.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::keys {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::chrono::hours kDay{24};

std::string SealedBy(KeyRing& ring, TimePoint now) { return *ring.Seal(*ring.NewMailKey(now), "", "content"); }

Code CodeOf(KeyRing& ring, const std::string& blob) {
  const auto opened = ring.Open(blob, "");
  return opened.ok() ? Code::kExists : opened.error().code;
}
constexpr Code kOpens = Code::kExists;

class SharedRingTest : public ::testing::Test {
 protected:
  std::unique_ptr<KeyRing> Ring() { return *OpenFileRing(file_, true, clock_); }

  testing::TemporaryFolder folder_;
  const std::string file_ = folder_ / "ring";
  testing::FakeClock clock_;
};

// Each process opens the ring, absent at first, waits for the start, and seals one blob of each of many new days.
TEST_F(SharedRingTest, ProcessesAtMidnightAgreeOnOneKey) {
  constexpr int kProcesses = 4;
  constexpr int kDays = 25;
  int gate[2];
  ASSERT_EQ(pipe(gate), 0);
  std::vector<pid_t> processes;
  for (int number = 0; number < kProcesses; ++number) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      close(gate[1]);
      char started = 0;
      if (read(gate[0], &started, 1) != 0) _exit(2);  // the end of the pipe: everyone at once
      const auto ring = OpenFileRing(file_, true, clock_);
      if (!ring.ok()) _exit(3);
      std::ofstream blobs(folder_ / ("blobs" + std::to_string(number)), std::ios::binary);
      for (int day = 0; day < kDays; ++day) {
        const auto key = (*ring)->NewMailKey(clock_.Now() + day * kDay);
        if (!key.ok()) _exit(4);
        const std::string blob = *(*ring)->Seal(*key, "", "content");
        blobs << static_cast<char>(blob.size()) << blob;
      }
      blobs.close();
      _exit(blobs ? 0 : 5);
    }
    processes.push_back(pid);
  }
  close(gate[0]);
  close(gate[1]);
  for (const pid_t pid : processes) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const auto ring = Ring();
  EXPECT_EQ(ring->Epochs().size(), size_t{kDays});
  int opened = 0;
  for (int number = 0; number < kProcesses; ++number) {
    std::ifstream blobs(folder_ / ("blobs" + std::to_string(number)), std::ios::binary);
    for (int size = blobs.get(); size != EOF; size = blobs.get()) {
      std::string blob(static_cast<size_t>(size), '\0');
      blobs.read(blob.data(), size);
      if (CodeOf(*ring, blob) == kOpens) ++opened;
    }
  }
  EXPECT_EQ(opened, kProcesses * kDays);
}

TEST_F(SharedRingTest, KnowsAtOnceTheEpochThatAnotherMade) {
  const auto here = Ring();
  const auto there = Ring();
  EXPECT_EQ(CodeOf(*here, SealedBy(*there, clock_.Now())), kOpens);
  EXPECT_EQ(CodeOf(*there, SealedBy(*here, clock_.Now() + kDay)), kOpens);
}

TEST_F(SharedRingTest, ForgetsWithinASecondWhatAnotherDestroyed) {
  const auto here = Ring();
  const auto there = Ring();
  const std::string blob = SealedBy(*here, clock_.Now());
  ASSERT_EQ(CodeOf(*here, blob), kOpens);
  ASSERT_TRUE(there->DestroyEpoch(here->Epochs().front()).ok());
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(CodeOf(*here, blob), Code::kNotFound);
  EXPECT_EQ(here->NewMailKey(clock_.Now()).error().code, Code::kUnavailable);
}

TEST_F(SharedRingTest, AChangeKeepsWhatAnotherChanged) {
  const auto here = Ring();
  const auto there = Ring();
  const std::string first = SealedBy(*here, clock_.Now());
  const std::string second = SealedBy(*there, clock_.Now() + kDay);
  const std::string third = SealedBy(*here, clock_.Now() + 2 * kDay);
  const std::string first_id = here->Epochs().front();
  ASSERT_TRUE(there->DestroyEpoch(first_id).ok());
  const auto later = Ring();
  EXPECT_EQ(later->Epochs().size(), 2u);
  EXPECT_EQ(CodeOf(*later, first), Code::kNotFound);
  EXPECT_EQ(CodeOf(*later, second), kOpens);
  EXPECT_EQ(CodeOf(*later, third), kOpens);
}

TEST_F(SharedRingTest, IsDownWhileItsFileIsGone) {
  const auto ring = Ring();
  const std::string blob = SealedBy(*ring, clock_.Now());
  fs::rename(file_, folder_ / "elsewhere");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(CodeOf(*ring, blob), Code::kUnavailable);
  EXPECT_EQ(ring->NewMailKey(clock_.Now()).error().code, Code::kUnavailable);
  fs::rename(folder_ / "elsewhere", file_);
  EXPECT_EQ(CodeOf(*ring, blob), kOpens);
}

TEST_F(SharedRingTest, IsDownWhileItsFileIsAnotherRingOrNone) {
  const auto ring = Ring();
  const std::string blob = SealedBy(*ring, clock_.Now());
  fs::rename(file_, folder_ / "elsewhere");
  ASSERT_TRUE(OpenFileRing(file_, true).ok());
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(CodeOf(*ring, blob), Code::kUnavailable);
  fs::resize_file(file_, 10);
  EXPECT_EQ(CodeOf(*ring, blob), Code::kUnavailable) << "not kCorrupt: the record at hand is sound";
  fs::rename(folder_ / "elsewhere", file_);
  EXPECT_EQ(CodeOf(*ring, blob), kOpens);
}

TEST_F(SharedRingTest, ADayWithoutAnEpochFailsClosedWhereTheFileCannotBeWritten) {
  const auto ring = Ring();
  const std::string blob = SealedBy(*ring, clock_.Now());
  fs::create_directories(folder_ / "ring.new/in the way");  // for root too, who may write anywhere
  const auto key = ring->NewMailKey(clock_.Now() + kDay);
  EXPECT_EQ(key.error().code, Code::kUnavailable);
  EXPECT_THAT(key.error().detail, HasSubstr("make epochs ahead with sekisho-keys add"));
  EXPECT_EQ(CodeOf(*ring, blob), kOpens);
  EXPECT_TRUE(ring->NewMailKey(clock_.Now()).ok());
}

// The layout of a Kubernetes secret volume: ring → ..data/ring, ..data → a folder for each version.
class MountedRingTest : public SharedRingTest {
 protected:
  MountedRingTest() { fs::create_directory(mount_); }

  // What the kubelet does: a new folder, then the link turned to it in one step, then the old one removed.
  void Publish(mode_t mode = 0440) {
    const std::string before = version_ == 0 ? "" : Version();
    ++version_;
    fs::create_directory(Version());
    fs::copy_file(file_, Version() + "/ring");
    ASSERT_EQ(chmod((Version() + "/ring").c_str(), mode), 0);
    fs::create_directory_symlink(fs::path(Version()).filename(), mount_ + "/..data_tmp");
    fs::rename(mount_ + "/..data_tmp", mount_ + "/..data");
    if (version_ == 1) fs::create_symlink("..data/ring", mounted_);
    if (!before.empty()) fs::remove_all(before);
  }

  std::unique_ptr<KeyRing> source_ = Ring();
  const std::string mount_ = folder_ / "mount";
  const std::string mounted_ = mount_ + "/ring";

 private:
  std::string Version() const { return mount_ + "/..2026_11_24_" + std::to_string(version_); }
  int version_ = 0;
};

TEST_F(MountedRingTest, FollowsTheLinksOfTheMountAndTheirTurning) {
  ASSERT_TRUE(source_->MakeEpoch(clock_.Now()).ok());
  Publish();
  EXPECT_EQ(OpenFileRing(mounted_, false).error().code, Code::kPermission) << "only when it is said to be mounted";
  const auto pod = *OpenMountedRing(mounted_, clock_);
  const std::string today = SealedBy(*pod, clock_.Now());
  EXPECT_EQ(CodeOf(*source_, today), kOpens);

  const std::string tomorrow = SealedBy(*source_, clock_.Now() + kDay);
  Publish();
  EXPECT_EQ(CodeOf(*pod, tomorrow), kOpens);

  ASSERT_TRUE(source_->DestroyEpoch(source_->Epochs().front()).ok());
  Publish();
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_EQ(CodeOf(*pod, today), Code::kNotFound);
  EXPECT_EQ(CodeOf(*pod, tomorrow), kOpens);
}

TEST_F(MountedRingTest, IsNeverWritten) {
  ASSERT_TRUE(source_->MakeEpoch(clock_.Now()).ok());
  Publish();
  const auto pod = *OpenMountedRing(mounted_, clock_);
  const auto key = pod->NewMailKey(clock_.Now() + kDay);
  EXPECT_EQ(key.error().code, Code::kUnavailable);
  EXPECT_EQ(key.error().retry, Retry::kLater);
  EXPECT_THAT(key.error().detail, HasSubstr("make epochs ahead with sekisho-keys add"));
  EXPECT_EQ(pod->DestroyEpoch(pod->Epochs().front()).error().code, Code::kPrecondition);
  EXPECT_EQ(pod->Epochs().size(), 1u);
  EXPECT_EQ(OpenMountedRing(mount_ + "/absent", clock_).error().code, Code::kNotFound);
}

TEST_F(MountedRingTest, WaitsForAnEpochThatItMayNotHaveYet) {
  ASSERT_TRUE(source_->MakeEpoch(clock_.Now()).ok());
  Publish();
  const auto pod = *OpenMountedRing(mounted_, clock_);
  const std::string tomorrow = SealedBy(*source_, clock_.Now() + kDay);
  EXPECT_EQ(CodeOf(*pod, tomorrow), Code::kUnavailable) << "the mail is not lost";
  const std::string never = SealedBy(*source_, clock_.Now() + 30 * kDay);
  EXPECT_EQ(CodeOf(*pod, never), Code::kNotFound) << "nobody seals for next month: a wrong id must not stop a stage";
  const std::string yesterday = SealedBy(*source_, clock_.Now() - kDay);
  ASSERT_TRUE(source_->DestroyEpoch(source_->Epochs().front()).ok());
  EXPECT_EQ(CodeOf(*pod, yesterday), Code::kNotFound);
}

TEST_F(MountedRingTest, RefusesALinkOutOfTheMount) {
  fs::create_symlink("../ring", mounted_);
  EXPECT_EQ(OpenMountedRing(mounted_, clock_).error().code, Code::kPermission);
  fs::remove(mounted_);
  fs::create_symlink(file_, mounted_);
  EXPECT_EQ(OpenMountedRing(mounted_, clock_).error().code, Code::kPermission);
  // A folder whose name begins like the mount's is not the mount.
  fs::create_directory(mount_ + "2");
  fs::copy_file(file_, mount_ + "2/ring");
  fs::remove(mounted_);
  fs::create_symlink("../mount2/ring", mounted_);
  EXPECT_EQ(OpenMountedRing(mounted_, clock_).error().code, Code::kPermission);
}

TEST_F(MountedRingTest, RefusesWhatOthersCanReadOrTheGroupCanWrite) {
  for (const mode_t mode : {0444, 0460, 0441}) {
    Publish(mode);
    EXPECT_EQ(OpenMountedRing(mounted_, clock_).error().code, Code::kPermission) << std::oct << mode;
  }
  for (const mode_t mode : {0400, 0440, 0600}) {
    Publish(mode);
    EXPECT_TRUE(OpenMountedRing(mounted_, clock_).ok()) << std::oct << mode;
  }
}

}  // namespace
}  // namespace sekisho::keys

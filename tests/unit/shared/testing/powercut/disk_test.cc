#include "shared/testing/powercut/disk.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace sekisho::powercut {
namespace {

namespace fs = std::filesystem;

class DiskTest : public testing::Test {
 protected:
  DiskTest() {
    std::string path = testing::TempDir() + "sekisho-disk-XXXXXX";
    folder_ = ::mkdtemp(path.data());
  }
  ~DiskTest() override { fs::remove_all(folder_); }

  void Create(uint64_t inode, std::string name) { disk_.Apply({Kind::kCreate, inode, 0, std::move(name), {}}); }
  void Write(uint64_t inode, uint64_t offset, std::string octets) {
    disk_.Apply({Kind::kWrite, inode, offset, {}, std::move(octets)});
  }
  void StartSync(uint64_t inode, uint64_t number) { disk_.Apply({Kind::kSyncStart, inode, number, {}, {}}); }
  void EndSync(uint64_t number) { disk_.Apply({Kind::kSyncEnd, 0, number, {}, {}}); }
  void Sync(uint64_t inode) {
    StartSync(inode, ++sync_);
    EndSync(sync_);
  }
  void SyncFolder(std::string name) {
    disk_.Apply({Kind::kFolderSyncStart, 0, ++sync_, name, {}});
    disk_.Apply({Kind::kFolderSyncEnd, 0, sync_, name, {}});
  }
  // "<absent>" when it isn't there.
  std::string Left(const std::string& name, std::mt19937_64* random = nullptr) {
    EXPECT_TRUE(disk_.Leave(folder_ + "/after", random).ok());
    std::ifstream file(folder_ + "/after/" + name, std::ios::binary);
    if (!file) return "<absent>";
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  std::string folder_;
  Disk disk_;
  uint64_t sync_ = 100;
};

TEST_F(DiskTest, NothingIsCertainBeforeASync) {
  Create(1, "a");
  Write(1, 0, "hello");
  EXPECT_EQ(Left("a"), "<absent>");
  SyncFolder("");
  EXPECT_EQ(Left("a"), "");
  Sync(1);
  EXPECT_EQ(Left("a"), "hello");
}

TEST_F(DiskTest, ASyncedFileWhoseNameWasNotSyncedIsLost) {
  Create(1, "a");
  Write(1, 0, "hello");
  Sync(1);
  EXPECT_EQ(Left("a"), "<absent>");
}

TEST_F(DiskTest, WhatIsWrittenDuringASyncIsNotCoveredByIt) {
  Create(1, "a");
  SyncFolder("");
  Write(1, 0, "hello");
  StartSync(1, 1);
  Write(1, 0, "HELLO");
  EXPECT_EQ(Left("a"), "");
  EndSync(1);
  EXPECT_EQ(Left("a"), "hello");
}

TEST_F(DiskTest, ARenameNeedsItsFoldersSync) {
  disk_.Apply({Kind::kMakeFolder, 0, 0, "sub", {}});
  Create(1, "sub/new");
  Write(1, 0, "x");
  Sync(1);
  SyncFolder("sub");
  EXPECT_EQ(Left("sub/new"), "<absent>") << "the folder itself is not durable";
  SyncFolder("");
  EXPECT_EQ(Left("sub/new"), "x");
  disk_.Apply({Kind::kRename, 0, 0, "sub/new", "sub/final"});
  EXPECT_EQ(Left("sub/new"), "x");
  EXPECT_EQ(Left("sub/final"), "<absent>");
  SyncFolder("sub");
  EXPECT_EQ(Left("sub/new"), "<absent>");
  EXPECT_EQ(Left("sub/final"), "x");
  disk_.Apply({Kind::kRemove, 0, 0, "sub/final", {}});
  EXPECT_EQ(Left("sub/final"), "x");
  SyncFolder("sub");
  EXPECT_EQ(Left("sub/final"), "<absent>");
}

TEST_F(DiskTest, UnsyncedChangesMaySurviveWholeOrTornOrNotAtAll) {
  Create(1, "a");
  SyncFolder("");
  Write(1, 0, std::string(1024, 'o'));
  Sync(1);
  Write(1, 256, std::string(512, 'n'));
  std::set<std::string> seen;
  std::mt19937_64 random(1);
  for (int i = 0; i < 100; ++i) seen.insert(Left("a", &random));
  const auto mix = [](bool first, bool second) {
    return std::string(256, 'o') + std::string(256, first ? 'n' : 'o') + std::string(256, second ? 'n' : 'o') +
           std::string(256, 'o');
  };
  EXPECT_EQ(seen, (std::set<std::string>{mix(false, false), mix(true, false), mix(false, true), mix(true, true)}));
}

TEST_F(DiskTest, ATruncationIsAChangeLikeOthers) {
  Create(1, "a");
  SyncFolder("");
  Write(1, 0, "hello");
  Sync(1);
  disk_.Apply({Kind::kTruncate, 1, 2, {}, {}});
  EXPECT_EQ(Left("a"), "hello");
  Sync(1);
  EXPECT_EQ(Left("a"), "he");
}

TEST(WithoutSyncsTest, TakesOutBothEndsOfTheSyncsThatAreMeant) {
  const std::vector<JournalRecord> records = {
      {Kind::kCreate, 1, 0, "sub/a", {}},     {Kind::kCreate, 2, 0, "b", {}},      {Kind::kSyncStart, 1, 1, {}, {}},
      {Kind::kSyncStart, 2, 2, {}, {}},       {Kind::kSyncEnd, 0, 1, {}, {}},      {Kind::kSyncEnd, 0, 2, {}, {}},
      {Kind::kFolderSyncStart, 0, 3, {}, {}}, {Kind::kFolderSyncEnd, 0, 3, {}, {}}};
  const auto left = [&](SyncOf what, std::string_view name) {
    std::vector<uint64_t> syncs;
    for (const auto& record : WithoutSyncs(records, what, name)) {
      if (record.kind != Kind::kCreate) syncs.push_back(record.offset);
    }
    return syncs;
  };
  EXPECT_EQ(left(SyncOf::kFile, "b"), (std::vector<uint64_t>{1, 1, 3, 3}));
  EXPECT_EQ(left(SyncOf::kFile, "sub/"), (std::vector<uint64_t>{2, 2, 3, 3}));
  EXPECT_EQ(left(SyncOf::kFolder, ""), (std::vector<uint64_t>{1, 2, 1, 2}));
  EXPECT_EQ(left(SyncOf::kFile, "c"), (std::vector<uint64_t>{1, 2, 1, 2, 3, 3}));
}

TEST_F(DiskTest, TellsWhenTheFolderHoldsSomethingElse) {
  fs::create_directory(folder_ + "/now");
  std::ofstream(folder_ + "/now/a") << "hello";
  EXPECT_NE(disk_.DifferenceFrom(folder_ + "/now"), "");
  Create(1, "a");
  EXPECT_NE(disk_.DifferenceFrom(folder_ + "/now"), "");
  Write(1, 0, "hello");
  EXPECT_EQ(disk_.DifferenceFrom(folder_ + "/now"), "");
  Create(2, "b");
  EXPECT_NE(disk_.DifferenceFrom(folder_ + "/now"), "");
}

}  // namespace
}  // namespace sekisho::powercut

#include "shared/content/local.h"

#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "shared/content/clear_cache.h"
#include "shared/keys/file_ring.h"
#include "shared/store/sqlite.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/content/conformance.h"

namespace sekisho::content {
namespace {

namespace fs = std::filesystem;
using sekisho::testing::TemporaryFolder;

class LocalUnderTest final : public ContentUnderTest {
 public:
  LocalUnderTest() {
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    Reopen();
  }
  void Reopen() override {
    content_.reset();
    database_.reset();
    database_ = *store::OpenSqlite({.folder = folder_ / "data"});
    options_.folder = folder_ / "content";
    options_.small_limit = kSmallLimit;
    content_ = *OpenLocal(options_, *database_, *keys_, clock());
  }
  Store& content() override { return *content_; }
  store::Database& database() override { return *database_; }
  keys::KeyRing& keys() override { return *keys_; }

  const TemporaryFolder& folder() const { return folder_; }
  LocalOptions& options() { return options_; }
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "content")) files.push_back(entry.path());
    return files;
  }

 private:
  TemporaryFolder folder_;
  LocalOptions options_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Store> content_;
};

INSTANTIATE_TEST_SUITE_P(Local, ContentConformance, ::testing::Values(+[]() -> std::unique_ptr<ContentUnderTest> {
                           return std::make_unique<LocalUnderTest>();
                         }));

class LocalContentTest : public ContentConformance {
 protected:
  LocalUnderTest& local() { return static_cast<LocalUnderTest&>(*under_test_); }
};
INSTANTIATE_TEST_SUITE_P(Local, LocalContentTest, ::testing::Values(+[]() -> std::unique_ptr<ContentUnderTest> {
                           return std::make_unique<LocalUnderTest>();
                         }));

TEST_P(LocalContentTest, LeavesNothingOfWhatWasNotFinishedOrNotAttached) {
  {
    const auto key = local().keys().NewMailKey(local().clock().Now());
    const auto writer = local().content().Create(*key, mail_, "d0");
    ASSERT_TRUE(writer->Append(RandomOctets(kLarge)).ok());
    EXPECT_EQ(local().Files().size(), 1u);
  }
  EXPECT_TRUE(local().Files().empty());
  ASSERT_TRUE(Stage("d0", RandomOctets(kLarge)).ok());
  EXPECT_TRUE(local().Files().empty());
  {
    const auto staged = Stage("d0", RandomOctets(kLarge));
    const Status undone = local().database().RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR((*staged)->Attach(tx));
      return MakeError(Code::kCancelled, "no");
    });
    EXPECT_FALSE(undone.ok());
  }
  EXPECT_TRUE(local().Files().empty());
}

TEST_P(LocalContentTest, WritesNothingInClear) {
  std::string octets;
  while (octets.size() < kLarge) octets += "a very secret sentence ";
  Keep("d0", octets);
  Keep("d1-x", octets.substr(0, kSmall));
  local().Reopen();
  size_t searched = 0;
  for (const auto& entry : fs::recursive_directory_iterator(local().folder().path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(file), {});
    EXPECT_EQ(all.find("secret sentence"), std::string::npos) << entry.path();
    searched += all.size();
  }
  EXPECT_GT(searched, kLarge + kSmall);
}

TEST_P(LocalContentTest, KeepsItsFilesFromOthers) {
  Keep("d0", RandomOctets(kLarge));
  struct stat status = {};
  ASSERT_EQ(::stat(local().Files().at(0).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((local().folder() / "content").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
}

TEST_P(LocalContentTest, FindsEveryDamageToAFile) {
  const ContentRef ref = Keep("d0", RandomOctets(kLarge));
  const fs::path path = local().Files().at(0);
  const auto size = fs::file_size(path);
  for (const uint64_t at : {uint64_t{0}, uint64_t{1}, uint64_t{20}, uint64_t{200}, size / 2, size - 1}) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(was ^ 1));
    file.close();
    const auto damaged = Read(ref);
    EXPECT_FALSE(damaged.ok()) << at;
    std::fstream again(path, std::ios::in | std::ios::out | std::ios::binary);
    again.seekp(static_cast<std::streamoff>(at));
    again.put(was);
  }
  EXPECT_TRUE(Read(ref).ok());
  for (const uint64_t cut : {size - 1, size - 16, size / 2, uint64_t{200}, uint64_t{1}, uint64_t{0}}) {
    fs::resize_file(path, cut);
    EXPECT_EQ(ReadFails(ref), Code::kCorrupt) << cut;
  }
  fs::remove(path);
  EXPECT_EQ(ReadFails(ref), Code::kNotFound);
}

TEST_P(LocalContentTest, ARowOfAnotherContentIsCorrupt) {
  static const store::Statement swap(
      "UPDATE {content.blob} SET octets = (SELECT octets FROM {content.blob} WHERE name = 'd0') WHERE name = 'd1-x'");
  Keep("d0", "first");
  const ContentRef ref = Keep("d1-x", "second");
  ASSERT_TRUE(local()
                  .database()
                  .RunAndWait([](store::Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(swap, {}));
                    return Ok();
                  })
                  .ok());
  EXPECT_EQ(**Read(ref), "second") << "from memory";
  local().Reopen();
  EXPECT_EQ(ReadFails(ref), Code::kCorrupt);
}

TEST_P(LocalContentTest, RemovingAMailRemovesItsFiles) {
  Keep("d0", RandomOctets(kLarge));
  ASSERT_EQ(local().Files().size(), 1u);
  ASSERT_TRUE(local().database().RunAndWait([&](store::Tx& tx) { return local().content().Remove(tx, mail_); }).ok());
  EXPECT_TRUE(local().Files().empty());
}

TEST_P(LocalContentTest, SweepsOldFilesThatNoRowNames) {
  const ContentRef kept = Keep("d0", RandomOctets(kLarge));
  // As a process that died before its transaction leaves them: of a mail without rows, and of one with another file.
  const std::string named = local().Files().at(0).filename();
  const Uuid old = Uuid::Generate(local().clock().Now());
  std::ofstream(local().folder() / "content/" + MailId::Generate(local().clock().Now()).ToString() + ".d0." +
                old.ToString());
  std::ofstream(local().folder() / "content/" + mail_.ToString() + ".d0." + old.ToString());
  std::ofstream(local().folder() / "content/README");
  EXPECT_EQ(*local().content().SweepOrphans(), 0u) << "may be in work";
  local().clock().Advance(std::chrono::minutes(61));
  const std::string young = mail_.ToString() + ".d1-y." + Uuid::Generate(local().clock().Now()).ToString();
  std::ofstream(local().folder() / "content/" + young);
  EXPECT_EQ(*local().content().SweepOrphans(), 2u);
  EXPECT_TRUE(Read(kept).ok());
  EXPECT_EQ(local().Files().size(), 3u);
}

TEST_P(LocalContentTest, AFullDiskIsExhaustedAndLeavesNothing) {
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_NE(::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  const rlimit small = {kLarge / 2, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto staged = Stage("d0", RandomOctets(kLarge));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ASSERT_FALSE(staged.ok());
  EXPECT_EQ(staged.error().code, Code::kExhausted);
  EXPECT_EQ(staged.error().retry, Retry::kLater);
  EXPECT_TRUE(local().Files().empty());
  EXPECT_TRUE(Read(Keep("d0", RandomOctets(kLarge))).ok());
}

TEST_P(LocalContentTest, CountsFreeOctetsFromTheReserve) {
  EXPECT_GT(local().content().FreeOctets(), 0u);
  local().options().min_free = UINT64_MAX / 2;
  local().Reopen();
  EXPECT_EQ(local().content().FreeOctets(), 0u);
}

TEST_P(LocalContentTest, AMailOf50MibCostsTheWriterLittle) {
  const std::string piece = RandomOctets(1 << 20);
  const auto key = local().keys().NewMailKey(local().clock().Now());
  const auto writer = local().content().Create(*key, mail_, "d0");
  const size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
  size_t most = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(writer->Append(piece).ok());
    most = std::max(most, ::mallinfo2().uordblks + ::mallinfo2().hblkhd);
  }
  const auto staged = writer->Finish();
  ASSERT_TRUE(staged.ok());
  EXPECT_LT(most, before + (1 << 20));
  ASSERT_TRUE(Attach(*staged).ok());
  EXPECT_EQ((*Read((*staged)->ref()))->size(), 50u << 20);
}

ClearCache::Entry Entry(size_t size) { return {std::make_shared<const std::string>(size, 'x'), "digest", "key"}; }

TEST(ClearCacheTest, ForgetsTheLongestUnusedFirst) {
  ClearCache cache(100);
  for (const auto* key : {"a", "b", "c", "d"}) cache.Put(key, Entry(25));
  ASSERT_NE(cache.Get("a").octets, nullptr);
  cache.Put("e", Entry(25));
  EXPECT_EQ(cache.Get("b").octets, nullptr);
  for (const auto* key : {"a", "c", "d", "e"}) EXPECT_NE(cache.Get(key).octets, nullptr) << key;
  cache.Put("a", Entry(1));
  cache.Put("f", Entry(24));
  EXPECT_EQ(cache.Get("a").octets->size(), 1u);
  EXPECT_NE(cache.Get("c").octets, nullptr);
}

TEST(ClearCacheTest, KeepsNothingThatWouldPushOutAllElse) {
  ClearCache cache(100);
  cache.Put("a", Entry(26));
  EXPECT_EQ(cache.Get("a").octets, nullptr);
  ClearCache none(0);
  none.Put("a", Entry(1));
  EXPECT_EQ(none.Get("a").octets, nullptr);
}

TEST(ClearCacheTest, ForgetsByPrefix) {
  ClearCache cache(100);
  for (const auto* key : {"a/1", "a/2", "b/1"}) cache.Put(key, Entry(5));
  cache.Forget("a/");
  EXPECT_EQ(cache.Get("a/1").octets, nullptr);
  EXPECT_EQ(cache.Get("a/2").octets, nullptr);
  EXPECT_NE(cache.Get("b/1").octets, nullptr);
}

}  // namespace
}  // namespace sekisho::content

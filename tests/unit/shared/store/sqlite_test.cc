#include "shared/store/sqlite.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "shared/base/failpoint.h"
#include "shared/store/sqlite_connection.h"
#include "tests/unit/shared/store/conformance.h"

// The program's own versions of what SQLite calls: they count, and fail when told to.
namespace {
std::atomic<int> syncs{0};
std::atomic<int> sync_errno{0};
std::atomic<int> write_errno{0};
}  // namespace
extern "C" int fdatasync(int fd) {
  if (const int error = sync_errno; error != 0) {
    errno = error;
    return -1;
  }
  ++syncs;
  return static_cast<int>(::syscall(SYS_fdatasync, fd));
}
extern "C" ssize_t pwrite64(int fd, const void* octets, size_t size, off64_t offset) {
  if (const int error = write_errno; error != 0) {
    errno = error;
    return -1;
  }
  return ::syscall(SYS_pwrite64, fd, octets, size, offset);
}

namespace sekisho::store {
namespace {

class Folder {
 public:
  Folder() {
    std::string path = ::testing::TempDir() + "sekisho-store-XXXXXX";
    path_ = ::mkdtemp(path.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class SqliteUnderTest final : public DatabaseUnderTest {
 public:
  std::unique_ptr<Database> Open(size_t queue_limit) override {
    auto database = OpenSqlite({.folder = folder_.path(), .queue_limit = queue_limit});
    if (!database.ok()) {
      ADD_FAILURE() << database.error().ToString();
      return nullptr;
    }
    return *std::move(database);
  }

 private:
  Folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseConformance, ::testing::Values(+[]() -> std::unique_ptr<DatabaseUnderTest> {
                           return std::make_unique<SqliteUnderTest>();
                         }));

class SqliteTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    const Migration migrations[] = {
        {1, "CREATE TABLE {t.item} (id BIGINT PRIMARY KEY, name TEXT NOT NULL, octets {blob})"}};
    ASSERT_TRUE(database_->Migrate("t", migrations).ok());
  }
  void TearDown() override {
    sync_errno = write_errno = 0;
    ASSERT_TRUE(ArmFailpoints("").ok());
  }
  void Open() {
    database_.reset();
    auto opened = OpenSqlite({.folder = folder_.path()});
    ASSERT_TRUE(opened.ok()) << opened.error().ToString();
    database_ = *std::move(opened);
  }
  Status Insert(int64_t id) {
    return database_->RunAndWait([id](Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {id, std::string_view("x")}));
      return Ok();
    });
  }
  int64_t Count() {
    int64_t count = -1;
    const Status status = database_->Read([&](Tx& tx) {
      return tx.Query(kCount, {}, [&](const Row& row) {
        count = row.Int(0);
        return Ok();
      });
    });
    EXPECT_TRUE(status.ok()) << status.error().ToString();
    return count;
  }

  Folder folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(SqliteTest, SaysDoneOnlyAfterASync) {
  for (int64_t i = 0; i < 20; ++i) {
    int before = 0, at_hook = 0;
    ASSERT_TRUE(database_
                    ->RunAndWait([&](Tx& tx) -> Status {
                      before = syncs;
                      tx.OnCommitted([&] { at_hook = syncs; });
                      SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsert, {i, std::string_view("x")}));
                      return Ok();
                    })
                    .ok());
    EXPECT_GT(at_hook, before);
  }
}

TEST_F(SqliteTest, AFailedSyncFailsTheGroupLeavesNothingAndHeals) {
  ASSERT_TRUE(Insert(1).ok());
  sync_errno = EIO;
  const Status failed = Insert(2);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_EQ(Count(), 1) << "what was not synced is not seen";
  sync_errno = 0;
  ASSERT_TRUE(Insert(3).ok()) << "after what was durable went into the file";
  Open();
  EXPECT_EQ(Count(), 2);
  EXPECT_FALSE(Insert(1).ok());
  EXPECT_TRUE(Insert(2).ok());
}

TEST_F(SqliteTest, StaysUnavailableWhileSyncingFails) {
  ASSERT_TRUE(Insert(1).ok());
  sync_errno = EIO;
  for (int64_t i = 2; i < 6; ++i) {
    const Status failed = Insert(i);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().code, Code::kUnavailable);
    EXPECT_EQ(failed.error().retry, Retry::kLater);
    EXPECT_EQ(Count(), 1);
  }
  sync_errno = 0;
  ASSERT_TRUE(Insert(2).ok());
  EXPECT_EQ(Count(), 2);
}

TEST_F(SqliteTest, AFullDiskFailsTheGroupLeavesNothingAndGoesOnWhenThereIsRoom) {
  ASSERT_TRUE(Insert(1).ok());
  write_errno = ENOSPC;
  for (int64_t i = 2; i < 5; ++i) {
    const Status full = Insert(i);
    ASSERT_FALSE(full.ok());
    EXPECT_EQ(full.error().code, Code::kExhausted);
  }
  EXPECT_EQ(Count(), 1);
  write_errno = 0;
  ASSERT_TRUE(Insert(2).ok());
  EXPECT_EQ(Count(), 2);
}

TEST_F(SqliteTest, AFullDiskInTheMiddleOfALargeTransactionFailsAllOfItsGroup) {
  static const Statement large("INSERT INTO {t.item} (id, name, octets) VALUES ($1, 'x', $2)");
  const std::string octets(1 << 20, 'x');
  const Status full = database_->RunAndWait([&](Tx& tx) -> Status {
    for (int64_t i = 0; i < 40; ++i) {  // more than the page cache holds: spilled before the commit
      if (i == 20) write_errno = ENOSPC;
      // Going on after an error must not end in a transaction of its own.
      static_cast<void>(tx.Savepoint([&]() -> Status {
        SEKISHO_RETURN_IF_ERROR(tx.Execute(large, {i, Octets{octets}}));
        return Ok();
      }));
    }
    write_errno = 0;
    return Ok();
  });
  EXPECT_FALSE(full.ok());
  EXPECT_EQ(Count(), 0);
  ASSERT_TRUE(Insert(1).ok());
  EXPECT_EQ(Count(), 1);
}

TEST_F(SqliteTest, AFailpointBeforeTheCommitLeavesNothing) {
  ASSERT_TRUE(ArmFailpoints("store.before_commit=error@1").ok());
  const Status failed = Insert(1);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code, Code::kUnavailable);
  EXPECT_EQ(database_->stats().failed_commits, 1u);
  EXPECT_EQ(Count(), 0);
  EXPECT_TRUE(Insert(1).ok());
}

TEST_F(SqliteTest, TheWalStaysBoundedAndReadersDoNotStopThat) {
  static const Statement large("INSERT INTO {t.item} (id, name, octets) VALUES ($1, 'x', $2)");
  const std::string octets(1 << 20, 'x');
  std::uintmax_t largest = 0;
  for (int64_t i = 0; i < 200; ++i) {
    ASSERT_TRUE(database_
                    ->RunAndWait([&](Tx& tx) -> Status {
                      SEKISHO_RETURN_IF_ERROR(tx.Execute(large, {i, Octets{octets}}));
                      return Ok();
                    })
                    .ok());
    largest = std::max(largest, std::filesystem::file_size(folder_.path() + "/sekisho.db-wal"));
    if (i % 10 == 0) {
      EXPECT_EQ(Count(), i + 1);
    }
  }
  EXPECT_LT(largest, 80u << 20);
}

TEST_F(SqliteTest, RefusesAFolderThatIsInUse) {
  const auto second = OpenSqlite({.folder = folder_.path()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kPrecondition);
  EXPECT_TRUE(Insert(1).ok());
}

TEST_F(SqliteTest, KeepsItsFilesFromOthers) {
  ASSERT_TRUE(Insert(1).ok());
  for (const auto* name : {"/sekisho.db", "/sekisho.db-wal", "/sekisho.lock"}) {
    struct stat status = {};
    ASSERT_EQ(::stat((folder_.path() + name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SqliteTest, RefusesAFileThatIsNotItsOwn) {
  database_.reset();
  const std::string path = folder_.path() + "/sekisho.db";
  {
    std::ofstream file(path, std::ios::trunc);
    file << std::string(100'000, 'x');
  }
  const auto text = OpenSqlite({.folder = folder_.path()});
  ASSERT_FALSE(text.ok());
  EXPECT_EQ(text.error().code, Code::kCorrupt);

  std::filesystem::remove(path);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE x (y)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const auto foreign = OpenSqlite({.folder = folder_.path()});
  ASSERT_FALSE(foreign.ok());
  EXPECT_EQ(foreign.error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace sekisho::store

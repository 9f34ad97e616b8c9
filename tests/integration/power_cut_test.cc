// Records one run of the workload, cuts the power at hundreds of moments of it, and asks after each: is all that was
// acknowledged there, whole, readable, with its digest? Is nothing half there? Is the database sound?
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "shared/testing/powercut/disk.h"
#include "shared/testing/temporary_folder.h"
#include "tests/integration/powercut_workload.h"

namespace sekisho::powercut {
namespace {

constexpr size_t kCuts = 240;

struct Recording {
  sekisho::testing::TemporaryFolder folder;
  std::vector<JournalRecord> records;
  std::string ring() const { return folder / "ring"; }
};

// Runs the workload under the recorder.
std::unique_ptr<Recording> Record(const std::string& synchronous) {
  auto recording = std::make_unique<Recording>();
  const std::string watched = recording->folder / "watched", journal = recording->folder / "journal";
  std::filesystem::create_directory(watched);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string marks = recording->folder / "marks", ring = recording->ring();
    ::setenv("LD_PRELOAD", POWERCUT_RECORDER, 1);
    ::setenv("POWERCUT_FOLDER", watched.c_str(), 1);
    ::setenv("POWERCUT_JOURNAL", journal.c_str(), 1);
    ::setenv("POWERCUT_MARKS", marks.c_str(), 1);
    // A sanitizer's runtime wants to come before other libraries; the recorder replaces only what it passes on.
    ::setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    ::execl(POWERCUT_WORKLOAD, POWERCUT_WORKLOAD, watched.c_str(), ring.c_str(), marks.c_str(), synchronous.c_str(),
            static_cast<char*>(nullptr));
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0) << "the workload failed";
  auto records = ReadJournal(journal);
  EXPECT_TRUE(records.ok());
  recording->records = *std::move(records);
  Disk end;
  for (const JournalRecord& record : recording->records) end.Apply(record);
  EXPECT_EQ(end.DifferenceFrom(watched), "") << "the recording is not whole";
  return recording;
}

std::string Text(const Status& status) { return status.ok() ? "" : status.error().ToString(); }

std::string IntegrityCheck(const std::string& database) {
  sqlite3* connection = nullptr;
  std::string answer = "cannot be opened";
  if (sqlite3_open_v2(database.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    sqlite3_exec(
        connection, "PRAGMA integrity_check(1)",
        [](void* out, int, char** columns, char**) {
          *static_cast<std::string*>(out) = columns[0];
          return 0;
        },
        &answer, nullptr);
  }
  sqlite3_close(connection);
  return answer == "ok" ? "" : "integrity_check: " + answer;
}

// The first thing wrong with what is left in `folder`; empty when all is well.
std::string Wrong(const std::string& folder, const std::string& ring, const std::set<int>& acknowledged) {
  static const store::Statement mails("SELECT number, content, sha256, size FROM {w.mail}");
  static const store::Statement parts("SELECT number, part, octets FROM {w.part}");
  static const store::Statement unmatched(
      "SELECT count(*) FROM {w.part} WHERE number NOT IN (SELECT number FROM {w.mail})");
  if (std::filesystem::exists(folder + "/data/sekisho.db")) {
    if (std::string wrong = IntegrityCheck(folder + "/data/sekisho.db"); !wrong.empty()) return wrong;
  }
  auto data = Data::Open(folder, ring, "OFF");
  if (!data.ok()) return "cannot open: " + data.error().ToString();

  std::map<int, content::ContentRef> refs;
  std::map<int, int> whole_parts;
  const Status read = (*data)->database->Read([&](store::Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Query(mails, {}, [&](const store::Row& row) {
      content::ContentRef& ref = refs[static_cast<int>(row.Int(0))];
      ref.set_key(std::string(row.Text(1)));
      ref.set_sha256(std::string(row.Blob(2)));
      ref.set_size(static_cast<uint64_t>(row.Int(3)));
      return Ok();
    }));
    SEKISHO_RETURN_IF_ERROR(tx.Query(parts, {}, [&](const store::Row& row) -> Status {
      const int number = static_cast<int>(row.Int(0)), part = static_cast<int>(row.Int(1));
      if (row.Blob(2) != PartOctets(number, part)) return MakeError(Code::kCorrupt, "a part holds other octets");
      ++whole_parts[number];
      return Ok();
    }));
    return tx.Query(unmatched, {}, [&](const store::Row& row) -> Status {
      return row.Int(0) == 0 ? Ok() : MakeError(Code::kCorrupt, "parts without their mail");
    });
  });
  if (!read.ok()) return Text(read);
  for (const int number : acknowledged) {
    if (!refs.contains(number)) return "acknowledged " + std::to_string(number) + " is lost";
  }
  for (const auto& [number, ref] : refs) {
    if (number % 7 == 3) return "refused " + std::to_string(number) + " is there";
    if (whole_parts[number] != kParts) return std::to_string(number) + " is half there";
    if (const auto octets = (*data)->content->Read(ref); !octets.ok()) {
      return std::to_string(number) + "'s content: " + octets.error().ToString();
    }
  }
  return "";
}

// Cuts everywhere, most often just after something was said to be done. Gives the cuts that did harm. `records`: those
// of the recording, or fewer.
std::vector<std::string> CutEverywhere(const Recording& recording, const std::vector<JournalRecord>& records,
                                       bool stop_at_first) {
  std::mt19937_64 random(20261124);
  std::set<size_t> cuts = {records.size()};
  while (cuts.size() < kCuts && cuts.size() < records.size()) {
    size_t cut = random() % records.size();
    if (random() % 2 == 0) {
      while (cut < records.size() && records[cut].kind != Kind::kMark && records[cut].kind != Kind::kSyncEnd) ++cut;
      if (cut < records.size()) ++cut;
    }
    cuts.insert(cut);
  }
  // In memory where there is room for that: what is left is looked at once, and nobody cuts the power here.
  const std::string after = std::filesystem::exists("/dev/shm")
                                ? "/dev/shm/sekisho-power-cut-" + std::to_string(::getpid())
                                : recording.folder / "after";
  std::vector<std::string> harm;
  Disk disk;
  std::set<int> acknowledged;
  size_t applied = 0;
  for (const size_t cut : cuts) {
    for (; applied < cut; ++applied) {
      disk.Apply(records[applied]);
      if (records[applied].kind == Kind::kMark) acknowledged.insert(std::stoi(records[applied].octets.substr(4)));
    }
    for (std::mt19937_64* chance : {static_cast<std::mt19937_64*>(nullptr), &random}) {
      EXPECT_TRUE(disk.Leave(after, chance).ok());
      const std::string wrong = Wrong(after, recording.ring(), acknowledged);
      if (wrong.empty()) continue;
      harm.push_back("cut before record " + std::to_string(cut) +
                     (chance == nullptr ? ", nothing unsynced left: " : ", some left: ") + wrong);
      if (stop_at_first) break;
    }
    if (stop_at_first && !harm.empty()) break;
  }
  std::filesystem::remove_all(after);
  return harm;
}

std::string FirstHarm(const Recording& recording, const std::vector<JournalRecord>& records) {
  const auto harm = CutEverywhere(recording, records, true);
  return harm.empty() ? "" : harm[0];
}

const Recording& Full() {
  static const std::unique_ptr<Recording> recording = Record("FULL");
  return *recording;
}

TEST(PowerCutTest, NothingAcknowledgedIsLostAndNothingIsHalfThere) {
  ASSERT_GT(Full().records.size(), kCuts);
  const auto harm = CutEverywhere(Full(), Full().records, false);
  for (size_t i = 0; i < harm.size() && i < 10; ++i) ADD_FAILURE() << harm[i];
  EXPECT_EQ(harm.size(), 0u);
}

// That the suite can fail: it finds harm when the database does not sync, …
TEST(PowerCutTest, NoticesADatabaseThatDoesNotSync) {
  for (const char* synchronous : {"OFF", "NORMAL"}) {
    const auto recording = Record(synchronous);
    const std::string harm = FirstHarm(*recording, recording->records);
    EXPECT_NE(harm, "") << synchronous;
    std::printf("synchronous=%s: %s\n", synchronous, harm.c_str());
  }
}

// …and when any one kind of sync is taken out of a good recording: each is needed.
TEST(PowerCutTest, NoticesEachSyncThatIsMissing) {
  const std::pair<SyncOf, const char*> kinds[] = {{SyncOf::kFolder, ""},
                                                  {SyncOf::kFolder, "data"},
                                                  {SyncOf::kFolder, "content"},
                                                  {SyncOf::kFile, "data/sekisho.db"},
                                                  {SyncOf::kFile, "data/sekisho.db-wal"},
                                                  {SyncOf::kFile, "content/"}};
  for (const auto& [what, name] : kinds) {
    const auto records = WithoutSyncs(Full().records, what, name);
    ASSERT_LT(records.size(), Full().records.size()) << "'" << name << "' was never synced";
    const std::string harm = FirstHarm(Full(), records);
    EXPECT_NE(harm, "") << "without syncs of '" << name << "'";
    std::printf("without syncs of %s '%s': %s\n", what == SyncOf::kFolder ? "folder" : "file", name, harm.c_str());
  }
}

}  // namespace
}  // namespace sekisho::powercut

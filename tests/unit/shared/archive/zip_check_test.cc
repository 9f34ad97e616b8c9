#include "shared/archive/zip_check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "shared/archive/zip_writer.h"
#include "shared/testing/command.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::archive {
namespace {

// Hand-made ZIP files, stored, so that each number can be a lie.
struct Fake {
  std::string name = "a.txt", local_name = name, content = "content";
  uint16_t method = 0, local_method = 0, flags = 0, local_flags = 0;
  int packed_off_by = 0;
};

std::string N(uint64_t value, int size) {
  std::string out;
  for (int i = 0; i < size; ++i) out += i < 8 ? static_cast<char>(value >> (8 * i) & 0xff) : '\0';
  return out;
}

std::string Local(const Fake& f) {
  return "PK\3\4" + N(20, 2) + N(f.local_flags, 2) + N(f.local_method, 2) + N(0, 8) + N(f.content.size(), 4) +
         N(f.content.size(), 4) + N(f.local_name.size(), 2) + N(0, 2) + f.local_name + f.content;
}

std::string Central(const Fake& f, uint64_t offset) {
  return "PK\1\2" + N(20, 2) + N(20, 2) + N(f.flags, 2) + N(f.method, 2) + N(0, 8) +
         N(f.content.size() + static_cast<uint64_t>(f.packed_off_by), 4) + N(f.content.size(), 4) +
         N(f.name.size(), 2) + N(0, 12) + N(offset, 4) + f.name;
}

std::string End(uint64_t entries, uint64_t size, uint64_t offset) {
  return "PK\5\6" + N(0, 4) + N(entries, 2) + N(entries, 2) + N(size, 4) + N(offset, 4) + N(0, 2);
}

std::string Zip(const std::vector<Fake>& files, const std::string& between = "") {
  std::string out, directory;
  for (const Fake& file : files) {
    directory += Central(file, out.size());
    out += Local(file) + between;
  }
  const size_t at = out.size();
  return out + directory + End(files.size(), directory.size(), at);
}

std::string Refusal(const std::string& zip) {
  const Status status = CheckZip(zip, 100);
  if (status.ok()) return "accepted";
  EXPECT_EQ(status.error().code, Code::kMalformed);
  return status.error().detail;
}

TEST(ZipCheckTest, AcceptsWhatAgrees) {
  EXPECT_EQ(Refusal(Zip({Fake{}, Fake{.name = "b"}})), "accepted");
  EXPECT_EQ(Refusal(Zip({})), "accepted");
  EXPECT_EQ(Refusal(Zip({Fake{}}, "PK\7\10 and a data descriptor")), "accepted");
}

TEST(ZipCheckTest, AcceptsWhatPeersAndWeWrite) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "見積.txt") << std::string(5000, 'x');
  std::ofstream(folder / "b.txt") << "b";
  for (const std::string& command :
       {std::string("7z a z.zip *.txt"), std::string("7z a -psecret -mem=AES256 z.zip *.txt"),
        std::string("python3 -m zipfile -c z.zip *.txt"), std::string("cat *.txt | 7z a -sicontent z.zip")}) {
    const auto outcome = testing::RunCommand({"sh", "-c", "cd " + folder.path() + " && rm -f z.zip && " + command});
    ASSERT_EQ(outcome.exit_status, 0) << outcome.output;
    std::ifstream in(folder / "z.zip", std::ios::binary);
    EXPECT_EQ(Refusal({std::istreambuf_iterator<char>(in), {}}), "accepted") << command;
  }
  ZipWriter writer{Secret<std::string>("secret")};
  ASSERT_TRUE(writer.Begin("a", TimePoint()).ok());
  ASSERT_TRUE(writer.End().ok());
  EXPECT_EQ(Refusal(*writer.Finish()), "accepted");
}

TEST(ZipCheckTest, RefusesWhatTwoProgramsWouldReadInTwoWays) {
  EXPECT_EQ(Refusal(Zip({Fake{.local_name = "b.exe"}})), "ZIP file: an entry has two names");
  EXPECT_EQ(Refusal(Zip({Fake{.local_method = 8}})), "ZIP file: an entry is packed in two ways");
  EXPECT_EQ(Refusal(Zip({Fake{.local_flags = 1}})), "ZIP file: an entry is packed in two ways");
  EXPECT_EQ(Refusal(Zip({Fake{.packed_off_by = -1}})), "ZIP file: an entry has two sizes");
  EXPECT_EQ(Refusal(Zip({Fake{}}, Local(Fake{.name = "hidden", .local_name = "hidden"}))),
            "ZIP file: an entry is hidden between others");
  EXPECT_EQ(Refusal(Local(Fake{}) + Zip({})), "ZIP file: its directory isn't where it says");
  const std::string one = Zip({Fake{}});
  EXPECT_EQ(Refusal(one + "trailing"), "ZIP file: its directory isn't at its end");
  std::string nested = one.substr(0, one.size() - 2) + N(22, 2) + End(0, 0, 0);  // the comment is an end record
  EXPECT_EQ(Refusal(nested), "ZIP file: it has two directories");
}

TEST(ZipCheckTest, RefusesEntriesThatOverlap) {
  const Fake inner{.name = "inner", .local_name = "inner"};
  const Fake outer{.content = Local(inner)};
  const std::string local = Local(outer);
  const std::string directory = Central(outer, 0) + Central(inner, 30 + outer.name.size());
  EXPECT_EQ(Refusal(local + directory + End(2, directory.size(), local.size())), "ZIP file: entries overlap");
  const std::string twice = Central(inner, 0) + Central(inner, 0);  // the quine of a bomb: one content, many entries
  EXPECT_EQ(Refusal(Local(inner) + twice + End(2, twice.size(), Local(inner).size())), "ZIP file: entries overlap");
}

TEST(ZipCheckTest, RefusesWhatIsCutOrPointsOutside) {
  const std::string whole = Zip({Fake{}, Fake{.name = "b", .local_name = "b"}});
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(Refusal(whole.substr(0, size)), "accepted") << size;
  const std::string directory = Central(Fake{}, 1000000);
  EXPECT_EQ(Refusal(Local(Fake{}) + directory + End(1, directory.size(), Local(Fake{}).size())),
            "ZIP file: an entry lies outside");
}

TEST(ZipCheckTest, CountsEntries) {
  EXPECT_EQ(CheckZip(Zip(std::vector<Fake>(3)), 2).error().code, Code::kLimit);
  EXPECT_TRUE(CheckZip(Zip(std::vector<Fake>(3)), 3).ok());
}

}  // namespace
}  // namespace sekisho::archive

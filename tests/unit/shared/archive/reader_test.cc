#include "shared/archive/reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "shared/testing/command.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::archive {
namespace {

class ReaderTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  // Runs `command` in the folder and gives the file it made.
  std::string Make(const std::string& command, const std::string& file) {
    const auto outcome = testing::RunCommand({"sh", "-c", "cd " + folder_.path() + " && " + command});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    std::ifstream in(folder_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Result<ArchiveReading> Read(const std::string& octets, Budget budget, uint64_t keep = 1 << 20) {
    found_.clear();
    return ReadArchive(octets, keep, budget, [&](const ArchiveEntry& entry, std::string_view content) {
      found_[entry.name] = {entry, std::string(content)};
      return Ok();
    });
  }
  Result<ArchiveReading> Read(const std::string& octets) {
    return Read(octets, Budget(100, 1 << 24, 1000, octets.size()));
  }

  testing::TemporaryFolder folder_;
  std::map<std::string, std::pair<ArchiveEntry, std::string>> found_;
};

TEST_F(ReaderTest, EveryFormatThatPeersWrite) {
  setlocale(LC_CTYPE, "C.UTF-8");
  Write("見積.txt", "見積の内容");
  Write("sub/b.txt", std::string(3000, 'b'));
  for (const auto& [command, file] :
       std::vector<std::pair<std::string, std::string>>{{"7z a z.zip 見積.txt sub", "z.zip"},
                                                        {"7z a z.7z 見積.txt sub", "z.7z"},
                                                        {"tar cf z.tar 見積.txt sub", "z.tar"},
                                                        {"tar czf z.tgz 見積.txt sub", "z.tgz"},
                                                        {"tar cjf z.tbz 見積.txt sub", "z.tbz"},
                                                        {"tar cJf z.txz 見積.txt sub", "z.txz"}}) {
    const auto reading = Read(Make(command, file));
    ASSERT_TRUE(reading.ok()) << file;
    EXPECT_EQ(*reading, ArchiveReading::kWhole) << file;
    EXPECT_EQ(found_["見積.txt"].second, "見積の内容") << file;
    EXPECT_EQ(found_["sub/b.txt"].second, std::string(3000, 'b')) << file;
    EXPECT_EQ(found_["sub/b.txt"].first.size, 3000u) << file;
  }
  EXPECT_EQ(*Read(Make("gzip -k sub/b.txt", "sub/b.txt.gz")), ArchiveReading::kWhole);
  EXPECT_EQ(found_.begin()->second.second, std::string(3000, 'b'));
}

TEST_F(ReaderTest, SaysWhatIsEncrypted) {
  Write("a.txt", "secret content");
  for (const auto& [command, file] :
       std::vector<std::pair<std::string, std::string>>{{"7z a -px aes.zip -mem=AES256 a.txt", "aes.zip"},
                                                        {"7z a -px old.zip -mem=ZipCrypto a.txt", "old.zip"},
                                                        {"7z a -px plain.7z a.txt", "plain.7z"}}) {
    ASSERT_TRUE(Read(Make(command, file)).ok()) << file;
    EXPECT_TRUE(found_["a.txt"].first.encrypted) << file;
    EXPECT_EQ(found_["a.txt"].second, "") << file;
  }
  EXPECT_EQ(*Read(Make("7z a -px -mhe=on hidden.7z a.txt", "hidden.7z")), ArchiveReading::kEncrypted);
}

TEST_F(ReaderTest, SaysWhatIsDamaged) {
  Write("a.txt", std::string(1000, 'a') + "middle" + std::string(1000, 'b'));
  std::string zip = Make("7z a -mx=0 z.zip a.txt", "z.zip");
  zip[zip.find("middle")] = 'M';
  ASSERT_TRUE(Read(zip).ok());
  EXPECT_TRUE(found_["a.txt"].first.damaged) << "its CRC no longer fits";
  const std::string seven = Make("7z a z.7z a.txt", "z.7z");
  EXPECT_EQ(*Read(seven.substr(0, seven.size() - 10)), ArchiveReading::kDamaged);
  EXPECT_EQ(*Read("just text"), ArchiveReading::kDamaged);
  EXPECT_EQ(*Read(""), ArchiveReading::kDamaged);
}

TEST_F(ReaderTest, MarksPathsAndLinks) {
  Write("a.txt", "a");
  const auto reading =
      Read(Make("ln -s /etc/passwd link && tar cPf z.tar --transform='s,^a.txt,../../a.txt,' a.txt link && "
                "tar rPf z.tar /etc/hostname",
                "z.tar"));
  ASSERT_TRUE(reading.ok());
  for (const char* name : {"../../a.txt", "link", "/etc/hostname"}) EXPECT_TRUE(found_[name].first.unsafe_path) << name;
}

TEST_F(ReaderTest, EachLimit) {
  Write("a.txt", std::string(3 << 20, 'a'));
  Write("b.txt", "b");
  const std::string zip = Make("7z a z.zip a.txt b.txt", "z.zip");
  const auto code = [&](Budget budget) {
    const auto reading = Read(zip, budget);
    return reading.ok() ? "ok" : std::string(CodeName(reading.error().code));
  };
  EXPECT_EQ(code(Budget(2, (3 << 20) + 1, 1 << 20, zip.size())), "ok");
  EXPECT_EQ(code(Budget(1, (3 << 20) + 1, 1 << 20, zip.size())), "limit");
  EXPECT_EQ(code(Budget(2, 3 << 20, 1 << 20, zip.size())), "limit");
  EXPECT_EQ(code(Budget(2, 1 << 30, 100, zip.size())), "limit") << "3 MiB from " << zip.size() << " octets";
}

TEST_F(ReaderTest, KeepsOnlyTheBeginningOfLargeContent) {
  Write("a.txt", std::string(100000, 'a'));
  const std::string zip = Make("7z a z.zip a.txt", "z.zip");
  ASSERT_TRUE(Read(zip, Budget(10, 1 << 20, 10000, zip.size()), 1000).ok());
  EXPECT_EQ(found_["a.txt"].second.size(), 1000u);
  EXPECT_EQ(found_["a.txt"].first.size, 100000u);
  EXPECT_TRUE(found_["a.txt"].first.cut);
}

}  // namespace
}  // namespace sekisho::archive

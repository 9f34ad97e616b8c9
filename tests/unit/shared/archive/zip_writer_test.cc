#include "shared/archive/zip_writer.h"

#include <gtest/gtest.h>
#include <zip.h>

#include <fstream>
#include <map>
#include <set>

#include "shared/base/handle.h"
#include "shared/base/random.h"
#include "shared/testing/command.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::archive {
namespace {

using testing::RunCommand;
using namespace std::chrono_literals;
using Files = std::map<std::string, std::string>;

const TimePoint kNow = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + 3h + 4min + 6s;
constexpr char kPassword[] = "correct horse 16";

std::string Zip(const Files& files, size_t piece = 100000) {
  ZipWriter writer{Secret<std::string>(kPassword)};
  for (const auto& [name, content] : files) {
    SEKISHO_CHECK(writer.Begin(name, kNow).ok());
    for (size_t at = 0; at < content.size(); at += piece) {
      SEKISHO_CHECK(writer.Write(std::string_view(content).substr(at, piece)).ok());
    }
    SEKISHO_CHECK(writer.End().ok());
  }
  return *writer.Finish();
}

Files Samples() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "見積書の明細 " + std::to_string(i) + "\n";
  return {{"見積書（改訂版）.txt", text},
          {"写真.jpg", RandomOctets(300000)},
          {"empty", ""},
          {"one", "x"},
          {"ｶﾅ①髙﨑.dat", RandomOctets(5)},
          {"second half deflates.bin", RandomOctets(64 << 10) + std::string(100000, 'a')},
          {"second half does not.bin", std::string(100000, 'a') + RandomOctets(100000)}};
}

// What libzip finds with `password`; nothing for an entry that it refuses.
Files OpenWithLibzip(const std::string& octets, const char* password, std::vector<zip_stat_t>* stats = nullptr) {
  zip_error_t error;
  zip_source_t* const source = zip_source_buffer_create(octets.data(), octets.size(), 0, &error);
  zip_t* const zip = zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  EXPECT_NE(zip, nullptr) << zip_error_strerror(&error);
  Files files;
  for (zip_uint64_t i = 0; zip != nullptr && i < static_cast<zip_uint64_t>(zip_get_num_entries(zip, 0)); ++i) {
    zip_stat_t stat;
    zip_stat_index(zip, i, 0, &stat);
    if (stats != nullptr) stats->push_back(stat);
    zip_file_t* const file = zip_fopen_index_encrypted(zip, i, 0, password);
    if (file == nullptr) continue;
    std::string content(stat.size + 1, '\0');
    const zip_int64_t size = zip_fread(file, content.data(), content.size());
    if (size >= 0) files[stat.name] = content.substr(0, static_cast<size_t>(size));
    zip_fclose(file);
  }
  zip_discard(zip);
  return files;
}

TEST(ZipWriterTest, LibzipReadsItWithThePassword) {
  const Files files = Samples();
  for (const size_t piece : {size_t{1000}, size_t{64 << 10}, size_t{1 << 20}}) {
    const std::string zip = Zip(files, piece);
    std::vector<zip_stat_t> stats;
    EXPECT_TRUE(OpenWithLibzip(zip, kPassword, &stats) == files);
    EXPECT_TRUE(OpenWithLibzip(zip, "another password").empty());
    for (const zip_stat_t& stat : stats) EXPECT_EQ(stat.encryption_method, ZIP_EM_AES_256);
  }
}

TEST(ZipWriterTest, SevenZipExtractsJapaneseNames) {
  const testing::TemporaryFolder folder;
  const Files files = Samples();
  std::ofstream(folder / "a.zip", std::ios::binary) << Zip(files);
  setenv("LC_ALL", "C.UTF-8", 1);
  const auto outcome =
      RunCommand({"7z", "x", "-p" + std::string(kPassword), "-o" + (folder / "out"), folder / "a.zip"});
  ASSERT_EQ(outcome.exit_status, 0) << outcome.output;
  Files extracted;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "out")) {
    std::ifstream in(entry.path(), std::ios::binary);
    extracted[entry.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
  EXPECT_TRUE(extracted == files);
  EXPECT_NE(RunCommand({"7z", "t", "-pwrong", folder / "a.zip"}).exit_status, 0);
}

TEST(ZipWriterTest, SevenZipNoticesAChangedOctet) {
  const testing::TemporaryFolder folder;
  std::string zip = Zip({{"f", RandomOctets(1000)}});
  zip[500] = static_cast<char>(zip[500] ^ 1);
  std::ofstream(folder / "a.zip", std::ios::binary) << zip;
  EXPECT_NE(RunCommand({"7z", "t", "-p" + std::string(kPassword), folder / "a.zip"}).exit_status, 0);
}

TEST(ZipWriterTest, TellsNothingOfTheContentButItsSize) {
  const std::string one = Zip({{"f", "the same content"}}), other = Zip({{"f", "the same content"}});
  EXPECT_NE(one, other);
  std::vector<zip_stat_t> stats;
  OpenWithLibzip(one, kPassword, &stats);
  EXPECT_EQ(stats[0].crc, 0u) << "AE-2 has no CRC";
  EXPECT_EQ(one.find("content"), std::string::npos);
}

TEST(ZipWriterTest, DeflatesWhatGainsByIt) {
  EXPECT_LT(Zip({{"f", std::string(1 << 20, 'a')}}).size(), 10000u);
  const std::string random = RandomOctets(1 << 20);
  EXPECT_LT(Zip({{"f", random}}).size(), random.size() + 400);
}

TEST(ZipWriterTest, KeepsTheTime) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "a.zip", std::ios::binary) << Zip({{"f", "x"}});
  setenv("TZ", "UTC", 1);
  EXPECT_NE(RunCommand({"7z", "l", folder / "a.zip"}).output.find("2026-11-24 03:04:06"), std::string::npos);
}

TEST(ZipWriterTest, RefusesNamesThatAreNotFileNames) {
  ZipWriter writer{Secret<std::string>(kPassword)};
  for (const std::string& name : {std::string(), std::string("a/b"), std::string("a\\b"), std::string("a\nb"),
                                  std::string("a\0b", 3), std::string(5000, 'a')}) {
    EXPECT_EQ(writer.Begin(name, kNow).error().code, Code::kInvalid);
  }
  EXPECT_EQ(writer.Finish().error().code, Code::kInvalid) << "a file of nothing";
}

TEST(NewPasswordTest, SixteenPlainCharactersNeverAlike) {
  std::set<std::string> seen;
  std::map<char, int> used;
  for (int i = 0; i < 2000; ++i) {
    const Secret<std::string> password = NewPassword();
    EXPECT_EQ(password.Reveal().size(), 16u);
    EXPECT_EQ(password.Reveal().find_first_of("IOilo01"), std::string::npos);
    EXPECT_TRUE(seen.insert(password.Reveal()).second);
    for (const char c : password.Reveal()) ++used[c];
  }
  EXPECT_EQ(used.size(), 55u);  // 16 * log2(55) = 92 bits
  for (const auto& [character, count] : used) EXPECT_NEAR(count, 32000 / 55, 180) << character;
}

}  // namespace
}  // namespace sekisho::archive

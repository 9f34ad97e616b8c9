#include "shared/sandbox/sandbox.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "shared/testing/command.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::sandbox {
namespace {

using namespace std::chrono_literals;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Sample(const std::string& name) { return ReadFile(std::string(SEKISHO_TESTDATA) + "/sandbox/" + name); }

std::unique_ptr<Sandbox> StartSandbox(Options options = {}) {
  if (options.worker_path.empty())
    options.worker_path = std::string(SEKISHO_BINARY_DIR) + "/bin/sekisho-sandbox-worker";
  auto sandbox = Sandbox::Start(std::move(options));
  SEKISHO_CHECK(sandbox.ok());
  return *std::move(sandbox);
}

class SandboxTest : public ::testing::Test {
 protected:
  Inspection Inspect(const std::string& octets, const std::string& name) {
    auto inspection = sandbox_->Inspect(octets, name, {});
    EXPECT_TRUE(inspection.ok()) << inspection.error().ToString();
    return inspection.ok() ? *std::move(inspection) : Inspection();
  }
  void Write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << content;
  }
  std::string Make(const std::string& command, const std::string& file) {
    const auto outcome = testing::RunCommand({"sh", "-c", "cd " + folder_.path() + " && " + command});
    EXPECT_EQ(outcome.exit_status, 0) << outcome.output;
    return ReadFile(folder_ / file);
  }
  // The limit that was hit; "" when none was.
  std::string LimitHit(const std::string& octets, const Limits& limits) {
    const auto inspection = sandbox_->Inspect(octets, "file", limits);
    if (inspection.ok()) return "";
    EXPECT_EQ(inspection.error().code, Code::kLimit) << inspection.error().ToString();
    return inspection.error().detail;
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Sandbox> sandbox_ = StartSandbox();
};

TEST_F(SandboxTest, ReadsTheTextOfDocuments) {
  for (const char* name : {"word.docx", "word.doc", "text.odt", "page.pdf", "sheet.xlsx", "sheet.xls", "sheet.ods",
                           "slides.pptx", "owner-password.pdf"}) {
    const Inspection inspection = Inspect(Sample(name), name);
    EXPECT_EQ(inspection.reading, Reading::kText) << name;
    ASSERT_EQ(inspection.texts.size(), 1u) << name;
    EXPECT_EQ(inspection.texts[0].name, name);
    EXPECT_NE(inspection.texts[0].text.find("社外秘"), std::string::npos) << name << ": " << inspection.texts[0].text;
    EXPECT_NE(inspection.texts[0].text.find("CONFIDENTIAL-42"), std::string::npos) << name;
    EXPECT_FALSE(inspection.AnyUnreadable()) << name;
  }
}

TEST_F(SandboxTest, ReadsSlidesOfOldInsideAnArchive) {
  const Inspection inspection = Inspect(Sample("slides-ppt.zip"), "a.zip");
  ASSERT_EQ(inspection.entries.size(), 1u);
  EXPECT_EQ(inspection.entries[0].reading, Reading::kText);
  EXPECT_NE(inspection.texts[0].text.find("社外秘の計画\n"), std::string::npos);
  EXPECT_NE(inspection.texts[0].text.find("CONFIDENTIAL-42"), std::string::npos);
}

TEST_F(SandboxTest, KeepsCellsAndParagraphsApart) {
  EXPECT_NE(Inspect(Sample("word.docx"), "w.docx").texts[0].text.find("関所"), std::string::npos);
  const std::string sheet = Inspect(Sample("sheet.xlsx"), "s.xlsx").texts[0].text;
  EXPECT_NE(sheet.find("12345\t"), std::string::npos) << sheet;
  EXPECT_NE(sheet.find("品名\n"), std::string::npos) << sheet;
}

TEST_F(SandboxTest, TextInEveryJapaneseCharset) {
  for (const char* octets : {"\xe7\xa4\xbe\xe5\xa4\x96\xe7\xa7\x98 secret", "\x8e\xd0\x8a\x4f\x94\xe9 secret",
                             "\x1b$B<R30Hk\x1b(B secret", "\xbc\xd2\xb3\xb0\xc8\xeb secret"}) {
    const Inspection inspection = Inspect(octets, "a.txt");
    EXPECT_EQ(inspection.reading, Reading::kText);
    ASSERT_EQ(inspection.texts.size(), 1u);
    EXPECT_NE(inspection.texts[0].text.find("社外秘 secret"), std::string::npos) << inspection.texts[0].text;
  }
  const Inspection html =
      Inspect("<html><body>社<b>外</b>秘<a href=\"https://x.example/\">x</a></body></html>", "a.html");
  EXPECT_NE(html.texts[0].text.find("社外秘"), std::string::npos);
  EXPECT_NE(html.texts[0].text.find("https://x.example/"), std::string::npos);
}

TEST_F(SandboxTest, ListsArchivesInArchives) {
  Write("inner/社外秘.txt", "inner text");
  Write("picture.png", "\x89PNG\r\n\x1a\n....");
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/word.docx", folder_ / "w.docx");
  const Inspection inspection =
      Inspect(Make("7z a inner.7z inner && tar czf outer.tgz inner.7z picture.png w.docx", "outer.tgz"), "o.tgz");
  EXPECT_EQ(inspection.reading, Reading::kListed);
  std::vector<std::string> names;
  for (const Entry& entry : inspection.entries) names.push_back(std::to_string(entry.depth) + " " + entry.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"1 inner.7z", "2 inner/", "2 inner/社外秘.txt", "1 picture.png", "1 w.docx"}));
  EXPECT_EQ(inspection.entries[0].reading, Reading::kListed);
  EXPECT_EQ(inspection.entries[2].reading, Reading::kText);
  EXPECT_EQ(inspection.entries[2].size, 10u);
  EXPECT_EQ(inspection.entries[2].type, mime::FileType::kText);
  EXPECT_EQ(inspection.entries[3].type, mime::FileType::kPng);
  EXPECT_EQ(inspection.entries[4].type, mime::FileType::kOoxml);
  EXPECT_EQ(inspection.entries[3].reading, Reading::kNoText);
  EXPECT_EQ(inspection.entries[4].reading, Reading::kText);
  ASSERT_EQ(inspection.texts.size(), 2u);
  EXPECT_EQ(inspection.texts[0].name, "inner/社外秘.txt");
  EXPECT_FALSE(inspection.AnyUnreadable());
}

TEST_F(SandboxTest, NamesThatWindowsWroteInCp932) {
  const Inspection inspection =
      Inspect(Make("printf x > a && python3 -c \"import zipfile; z=zipfile.ZipFile('z.zip','w'); "
                   "i=zipfile.ZipInfo('XXXX.txt'); z.writestr(i,'x'); z.close(); "
                   "d=open('z.zip','rb').read().replace(b'XXXX', '\xe6\x8f\x90\xe6\xa1\x88'.encode('cp932')); "
                   "open('z.zip','wb').write(d)\"",
                   "z.zip"),
              "z.zip");
  ASSERT_EQ(inspection.entries.size(), 1u);
  EXPECT_EQ(inspection.entries[0].name, "提案.txt");
}

TEST_F(SandboxTest, FilesInsideOfficeFilesAreReadToo) {
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/sheet.xlsx", folder_ / "sheet.xlsx");
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/word.docx", folder_ / "w.docx");
  const std::string with_sheet =
      Make("mkdir -p word/embeddings && cp sheet.xlsx word/embeddings/ && 7z a -tzip w.docx word/embeddings/sheet.xlsx",
           "w.docx");
  const Inspection inspection = Inspect(with_sheet, "w.docx");
  ASSERT_EQ(inspection.entries.size(), 1u);
  EXPECT_EQ(inspection.entries[0].name, "word/embeddings/sheet.xlsx");
  EXPECT_EQ(inspection.entries[0].reading, Reading::kText);
  Write("word/media/image1.png", "\x89PNG\r\n\x1a\n....");
  EXPECT_EQ(Inspect(Make("7z a -tzip w.docx word/media/image1.png", "w.docx"), "w.docx").entries.size(), 1u)
      << "an ingredient";
  Write("word/media/notes.txt", "社外秘");
  EXPECT_EQ(Inspect(Make("7z a -tzip w.docx word/media/notes.txt", "w.docx"), "w.docx").entries.size(), 2u)
      << "a stowaway";
}

TEST_F(SandboxTest, WhatRunsIsNoPartOfADocument) {
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/word.docx", folder_ / "w.docx");
  const std::string elf =
      "\x7F"
      "ELF" +
      std::string(64, '\1');
  Write("word/media/image1.png", elf);
  Write("word/media/font.odttf", std::string(64, '\1'));
  Write("word/media/run.exe", std::string(64, '\1'));
  const Inspection inspection = Inspect(Make("7z a -tzip w.docx word/media", "w.docx"), "w.docx");
  std::map<std::string, mime::FileType> found;
  for (const Entry& entry : inspection.entries) found[entry.name] = entry.type;
  EXPECT_EQ(found, (std::map<std::string, mime::FileType>{{"word/media/image1.png", mime::FileType::kElf},
                                                          {"word/media/run.exe", mime::FileType::kUnknown}}));
}

TEST_F(SandboxTest, WhatIsEncryptedIsSaid) {
  EXPECT_EQ(Inspect(Sample("encrypted.pdf"), "a.pdf").reading, Reading::kEncrypted);
  EXPECT_EQ(Inspect(Sample("encrypted.xlsx"), "a.xlsx").reading, Reading::kEncrypted);
  Write("a.txt", "secret");
  for (const auto& [command, file] :
       std::vector<std::pair<std::string, std::string>>{{"7z a -px -mem=AES256 z.zip a.txt", "z.zip"},
                                                        {"7z a -px z.7z a.txt", "z.7z"},
                                                        {"7z a -px -mhe=on h.7z a.txt", "h.7z"}}) {
    const Inspection inspection = Inspect(Make(command, file), file);
    EXPECT_TRUE(inspection.AnyEncrypted()) << file;
    EXPECT_TRUE(inspection.texts.empty()) << file;
  }
}

TEST_F(SandboxTest, WhatCannotBeReadIsSaid) {
  EXPECT_EQ(Inspect(Sample("pdf-with-file.pdf"), "a.pdf").reading, Reading::kUnreadable) << "a file inside a PDF";
  EXPECT_EQ(Inspect(Sample("word.doc").substr(0, 3000), "a.doc").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect(Sample("word.docx").substr(0, 3000), "a.docx").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect(Sample("page.pdf").substr(0, 500), "a.pdf").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect("PK\3\4 but nothing else", "a.zip").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect(std::string(32768, '\0') + "\1CD001\1" + std::string(4096, '\0'), "a.iso").reading,
            Reading::kUnreadable);
  EXPECT_EQ(Inspect("{\\rtf1 text}", "a.rtf").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect(std::string("\1\2\3\0\4\5\6\7", 8), "a.bin").reading, Reading::kUnreadable);
  EXPECT_EQ(Inspect("", "empty.txt").reading, Reading::kNoText);
}

TEST_F(SandboxTest, XmlThatCouldHideTextIsUnreadable) {
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/word.docx", folder_ / "w.docx");
  for (const char* xml : {"<!DOCTYPE d [<!ENTITY e \"社外秘\">]><d>&e;</d>", "<a>not closed", "not XML",
                          "<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><d/>"}) {
    Write("word/document.xml", xml);
    EXPECT_EQ(Inspect(Make("7z a -tzip w.docx word/document.xml", "w.docx"), "w.docx").reading, Reading::kUnreadable)
        << xml;
  }
}

TEST_F(SandboxTest, UnsafePathsAreMarked) {
  const Inspection inspection = Inspect(Make("ln -s /etc/passwd link && echo x > a && "
                                             "tar cPf z.tar --transform='s,^a$,../../a,' a link",
                                             "z.tar"),
                                        "z.tar");
  ASSERT_EQ(inspection.entries.size(), 2u);
  for (const Entry& entry : inspection.entries) EXPECT_TRUE(entry.unsafe_path) << entry.name;
}

TEST_F(SandboxTest, EachLimit) {
  Write("zeros", std::string(20 << 20, '\0'));
  Write("text", std::string(2 << 20, 'a'));
  Write("b", "b");
  const std::string bomb = Make("7z a bomb.zip zeros", "bomb.zip");
  EXPECT_NE(LimitHit(bomb, {}).find("ratio"), std::string::npos);
  EXPECT_NE(LimitHit(bomb, {.octets = 10 << 20, .ratio = 1 << 20}).find("octets"), std::string::npos);
  const std::string two = Make("7z a two.zip text b", "two.zip");
  EXPECT_NE(LimitHit(two, {.entries = 1, .ratio = 1 << 20}).find("entries"), std::string::npos);
  EXPECT_NE(LimitHit(two, {.ratio = 1 << 20, .text_octets = 1000}).find("text"), std::string::npos);
  EXPECT_EQ(LimitHit(two, {.entries = 2, .ratio = 1 << 20}), "");
  std::string command = "true";
  for (int i = 0; i < 6; ++i) command += " && 7z a out.zip b && mv out.zip b";
  const std::string onion = Make(command, "b");
  EXPECT_NE(LimitHit(onion, {}).find("nested"), std::string::npos);
  EXPECT_EQ(LimitHit(onion, {.depth = 6}), "");
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/page.pdf", folder_ / "1.pdf");
  std::filesystem::copy(std::string(SEKISHO_TESTDATA) + "/sandbox/page.pdf", folder_ / "2.pdf");
  EXPECT_NE(LimitHit(Make("7z a p.zip 1.pdf 2.pdf", "p.zip"), {.documents = 1}).find("documents"), std::string::npos);
}

TEST(SandboxLimitsTest, DefaultsAreThoseOfTheSecurityPage) {
  const Limits limits;
  EXPECT_EQ(limits.entries, 10'000u);
  EXPECT_EQ(limits.depth, 5u);
  EXPECT_EQ(limits.octets, uint64_t{1} << 30);
  EXPECT_EQ(limits.ratio, 100u);
  EXPECT_EQ(limits.time, std::chrono::seconds(30));
}

TEST_F(SandboxTest, AZipQuineAndOverlappingEntriesAreUnreadable) {
  Write("a.txt", "a");
  std::string zip = Make("7z a -mx=0 z.zip a.txt", "z.zip");
  const size_t central = zip.find("PK\1\2"), end = zip.find("PK\5\6");
  const std::string entry = zip.substr(central, end - central);
  zip.insert(end, entry);  // the same content, listed twice
  const size_t tail = end + entry.size();
  zip[tail + 8] = zip[tail + 10] = 2;
  zip[tail + 12] = static_cast<char>(2 * entry.size());
  EXPECT_EQ(Inspect(zip, "z.zip").reading, Reading::kUnreadable);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which reserve terabytes of addresses
TEST_F(SandboxTest, TooMuchMemoryIsALimit) {
  sandbox_ = StartSandbox({.memory = 100 << 20});
  Write("text", std::string(60 << 20, 'a'));
  EXPECT_NE(LimitHit(Make("7z a -mx=1 t.zip text", "t.zip"), {.ratio = 1 << 20}), "");
}
#endif

TEST_F(SandboxTest, ManyAtOnce) {
  const std::string document = Sample("word.docx"), pdf = Sample("page.pdf");
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 5; ++round) {
        const auto inspection = sandbox_->Inspect(i % 2 == 0 ? document : pdf, "d", {});
        if (inspection.ok() && inspection->texts.size() == 1) ++good;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

// A worker that an attachment has taken over.
TEST_F(SandboxTest, AWorkerThatLiesIsNotBelieved) {
  sandbox_ = StartSandbox({.worker_path = std::string(SEKISHO_TESTDATA) + "/sandbox/lying-worker"});
  for (const char* name :
       {"huge record", "unknown record", "reading of no entry", "unknown reading", "text of no entry", "short payload",
        "too deep", "endless entries", "program of its choice", "crash", "end"}) {
    EXPECT_EQ(sandbox_->Inspect("content", name, {}).error().code, Code::kMalformed) << name;
  }
  EXPECT_EQ(sandbox_->Inspect("content", "endless text", {}).error().code, Code::kLimit);
  EXPECT_EQ(sandbox_->Inspect("content", "silent", {.time = 300ms}).error().code, Code::kLimit);
  EXPECT_EQ(sandbox_->Inspect("content", "not utf-8", {})->texts[0].text, "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(SandboxStartTest, NoWorkerBinaryIsAnErrorAtOnce) {
  EXPECT_EQ(Sandbox::Start({.worker_path = "/nonexistent/worker"}).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace sekisho::sandbox

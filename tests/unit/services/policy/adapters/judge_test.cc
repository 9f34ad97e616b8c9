// What keeps a mail from being judged holds it; only what is down is tried again.

#include "services/policy/adapters/judge.h"

#include <gmock/gmock.h>

#include "services/policy/adapters/tables.h"
#include "shared/base/bytes.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kPolicy[] =
    "rules:\n"
    "  - {id: text, when: {content: {keywords: [社外秘], patterns: ['\\d{4}-\\d{4}-\\d{4}']}}, then: {approval: {}}}\n"
    "  - {id: exe, when: {attachment: {extensions: [exe]}}, then: {block: true}}\n";

std::string MailWith(const std::string& file_name, const std::string& octets = "\x01\x02\x03") {
  return "From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
         "Content-Disposition: attachment; filename=\"" +
         file_name + "\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Base64Encode(octets) + "\r\n";
}

class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest()
      : world_(kPolicy),
        source_(world_.policy_file(), {"example.jp"}, *world_.database, world_.clock),
        contacts_(*world_.database, *world_.keys),
        reader_(world_.sandbox, world_.clock, {}) {
    SEKISHO_CHECK(MigrateTables(*world_.database).ok() && source_.Start().ok());
  }

  Result<Verdict> Run(const std::string& raw, Duration budget = std::chrono::seconds(10)) {
    return Run(raw, budget, reader_);
  }
  Result<Verdict> Run(const std::string& raw, Duration budget, const MailReader& reader) {
    const Judge judge(source_, *world_.directory, contacts_, reader, budget);
    Question question;
    question.raw = std::make_shared<const std::string>(raw);
    question.mail_from = "hanako@example.jp";
    question.recipients = {"x@a.example"};
    return judge.Run(question);
  }
  std::string Action(const std::string& raw, Duration budget = std::chrono::seconds(10)) {
    const auto verdict = Run(raw, budget);
    EXPECT_TRUE(verdict.ok());
    return verdict.ok() ? Actions(verdict->parcels[0].treatment)[0] : "error";
  }

  PolicyWorld world_;
  PolicySource source_;
  Contacts contacts_;
  MailReader reader_;
};

TEST_F(JudgeTest, TheTextOfAttachmentsIsSearched) {
  world_.sandbox.answers.emplace("a.docx", WithText("a.docx", "一\n社外秘"));
  const auto verdict = Run(MailWith("a.docx"));
  ASSERT_TRUE(verdict.ok());
  EXPECT_THAT(Actions(verdict->parcels[0].treatment), ElementsAre("approval"));
  EXPECT_EQ(verdict->parcels[0].reasons[0].place(), "attachment 1 line 2");
}

TEST_F(JudgeTest, WhatLiesInAnArchiveIsAnAttachmentToo) {
  sandbox::Inspection archive;
  archive.reading = sandbox::Reading::kListed;
  archive.entries.push_back({.name = "dir/setup.EXE", .size = 5, .depth = 1, .reading = sandbox::Reading::kNoText});
  world_.sandbox.answers.emplace("a.zip", archive);
  const auto verdict = Run(MailWith("a.zip"));
  ASSERT_TRUE(verdict.ok());
  EXPECT_THAT(Actions(verdict->parcels[0].treatment), ElementsAre("block"));
  EXPECT_EQ(verdict->parcels[0].reasons[0].place(), "attachment 1 > dir/setup.EXE");
}

TEST_F(JudgeTest, WhatLiesInAnArchiveIsKnownByItsContent) {
  WriteFile(world_.policy_file(),
            "rules: [{id: r, when: {attachment: {types: [executable], name_mismatch: true}}, then: {block: true}}]");
  source_.Poll();
  sandbox::Inspection archive;
  archive.reading = sandbox::Reading::kListed;
  archive.entries.push_back(
      {.name = "a.txt", .size = 5, .depth = 1, .type = mime::FileType::kText, .reading = sandbox::Reading::kText});
  world_.sandbox.answers.insert_or_assign("a.zip", archive);
  EXPECT_EQ(Action(MailWith("a.zip")), "pass");
  archive.entries[0].type = mime::FileType::kPe;
  world_.sandbox.answers.insert_or_assign("a.zip", archive);
  EXPECT_EQ(Action(MailWith("a.zip")), "block");
}

TEST_F(JudgeTest, AnUnreadableEntryHolds) {
  sandbox::Inspection archive;
  archive.reading = sandbox::Reading::kListed;
  archive.entries.push_back({.name = "a.bin", .size = 5, .depth = 1, .reading = sandbox::Reading::kUnreadable});
  world_.sandbox.answers.emplace("a.zip", archive);
  EXPECT_EQ(Action(MailWith("a.zip")), "hold unreadable");
}

TEST_F(JudgeTest, ABombOrACrashedReaderHoldsAsUnreadable) {
  world_.sandbox.answers.emplace("bomb.zip", MakeError(Code::kLimit, "more than 1 GiB"));
  world_.sandbox.answers.emplace("crash.pdf", MakeError(Code::kMalformed, "the reader crashed"));
  const auto verdict = Run(MailWith("bomb.zip"));
  ASSERT_TRUE(verdict.ok());
  EXPECT_THAT(Actions(verdict->parcels[0].treatment), ElementsAre("hold unreadable"));
  EXPECT_THAT(verdict->parcels[0].reasons[0].evidence(), HasSubstr("1 GiB"));
  EXPECT_EQ(Action(MailWith("crash.pdf")), "hold unreadable");
}

TEST_F(JudgeTest, ASandboxThatIsDownIsTriedAgain) {
  world_.sandbox.answers.emplace("a.bin", MakeError(Code::kUnavailable, "no process"));
  const auto verdict = Run(MailWith("a.bin"));
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.error().retry, Retry::kLater);
}

TEST_F(JudgeTest, TimeForAttachmentsIsTheWholeMails) {
  class SlowSandbox final : public sandbox::Sandbox {
   public:
    explicit SlowSandbox(testing::FakeClock& clock) : clock_(clock) {}
    Result<sandbox::Inspection> Inspect(std::string_view, std::string_view, const sandbox::Limits& limits) override {
      times.push_back(limits.time);
      clock_.Advance(std::chrono::seconds(20));
      sandbox::Inspection inspection;
      inspection.reading = sandbox::Reading::kNoText;
      return inspection;
    }
    std::vector<Duration> times;

   private:
    testing::FakeClock& clock_;
  };
  SlowSandbox slow(world_.clock);
  const MailReader reader(slow, world_.clock, {});
  std::string raw = "From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 3; ++i)
    raw +=
        "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; "
        "filename=a\r\n\r\n\x01\x02\r\n";
  const auto verdict = Run(raw + "--b--\r\n", std::chrono::seconds(10), reader);
  ASSERT_TRUE(verdict.ok());
  EXPECT_THAT(Actions(verdict->parcels[0].treatment), ElementsAre("hold unreadable"));
  EXPECT_THAT(slow.times, ElementsAre(std::chrono::seconds(30), std::chrono::seconds(10)));
}

TEST_F(JudgeTest, WhatNeedsNoSandboxIsNotPutThere) {
  EXPECT_EQ(Action("From: hanako@example.jp\r\n\r\ntext\r\n"), "pass");
  EXPECT_EQ(Action(MailWith("a.png", "\x89PNG\r\n\x1a\n" + std::string(20, '\0'))), "pass");
  EXPECT_EQ(Action("From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
                   "Content-Disposition: attachment; filename=a.txt\r\n\r\ntext\r\n"),
            "pass");
  EXPECT_THAT(world_.sandbox.inspected_, IsEmpty());
  WriteFile(world_.policy_file(),
            "rules: [{id: r, when: {content: {keywords: [x], in: [SUBJECT, BODY]}}, then: {block: true}}]");
  source_.Poll();
  EXPECT_EQ(Action(MailWith("a.docx")), "pass");
  EXPECT_THAT(world_.sandbox.inspected_, IsEmpty());
}

TEST_F(JudgeTest, AnAttachedTextIsSearched) {
  EXPECT_EQ(Action("From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: text/csv; charset=utf-8\r\n"
                   "Content-Disposition: attachment; filename=a.csv\r\n\r\na,社外秘\r\n"),
            "approval");
}

// A program that says it is text is no text.
TEST_F(JudgeTest, WhatClaimsToBeTextIsStillInspected) {
  sandbox::Inspection unreadable;
  world_.sandbox.answers.emplace("a.txt", unreadable);
  EXPECT_EQ(Action("From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: "
                   "text/plain\r\nContent-Transfer-Encoding: base64\r\n"
                   "Content-Disposition: attachment; filename=a.txt\r\n\r\n" +
                   Base64Encode("7z\xBC\xAF\x27\x1C" + std::string(40, '\1')) + "\r\n"),
            "hold unreadable");
  EXPECT_THAT(world_.sandbox.inspected_, SizeIs(1));
}

TEST_F(JudgeTest, PatternsThatTakeTooLongHold) {
  const std::string raw = "From: hanako@example.jp\r\n\r\ntext\r\n";
  EXPECT_EQ(Action(raw), "pass");
  EXPECT_EQ(Action(raw, Duration::zero()), "hold error");
}

TEST_F(JudgeTest, MailThatItsSenderEncryptedIsHeld) {
  EXPECT_EQ(Action("From: hanako@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/encrypted; "
                   "protocol=\"application/pgp-encrypted\"; "
                   "boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n"
                   "Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nhQ==\r\n-----END "
                   "PGP MESSAGE-----\r\n--b--\r\n"),
            "hold unreadable");
}

TEST_F(JudgeTest, GroupsAreThoseOfTheLoginAndOfTheAddress) {
  WriteFile(world_.policy_file(), "rules: [{id: r, when: {sender: {groups: [sales]}}, then: {block: true}}]");
  source_.Poll();
  const Judge judge(source_, *world_.directory, contacts_, reader_, std::chrono::seconds(1));
  Question question;
  question.raw = std::make_shared<const std::string>("From: hanako@example.jp\r\n\r\ntext\r\n");
  question.recipients = {"x@a.example"};
  const auto action = [&] { return Actions(judge.Run(question)->parcels[0].treatment)[0]; };
  question.mail_from = "taro@example.jp";
  EXPECT_EQ(action(), "pass");
  question.mail_from = "hanako@example.jp";
  EXPECT_EQ(action(), "block");
  question.mail_from = "shared@example.jp";
  question.submitter.set_principal("hanako@example.jp");
  EXPECT_EQ(action(), "block");
}

}  // namespace
}  // namespace sekisho::policy

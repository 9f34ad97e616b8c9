// The gate of threats.md: of ordinary mail, as the programs used in Japan write it, at most one in a thousand is held
// as ambiguous; and what is read is what was written.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "shared/mime/model.h"
#include "shared/mime/rewrite.h"
#include "shared/text/normalize.h"
#include "tests/unit/shared/mime/japanese_corpus.h"

namespace sekisho::mime {
namespace {

constexpr size_t kMails = 3300;

std::vector<std::string> FileNames(const MailModel& mail) {
  std::vector<std::string> names;
  for (const Part& part : mail.parts) {
    if (part.role == Role::kAttachment || part.role == Role::kMessage) names.push_back(part.file_name);
  }
  return names;
}

bool BodyHas(const MailModel& mail, const std::string& phrase) {
  for (const Part& part : mail.parts) {
    const bool body = part.role == Role::kBodyText || part.role == Role::kBodyHtml;
    if (body && part.text.text.find(phrase) != std::string::npos) return true;
  }
  return false;
}

TEST(JapaneseCorpusTest, IsReadAndNotHeld) {
  std::map<std::string, std::string> held;  // client → why
  size_t held_count = 0;
  for (size_t number = 0; number < kMails; ++number) {
    const CorpusMail made = MakeCorpusMail(number);
    SCOPED_TRACE(made.client + " " + std::to_string(number));
    const Result<MailModel> parsed = Parse(std::string_view(made.octets));
    if (!parsed.ok()) {
      ++held_count;
      held[made.client] = parsed.error().detail;
      continue;
    }
    EXPECT_EQ(text::NormalizeLine(parsed->subject), text::NormalizeLine(made.subject));
    ASSERT_EQ(parsed->from.size(), 1u);
    EXPECT_TRUE(parsed->from[0].valid);
    EXPECT_EQ(text::NormalizeLine(parsed->from[0].display_name), text::NormalizeLine(made.from_name));
    EXPECT_TRUE(BodyHas(*parsed, text::NormalizeLine(made.phrase))) << made.phrase;
    EXPECT_EQ(FileNames(*parsed), made.file_names);
    for (const Part& part : parsed->parts) {
      EXPECT_FALSE(part.name_mismatch || part.double_extension || part.deceptive_name || part.encrypted ||
                   part.embeds_files || part.charset_mismatch)
          << part.place << " " << part.file_name << " " << FileTypeName(part.real_type) << part.charset_mismatch;
    }
  }
  for (const auto& [client, why] : held) ADD_FAILURE() << client << ": " << why;
  EXPECT_LE(held_count * 1000, kMails) << "held of " << kMails;
  EXPECT_GE(ClientStyles(), 30u);
}

TEST(JapaneseCorpusTest, CanBeSealed) {
  const NewAttachment zip = {"添付.zip", "application/zip", "PK\x05\x06", false, ""};
  for (size_t number = 0; number < 330; ++number) {
    const CorpusMail made = MakeCorpusMail(number);
    SCOPED_TRACE(made.client + " " + std::to_string(number));
    const Result<MailModel> mail = Parse(std::string_view(made.octets));
    ASSERT_TRUE(mail.ok());
    const Result<SplitMail> split = SplitForSealing(*mail);
    EXPECT_TRUE(split.ok()) << split.error().detail;
    const Result<std::string> seven_bit = ToSevenBit(*mail);
    ASSERT_TRUE(seven_bit.ok()) << seven_bit.error().detail;
    const Result<MailModel> again = Parse(std::string_view(*seven_bit));
    ASSERT_TRUE(again.ok()) << again.error().detail;
    EXPECT_EQ(again->subject, mail->subject);
    EXPECT_EQ(FileNames(*again), FileNames(*mail));
    EXPECT_TRUE(BodyHas(*again, text::NormalizeLine(made.phrase)));
    if (mail->IsSealedBySender() || Attachments(*mail).empty()) continue;
    const Result<std::string> replaced = ReplaceAttachments(*mail, zip);
    ASSERT_TRUE(replaced.ok()) << replaced.error().detail;
    const Result<MailModel> sealed = Parse(std::string_view(*replaced));
    ASSERT_TRUE(sealed.ok());
    EXPECT_EQ(FileNames(*sealed), std::vector<std::string>{"添付.zip"});
    EXPECT_TRUE(BodyHas(*sealed, text::NormalizeLine(made.phrase)));
  }
}

}  // namespace
}  // namespace sekisho::mime

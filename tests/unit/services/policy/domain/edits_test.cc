#include "services/policy/domain/edits.h"

#include <gmock/gmock.h>

#include "shared/mime/model.h"

namespace sekisho::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWhole[] =
    "From: a@example.jp\r\nTo: b@example.jp\r\nMessage-ID: <1@x>\r\nDate: Tue, 24 Nov 2026 01:02:03 "
    "+0000\r\n\r\nbody\r\n";

std::optional<EditedMail> Edited(const std::string& raw, const HeaderEdits& edits) {
  const auto header = mime::ParseHeader(raw);
  EXPECT_TRUE(header.ok());
  auto edited = EditMail(raw, *header, edits, {});
  EXPECT_TRUE(edited.ok());
  return *std::move(edited);
}

TEST(EditsTest, AWholeMailIsLeftAlone) { EXPECT_FALSE(Edited(kWhole, {}).has_value()); }

TEST(EditsTest, NothingElseChanges) {
  const std::string raw = std::string("bcc: c@x.example\r\nX-Odd:   as \r\n  it is\r\n") + kWhole;
  const auto edited = Edited(raw, {});
  ASSERT_TRUE(edited.has_value());
  EXPECT_EQ(edited->header + std::string(edited->body), std::string("X-Odd:   as \r\n  it is\r\n") + kWhole);
}

TEST(EditsTest, WhatIsPresentIsNotAdded) {
  HeaderEdits edits;
  edits.message_id = "<new@x>";
  edits.date = "Wed, 25 Nov 2026 01:02:03 +0000";
  const auto edited = Edited("Message-ID: <1@x>\r\nFrom: a@example.jp\r\n\r\n", edits);
  ASSERT_TRUE(edited.has_value());
  EXPECT_THAT(edited->header, Not(HasSubstr("new@x")));
  EXPECT_THAT(edited->header, HasSubstr("Date: Wed, 25 Nov"));
}

TEST(StripBccLinesTest, TakesOutWhatAnyReaderTakesForBcc) {
  const auto stripped = StripBccLines(
      "From: a\r\nBCC : x@a\r\n\tgoes on\r\nTo: b\r\nresent-Bcc: y@a\r\n \r\nbcc:z\r\nBccX: stays\r\n\r\nBcc: "
      "body\r\n");
  ASSERT_TRUE(stripped.has_value());
  EXPECT_EQ(stripped->header, "From: a\r\nTo: b\r\nBccX: stays\r\n");
  EXPECT_EQ(stripped->body, "\r\nBcc: body\r\n");
}

TEST(StripBccLinesTest, LeavesTheRestAlone) {
  EXPECT_FALSE(StripBccLines("From: a\r\n\r\nBcc: body\r\n").has_value());
  EXPECT_FALSE(StripBccLines("").has_value());
  EXPECT_EQ(StripBccLines("Bcc: only")->header, "");
  EXPECT_EQ(StripBccLines("Bcc: only")->body, "");
}

}  // namespace
}  // namespace sekisho::policy

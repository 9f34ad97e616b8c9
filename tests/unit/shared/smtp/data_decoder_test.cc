#include "shared/smtp/data_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/smtp/dot_stuffer.h"

namespace sekisho::smtp {
namespace {

using namespace std::string_literals;

struct Decoded {
  std::string content, rest;
  bool ended = false;
  bool ok = true;
};

// In pieces of `step` octets, each in memory of its own, so that a look beyond its end is found.
Decoded Decode(std::string_view wire, size_t step, bool normalize = false) {
  DataDecoder decoder(normalize);
  Decoded decoded;
  while (!wire.empty() && !decoded.ended) {
    const std::string part(wire.substr(0, step));
    std::string_view input = part;
    while (!input.empty() && !decoded.ended) {
      const DataDecoder::Piece piece = decoder.Next(input);
      decoded.content += piece.content;
      decoded.ended = piece.ended;
    }
    wire.remove_prefix(part.size() - input.size());
  }
  decoded.rest = wire;
  decoded.ok = decoder.defect().ok();
  return decoded;
}

Decoded DecodeAll(std::string_view wire, bool normalize = false) {
  const Decoded whole = Decode(wire, wire.size(), normalize);
  for (size_t step = 1; step < 8; ++step) {
    const Decoded parts = Decode(wire, step, normalize);
    EXPECT_EQ(parts.ended, whole.ended) << wire;
    EXPECT_EQ(parts.rest, whole.rest) << wire;
    EXPECT_EQ(parts.ok, whole.ok) << wire;
    if (whole.ok) {
      EXPECT_EQ(parts.content, whole.content) << wire;
    }
  }
  return whole;
}

TEST(DataDecoderTest, TakesDotsAwayAndFindsTheEnd) {
  const std::pair<const char*, const char*> table[] = {
      {".\r\n", ""},
      {"a\r\n.\r\n", "a\r\n"},
      {"..\r\n.\r\n", ".\r\n"},
      {"..a\r\n...\r\n.\r\n", ".a\r\n..\r\n"},
      {".a\r\n.\r\n", "a\r\n"},
      {"a.\r\nb.\r\n.\r\n", "a.\r\nb.\r\n"},
      {"\r\n\r\n.\r\n", "\r\n\r\n"},
      {"a\r\n. \r\n.\r\n", "a\r\n \r\n"},
  };
  for (const auto& [wire, content] : table) {
    const Decoded decoded = DecodeAll(wire);
    EXPECT_TRUE(decoded.ended && decoded.ok) << wire;
    EXPECT_EQ(decoded.content, content);
  }
}

TEST(DataDecoderTest, LeavesWhatFollows) {
  const Decoded decoded = DecodeAll("a\r\n.\r\nMAIL FROM:<\0>\r\n"s);
  EXPECT_TRUE(decoded.ended && decoded.ok) << "what follows is not the mail's";
  EXPECT_EQ(decoded.rest.substr(0, 4), "MAIL");
}

// Each of these was an end of data to some server (CVE-2023-51764, -51765, -51766, CVE-2024-27305).
TEST(DataDecoderTest, NothingButCrlfDotCrlfEndsAMail) {
  const std::string forms[] = {"\n.\n"s,     "\r.\r"s,       "\n.\r\n"s,  "\r\n.\n"s,     "\r.\r\n"s,
                               "\r\n.\r"s,   "\r\n\0.\r\n"s, "\n.\r"s,    "\r\n.\0\r\n"s, "\r\r\n.\n"s,
                               "\n\n.\r\n"s, "\r\n.\n\r\n"s, "\r\n..\n"s, "\n.\n\r\n"s};
  for (const std::string& form : forms) {
    const std::string wire = "first" + form + "MAIL FROM:<evil@example.jp>\r\nsecond";
    const Decoded open = DecodeAll(wire);
    EXPECT_FALSE(open.ended) << wire;
    EXPECT_FALSE(open.ok) << wire;
    const Decoded whole = DecodeAll(wire + "\r\n.\r\nNOOP\r\n");
    EXPECT_TRUE(whole.ended) << "the true end is found all the same";
    EXPECT_FALSE(whole.ok) << "and all of it is refused";
    EXPECT_EQ(whole.rest, "NOOP\r\n");
  }
}

TEST(DataDecoderTest, BareEndsAndNulsMakeItRefused) {
  for (const std::string& content : {"a\rb"s, "a\nb"s, "a\0b"s, "\r"s, "\n"s, "a\r\r\nb"s, "a\n\rb"s}) {
    EXPECT_FALSE(DecodeAll(content + "\r\n.\r\n").ok) << content;
  }
}

TEST(DataDecoderTest, ALineHas998Octets) {
  EXPECT_TRUE(DecodeAll(std::string(998, 'x') + "\r\n.\r\n").ok);
  EXPECT_FALSE(DecodeAll(std::string(999, 'x') + "\r\n.\r\n").ok);
  EXPECT_TRUE(DecodeAll("." + std::string(998, 'x') + "\r\n.\r\n").ok) << "the stuffed dot does not count";
  EXPECT_TRUE(DecodeAll(std::string(998, 'x') + "\r\n" + std::string(998, 'y') + "\r\n.\r\n").ok);
}

TEST(DataDecoderTest, APrintersLineFeedsBecomeCrlfButNeverEndAMail) {
  const std::pair<const char*, const char*> table[] = {
      {"a\nb\n\r\n.\r\n", "a\r\nb\r\n\r\n"},     {"a\n..b\n\r\n.\r\n", "a\r\n.b\r\n\r\n"},
      {"a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},   {"a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
      {"a\r\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"}, {"a\n.b\n\r\n.\r\n", "a\r\n.b\r\n\r\n"},
      {"\n\n.\n\r\n.\r\n", "\r\n\r\n.\r\n\r\n"},
  };
  for (const auto& [wire, content] : table) {
    const Decoded decoded = DecodeAll(wire, true);
    EXPECT_TRUE(decoded.ended && decoded.ok) << wire;
    EXPECT_EQ(decoded.content, content) << wire;
    EXPECT_EQ(decoded.rest, "");
  }
  EXPECT_FALSE(DecodeAll("a\n.\n", true).ended);
  EXPECT_FALSE(DecodeAll("a\rb\r\n.\r\n", true).ok) << "a bare CR stays wrong";
}

std::string Stuffed(std::vector<std::string_view> content) {
  auto stuffer = DotStuffer::Make(std::move(content));
  EXPECT_TRUE(stuffer.ok());
  std::string wire;
  std::vector<std::string_view> pieces;
  while (stuffer->Next(pieces)) {
    EXPECT_LE(pieces.size(), 64u);
    for (const std::string_view piece : pieces) wire += piece;
  }
  EXPECT_TRUE(pieces.empty());
  EXPECT_TRUE(stuffer->ended());
  return wire;
}

TEST(DotStufferTest, DoublesDotsAtLineStartsAcrossViews) {
  EXPECT_EQ(Stuffed({}), ".\r\n");
  EXPECT_EQ(Stuffed({""}), ".\r\n");
  EXPECT_EQ(Stuffed({"a"}), "a\r\n.\r\n");
  EXPECT_EQ(Stuffed({".a\r\n", ".b.\r\n.", "c\r\nd", ".e\r\n", "", "."}), "..a\r\n..b.\r\n..c\r\nd.e\r\n..\r\n.\r\n");
  EXPECT_EQ(Stuffed({"a\r", "\n.", "\r\n"}), "a\r\n..\r\n.\r\n");
}

TEST(DotStufferTest, RefusesWhatCouldLookLikeTwoMails) {
  for (const char* content : {"a\nb", "a\rb", "a\n.\nb\r\n", "a\r"})
    EXPECT_FALSE(DotStuffer::Make({content}).ok()) << content;
  EXPECT_FALSE(DotStuffer::Make({"a\r", "b"}).ok());
  EXPECT_FALSE(DotStuffer::Make({std::string_view("a\0b", 3)}).ok());
  EXPECT_FALSE(DotStuffer::Make({std::string(999, 'x')}).ok());
}

TEST(DotStufferTest, WhatItSendsIsDecodedToTheSame) {
  std::string content;
  for (int i = 0; i < 40'000; ++i)
    content += std::string(static_cast<size_t>(i % 5), '.') + (i % 7 == 0 ? "" : "line") + "\r\n";
  const std::string_view view = content;
  const std::string wire = Stuffed({view.substr(0, 1001), view.substr(1001, 1), view.substr(1002)});
  const Decoded decoded = Decode(wire, 4096);
  EXPECT_TRUE(decoded.ended && decoded.ok);
  EXPECT_EQ(decoded.content, content);
  EXPECT_EQ(decoded.rest, "");
}

TEST(DotStufferTest, SeesOctetsOver127) {
  EXPECT_FALSE(DotStuffer::Make({"ascii\r\n"})->has_octets_over_127());
  EXPECT_TRUE(DotStuffer::Make({"ascii\r\n", "関"})->has_octets_over_127());
  std::string late(10'000, 'x');
  for (size_t i = 500; i < late.size(); i += 500) late.replace(i, 2, "\r\n");
  EXPECT_FALSE(HasOctetsOver127(late));
  late.back() = '\x80';
  EXPECT_TRUE(HasOctetsOver127(late));
}

TEST(ContentCheckerTest, SeesAcrossPieces) {
  ContentChecker checker;
  EXPECT_TRUE(checker.Check("a\r").ok());
  EXPECT_TRUE(checker.Check("\nb").ok());
  EXPECT_TRUE(checker.Check("\r").ok());
  EXPECT_FALSE(checker.Finish().ok()) << "the mail ends between CR and LF";
  ContentChecker long_line;
  EXPECT_TRUE(long_line.Check(std::string(600, 'x')).ok());
  EXPECT_EQ(long_line.Check(std::string(399, 'x')).error().code, Code::kLimit);
  EXPECT_FALSE(long_line.Check("\r\n").ok()) << "it stays so";
}

}  // namespace
}  // namespace sekisho::smtp

#include "shared/bus/cloudevents.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shared/bus/header.h"

namespace sekisho::bus {
namespace {

Header FullHeader() {
  Header header;
  header.id = *EventId::Parse("0193d2a1-0000-7000-8000-000000000001");
  header.type = "sekisho.mail.v1.Parcel";
  header.source = "policy";
  header.time = FromMicros(1'795'000'000'123'456);
  header.organization_id = "acme";
  header.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  header.causation = *EventId::Parse("0193d2a1-0000-7000-8000-000000000002");
  header.macs = {{"approval", std::string("\0\xff", 2)}, {"encryption", "m"}};
  return header;
}

std::string* Find(NamedOctets& headers, std::string_view name) {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& entry) { return entry.first == name; });
  return found == headers.end() ? nullptr : &found->second;
}

// What decoding says after `name` was given another value.
Code CodeWith(std::string_view name, std::string value) {
  NamedOctets headers = EncodeCloudEvent(FullHeader());
  *Find(headers, name) = std::move(value);
  const auto decoded = DecodeCloudEvent(headers);
  return decoded.ok() ? Code::kInternal : decoded.error().code;
}

TEST(CloudEventsTest, IsTheBinaryModeOfTheKafkaBinding) {
  NamedOctets headers = EncodeCloudEvent(FullHeader());
  EXPECT_EQ(*Find(headers, "ce_specversion"), "1.0");
  EXPECT_EQ(*Find(headers, "ce_id"), "0193d2a1-0000-7000-8000-000000000001");
  EXPECT_EQ(*Find(headers, "ce_type"), "sekisho.mail.v1.Parcel");
  EXPECT_EQ(*Find(headers, "ce_source"), "policy");
  EXPECT_EQ(*Find(headers, "ce_time"), "2026-11-18T11:06:40.123456Z");
  EXPECT_EQ(*Find(headers, "content-type"), "application/octet-stream");
  EXPECT_EQ(*Find(headers, "traceparent"), FullHeader().traceparent);
}

TEST(CloudEventsTest, ComesBackWhole) {
  const Header header = FullHeader();
  const auto decoded = DecodeCloudEvent(EncodeCloudEvent(header));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->id, header.id);
  EXPECT_EQ(decoded->type, header.type);
  EXPECT_EQ(decoded->source, header.source);
  EXPECT_EQ(decoded->time, header.time);
  EXPECT_EQ(decoded->organization_id, header.organization_id);
  EXPECT_EQ(decoded->traceparent, header.traceparent);
  EXPECT_EQ(decoded->causation, header.causation);
  EXPECT_EQ(decoded->macs, header.macs);
}

Header DeadLetterHeader() {
  Header header = FullHeader();
  header.dead_letter =
      DeadLetter{Topic::kJudged, *EventId::Parse("0193d2a1-0000-7000-8000-000000000003"), "policy", "malformed", 8};
  return header;
}

TEST(CloudEventsTest, ADeadLettersOriginIsInAttributesOfItsOwn) {
  NamedOctets headers = EncodeCloudEvent(DeadLetterHeader());
  EXPECT_EQ(*Find(headers, "ce_origintopic"), "judged");
  EXPECT_EQ(*Find(headers, "ce_originid"), "0193d2a1-0000-7000-8000-000000000003");
  EXPECT_EQ(*Find(headers, "ce_originsource"), "policy");
  EXPECT_EQ(*Find(headers, "ce_cause"), "malformed");
  EXPECT_EQ(*Find(headers, "ce_attempts"), "8");
  const auto decoded = DecodeCloudEvent(headers);
  ASSERT_TRUE(decoded.ok() && decoded->dead_letter.has_value());
  EXPECT_EQ(*decoded->dead_letter, *DeadLetterHeader().dead_letter);
  EXPECT_EQ(DecodeHeader(EncodeHeader(DeadLetterHeader()))->dead_letter, DeadLetterHeader().dead_letter);
  EXPECT_FALSE(DecodeCloudEvent(EncodeCloudEvent(FullHeader()))->dead_letter.has_value());
}

TEST(CloudEventsTest, ADeadLetterWithoutAReadableOriginIsCorrupt) {
  for (const auto& [name, value] : {std::pair{"ce_origintopic", "elsewhere"},
                                    {"ce_originid", "x"},
                                    {"ce_attempts", ""},
                                    {"ce_attempts", "8x"},
                                    {"ce_attempts", "-1"},
                                    {"ce_originsource", "\xff"},
                                    {"ce_cause", "\n"}}) {
    NamedOctets headers = EncodeCloudEvent(DeadLetterHeader());
    *Find(headers, name) = value;
    const auto decoded = DecodeCloudEvent(headers);
    ASSERT_FALSE(decoded.ok()) << name << " " << value;
    EXPECT_EQ(decoded.error().code, Code::kCorrupt);
  }
}

// They are kept, listed and shown: a database and a terminal must be able to take them.
TEST(CloudEventsTest, AttributesThatAreNotPrintableAreCorrupt) {
  for (const char* name : {"ce_type", "ce_source", "ce_organizationid", "traceparent"}) {
    EXPECT_EQ(CodeWith(name, "\xff"), Code::kCorrupt) << name;
    EXPECT_EQ(CodeWith(name, std::string("a\0b", 3)), Code::kCorrupt) << name;
    EXPECT_EQ(CodeWith(name, "a\nb"), Code::kCorrupt) << name;
  }
  NamedOctets headers = EncodeCloudEvent(FullHeader());
  headers.emplace_back("mac-\xff", "m");
  EXPECT_EQ(DecodeCloudEvent(headers).error().code, Code::kCorrupt);
}

TEST(CloudEventsTest, WhatIsEmptyIsAbsent) {
  Header header;
  header.id = FullHeader().id;
  NamedOctets headers = EncodeCloudEvent(header);
  EXPECT_EQ(Find(headers, "ce_organizationid"), nullptr);
  EXPECT_EQ(Find(headers, "ce_causationid"), nullptr);
  EXPECT_EQ(Find(headers, "traceparent"), nullptr);
  EXPECT_TRUE(DecodeCloudEvent(headers)->causation.is_nil());
}

TEST(CloudEventsTest, EachAttributeWeNeedMustBeThereOnce) {
  for (const char* name : {"ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "content-type"}) {
    NamedOctets headers = EncodeCloudEvent(FullHeader());
    NamedOctets twice = headers;
    twice.emplace_back(name, *Find(headers, name));
    EXPECT_EQ(DecodeCloudEvent(twice).error().code, Code::kCorrupt) << name;
    std::erase_if(headers, [&](const auto& entry) { return entry.first == name; });
    EXPECT_EQ(DecodeCloudEvent(headers).error().code, Code::kCorrupt) << name;
  }
}

TEST(CloudEventsTest, WhatCannotBeReadIsCorrupt) {
  EXPECT_EQ(CodeWith("ce_specversion", "2.0"), Code::kCorrupt);
  EXPECT_EQ(CodeWith("content-type", "application/cloudevents+json"), Code::kCorrupt);
  EXPECT_EQ(CodeWith("ce_id", ""), Code::kCorrupt);
  EXPECT_EQ(CodeWith("ce_id", "00000000-0000-0000-0000-000000000000"), Code::kCorrupt);
  EXPECT_EQ(CodeWith("ce_causationid", "x"), Code::kCorrupt);
  EXPECT_EQ(CodeWith("mac-approval", std::string(1025, 'x')), Code::kCorrupt);
  for (const char* time :
       {"", "2026-11-24", "2026-11-24T01:02:03Z", "2026-13-24T01:02:03.456789Z", "2026-02-30T01:02:03.456789Z",
        "2026-11-24T24:02:03.456789Z", "2026-11-24T01:02:03.456789+09:00", "2026-11-24T01:02:03.456789Zx",
        "2026-11-24T01:02:03.45678xZ"}) {
    EXPECT_EQ(CodeWith("ce_time", time), Code::kCorrupt) << time;
  }
}

TEST(CloudEventsTest, TooManyHeadersAreCorruptAndUnknownOnesArePassedOver) {
  NamedOctets headers = EncodeCloudEvent(FullHeader());
  headers.emplace_back("ce_later", "x");
  EXPECT_TRUE(DecodeCloudEvent(headers).ok());
  for (int i = 0; i < 64; ++i) headers.emplace_back("x" + std::to_string(i), "");
  EXPECT_EQ(DecodeCloudEvent(headers).error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace sekisho::bus

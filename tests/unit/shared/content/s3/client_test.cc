#include "shared/content/s3/client.h"

#include <gtest/gtest.h>

#include "shared/content/s3/bucket.h"
#include "shared/content/s3/xml.h"
#include "shared/testing/fake_clock.h"

namespace sekisho::content::s3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ClientOptions Options() {
  ClientOptions options;
  options.endpoint = "https://objects.test:9000";
  options.bucket = "sekisho";
  options.signer = {"id", Secret<std::string>("key"), "us-east-1"};
  return options;
}

TEST(S3ClientTest, RefusesOptionsThatCannotBe) {
  const sekisho::testing::FakeClock clock;
  EXPECT_TRUE(Client::Open(Options(), clock).ok());
  for (const char* endpoint : {"", "objects.test", "https://", "ftp://objects.test", "https://objects.test/path",
                               "https://user@objects.test", "https://objects.test?", "https://a b", "http://a\r\nb"}) {
    ClientOptions options = Options();
    options.endpoint = endpoint;
    const auto client = Client::Open(options, clock);
    ASSERT_FALSE(client.ok()) << endpoint;
    EXPECT_EQ(client.error().code, Code::kInvalid);
  }
  for (const char* bucket : {"", "ab", "UPPER", "with/slash", "with space"}) {
    ClientOptions options = Options();
    options.bucket = bucket;
    EXPECT_FALSE(Client::Open(options, clock).ok()) << bucket;
  }
  EXPECT_FALSE(OpenBucket(*Client::Open(Options(), clock), "", kMinPart - 1).ok());
}

TEST(S3ClientTest, ThePauseDoublesUpToALimitAndIsRandomBelowIt) {
  EXPECT_EQ(BackOff(milliseconds(200), 1, 0.0), milliseconds(0));
  EXPECT_EQ(BackOff(milliseconds(200), 1, 0.5), milliseconds(100));
  EXPECT_EQ(BackOff(milliseconds(200), 3, 0.5), milliseconds(400));
  EXPECT_EQ(BackOff(milliseconds(200), 60, 0.5), seconds(5));
}

TEST(S3ClientTest, WhatWasCancelledFailsAtOnce) {
  const sekisho::testing::FakeClock clock;
  ClientOptions options = Options();
  options.endpoint = "http://127.0.0.1:1";
  const auto client = *Client::Open(options, clock);
  client->Cancel();
  const Status status = client->Remove("key");
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kCancelled);
}

TEST(S3XmlTest, FindsTheTextsOfAnElement) {
  constexpr std::string_view kXml =
      "<?xml version=\"1.0\"?><R xmlns=\"x\"><Key>a</Key><C><Key>b&amp;&lt;&gt;&quot;&apos;&#34;&amp;lt;</Key></C>"
      "<KeyCount>2</KeyCount><Key>&#x95a2;</Key><Key>cut";
  EXPECT_EQ(XmlTexts(kXml, "Key"), (std::vector<std::string>{"a", "b&<>\"'\"&lt;", "&#x95a2;"}));
  EXPECT_EQ(XmlText(kXml, "KeyCount"), "2");
  EXPECT_EQ(XmlText(kXml, "None"), "");
  EXPECT_EQ(XmlTexts("", "Key").size(), 0u);
}

TEST(S3XmlTest, EscapesWhatItWouldRead) {
  constexpr std::string_view kText = "\"a\" & <b>";
  EXPECT_EQ(XmlText("<T>" + XmlEscape(kText) + "</T>", "T"), kText);
}

}  // namespace
}  // namespace sekisho::content::s3

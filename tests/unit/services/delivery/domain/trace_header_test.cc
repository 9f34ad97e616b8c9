#include "services/delivery/domain/trace_header.h"

#include <gtest/gtest.h>

namespace sekisho::delivery {
namespace {

class TraceHeaderTest : public ::testing::Test {
 protected:
  TraceHeaderTest() {
    submitter_.set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    submitter_.set_helo("pc7.example.jp");
    submitter_.set_peer("192.0.2.7");
    submitter_.set_protocol("ESMTPSA");
    submitter_.set_tls("TLSv1.3 TLS_AES_256_GCM_SHA384");
  }
  std::string Fields(std::string_view only_recipient = "") const {
    return TraceFields({.hostname = "gate.example.jp",
                        .stamp = "example",
                        .mail_id = "0193f3c8-0000-7000-8000-000000000001",
                        .submitter = &submitter_,
                        .accepted_at = TimePoint(std::chrono::seconds(1795482123)),
                        .only_recipient = only_recipient});
  }
  mail::v1::Submitter submitter_;
};

TEST_F(TraceHeaderTest, SaysWhoHandedItInAndHow) {
  EXPECT_EQ(Fields("yamada@customer.example"),
            "Received: from pc7.example.jp ([192.0.2.7])\r\n"
            "\tby gate.example.jp (Sekisho) with ESMTPSA\r\n"
            "\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
            "\tid 0193f3c8-0000-7000-8000-000000000001\r\n"
            "\tfor <yamada@customer.example>;\r\n"
            "\t" +
                FormatRfc5322(TimePoint(std::chrono::seconds(1795482123))) +
                "\r\n"
                "X-Sekisho-Loop: example\r\n");
}

TEST_F(TraceHeaderTest, NamesNoRecipientWhenThereAreSeveral) { EXPECT_EQ(Fields().find("for <"), std::string::npos); }

TEST_F(TraceHeaderTest, WhatAClientSaysOfItselfCannotForgeAHeader) {
  submitter_.set_helo("x\r\nBcc: y@z");
  submitter_.set_tls("TLS (by me)");
  submitter_.set_protocol("E SMTP");
  const std::string fields = Fields("a b@c");
  EXPECT_EQ(fields.find("Bcc"), std::string::npos);
  EXPECT_EQ(fields.find("by me"), std::string::npos);
  EXPECT_EQ(fields.find("with"), std::string::npos);
  EXPECT_EQ(fields.find("for <"), std::string::npos);
  EXPECT_EQ(fields.find("Received: from [192.0.2.7]\r\n"), 0U);
}

TEST_F(TraceHeaderTest, AnIpv6ClientIsAnAddressLiteral) {
  submitter_.set_peer("2001:db8::7");
  submitter_.set_helo("[IPv6:2001:db8::7]");
  EXPECT_EQ(Fields().find("Received: from [IPv6:2001:db8::7]\r\n\tby"), 0U);
}

TEST_F(TraceHeaderTest, SystemMailComesFromNobody) {
  submitter_.Clear();
  submitter_.set_kind(mail::v1::Submitter::KIND_SYSTEM);
  EXPECT_EQ(Fields().find("Received: by gate.example.jp (Sekisho)\r\n\tid "), 0U);
}

TEST(HopsTest, CountsOnlyTheHeaderSection) {
  const std::string message =
      "Received: from a\r\n\tby b; date\r\nRECEIVED : by c\r\nX-Received: no\r\n received: folded\r\nX-Sekisho-Loop: "
      "example\r\n"
      "X-Sekisho-Loop: other\r\nSubject: Received: x\r\n\r\nReceived: in the body\r\nX-Sekisho-Loop: example\r\n";
  const Hops hops = CountHops(message, "example");
  EXPECT_EQ(hops.received, 2U);
  EXPECT_EQ(hops.stamps, 1U);
  EXPECT_EQ(CountHops("Received: x", "example").received, 1U);
  EXPECT_EQ(CountHops("", "example").received, 0U);
}

TEST(HopsTest, FiftyHopsPassAndOneMoreIsALoop) {
  EXPECT_FALSE(IsLoop({.received = 50, .stamps = 0}));
  EXPECT_TRUE(IsLoop({.received = 51, .stamps = 0}));
  EXPECT_FALSE(IsLoop({.received = 4, .stamps = 3}));
  EXPECT_TRUE(IsLoop({.received = 4, .stamps = 4}));
}

TEST(HopsTest, OurOwnFieldsAreCounted) {
  mail::v1::Submitter submitter;
  std::string message = "\r\n";
  for (int i = 0; i < 4; ++i) {
    message.insert(0, TraceFields({.hostname = "h",
                                   .stamp = "s",
                                   .mail_id = "m",
                                   .submitter = &submitter,
                                   .accepted_at = {},
                                   .only_recipient = {}}));
  }
  EXPECT_EQ(CountHops(message, "s").received, 4U);
  EXPECT_EQ(CountHops(message, "s").stamps, 4U);
}

}  // namespace
}  // namespace sekisho::delivery

#include "shared/config/mime_limits.h"

#include <gtest/gtest.h>

#include "shared/config/sekisho.h"

namespace sekisho::config {
namespace {

TEST(MimeLimitsTest, AreThoseOfTheFile) {
  v1::Limits limits;
  limits.set_message_size(1);
  limits.set_mime_depth(2);
  limits.set_mime_parts(3);
  limits.set_header_bytes(4);
  limits.set_header_field_bytes(5);
  limits.set_header_fields(6);
  const mime::Limits mime = MimeLimits(limits);
  EXPECT_EQ(mime.message_octets, 1U);
  EXPECT_EQ(mime.depth, 2U);
  EXPECT_EQ(mime.parts, 3U);
  EXPECT_EQ(mime.header_octets, 4U);
  EXPECT_EQ(mime.field_octets, 5U);
  EXPECT_EQ(mime.fields, 6U);
}

TEST(MimeLimitsTest, TheDefaultsOfBothAreTheSame) {
  v1::Config config;
  ApplyDefaults(config);
  const mime::Limits configured = MimeLimits(config.intake().limits()), own;
  EXPECT_EQ(configured.message_octets, own.message_octets);
  EXPECT_EQ(configured.depth, own.depth);
  EXPECT_EQ(configured.parts, own.parts);
  EXPECT_EQ(configured.header_octets, own.header_octets);
  EXPECT_EQ(configured.field_octets, own.field_octets);
  EXPECT_EQ(configured.fields, own.fields);
}

}  // namespace
}  // namespace sekisho::config

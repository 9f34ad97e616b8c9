#pragma once
// What every key ring driver must do.

#include <gtest/gtest.h>

#include <memory>

#include "shared/keys/keys.h"
#include "shared/testing/fake_clock.h"

namespace sekisho::keys {

class Harness {
 public:
  virtual ~Harness() = default;
  virtual std::unique_ptr<KeyRing> Open() = 0;  // the same ring, as after a restart
};
using MakeHarness = std::unique_ptr<Harness> (*)();

class KeyRingConformance : public ::testing::TestWithParam<MakeHarness> {
 protected:
  void SetUp() override {
    harness_ = GetParam()();
    ring_ = harness_->Open();
  }
  std::unique_ptr<Harness> harness_;
  std::unique_ptr<KeyRing> ring_;
  testing::FakeClock clock_;
};

TEST_P(KeyRingConformance, WhatWasSealedOpensAfterARestart) {
  const auto key = ring_->NewMailKey(clock_.Now());
  ASSERT_TRUE(key.ok());
  const auto blob = ring_->Seal(*key, "place", "content");
  ring_ = harness_->Open();
  const auto opened = ring_->Open(*blob, "place");
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->plaintext, "content");
  EXPECT_EQ(ring_->Open(*ring_->Seal(opened->key, "p", "more"), "p")->plaintext, "more");
}

TEST_P(KeyRingConformance, OpensOnlyWholeAndInItsPlace) {
  const auto key = ring_->NewMailKey(clock_.Now());
  const auto blob = ring_->Seal(*key, "place", "content");
  EXPECT_EQ(ring_->Open(*blob, "elsewhere").error().code, Code::kCorrupt);
  for (size_t i = 0; i < blob->size(); ++i) {
    std::string changed = *blob;
    changed[i] = static_cast<char>(changed[i] ^ 0x20);
    EXPECT_FALSE(ring_->Open(changed, "place").ok()) << i;
    EXPECT_FALSE(ring_->Open(std::string_view(*blob).substr(0, i), "place").ok()) << i;
  }
}

TEST_P(KeyRingConformance, ADestroyedEpochTakesItsMailsWithIt) {
  const auto today = ring_->Seal(*ring_->NewMailKey(clock_.Now()), "", "today");
  clock_.Advance(std::chrono::hours(24));
  const auto tomorrow = ring_->Seal(*ring_->NewMailKey(clock_.Now()), "", "tomorrow");
  ASSERT_EQ(ring_->Epochs().size(), 2u);
  ASSERT_TRUE(ring_->Open(*today, "").ok());
  ASSERT_TRUE(ring_->DestroyEpoch(ring_->Epochs().front()).ok());
  EXPECT_EQ(ring_->Open(*today, "").error().code, Code::kNotFound);
  EXPECT_TRUE(ring_->Open(*tomorrow, "").ok());
  ring_ = harness_->Open();
  EXPECT_EQ(ring_->Open(*today, "").error().code, Code::kNotFound);
  EXPECT_TRUE(ring_->Open(*tomorrow, "").ok());
}

TEST_P(KeyRingConformance, ADestroyedEpochNeverGetsAnotherKey) {
  const auto blob = ring_->Seal(*ring_->NewMailKey(clock_.Now()), "", "today");
  ASSERT_TRUE(ring_->DestroyEpoch(ring_->Epochs().front()).ok());
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(ring_->NewMailKey(clock_.Now()).error().code, Code::kUnavailable);
    EXPECT_EQ(ring_->MakeEpoch(clock_.Now()).error().code, Code::kUnavailable);
    EXPECT_EQ(ring_->Open(*blob, "").error().code, Code::kNotFound);
    ring_ = harness_->Open();
  }
  EXPECT_TRUE(ring_->NewMailKey(clock_.Now() + std::chrono::hours(24)).ok());
}

TEST_P(KeyRingConformance, AnEpochMadeAheadIsTheOneOfItsDay) {
  const TimePoint tomorrow = clock_.Now() + std::chrono::hours(24);
  ASSERT_TRUE(ring_->MakeEpoch(tomorrow).ok());
  ring_ = harness_->Open();
  const auto blob = ring_->Seal(*ring_->NewMailKey(tomorrow), "", "tomorrow");
  ASSERT_TRUE(ring_->MakeEpoch(tomorrow).ok());
  EXPECT_EQ(ring_->Epochs().size(), 1u);
  EXPECT_TRUE(ring_->Open(*blob, "").ok());
}

TEST_P(KeyRingConformance, IndexesAndEdgesKeepApart) {
  const auto one = ring_->BlindIndex("principal", "hanako@example.jp");
  EXPECT_EQ(*one, *ring_->BlindIndex("principal", "hanako@example.jp"));
  EXPECT_NE(*one, *ring_->BlindIndex("contact", "hanako@example.jp"));
  EXPECT_NE(*one, *ring_->BlindIndex("principal", "jiro@example.jp"));
  EXPECT_EQ(one->size(), 16u);
  const auto mac = ring_->EdgeMac("policy", "delivery", "octets");
  EXPECT_TRUE(ring_->CheckEdgeMac("policy", "delivery", "octets", *mac).ok());
  EXPECT_FALSE(ring_->CheckEdgeMac("delivery", "policy", "octets", *mac).ok());
  EXPECT_FALSE(ring_->CheckEdgeMac("policy", "delivery", "other", *mac).ok());
  EXPECT_FALSE(ring_->CheckEdgeMac("policy", "delivery", "octets", "").ok());
  const std::string before = ring_->PurposeKey("token")->Reveal();
  ring_ = harness_->Open();
  EXPECT_EQ(ring_->PurposeKey("token")->Reveal(), before);
}

}  // namespace sekisho::keys

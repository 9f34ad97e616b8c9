#include "services/delivery/domain/recipient_state.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace sekisho::delivery {
namespace {

// Every pair that may happen, written out again: a change of the table must be meant.
const std::map<std::pair<State, Event>, State> kAllowed = {
    {{State::kQueued, Event::kClaim}, State::kClaimed},      {{State::kQueued, Event::kRecall}, State::kRecalled},
    {{State::kDeferred, Event::kClaim}, State::kClaimed},    {{State::kDeferred, Event::kRecall}, State::kRecalled},
    {{State::kClaimed, Event::kBegin}, State::kSending},     {{State::kClaimed, Event::kRelease}, State::kQueued},
    {{State::kClaimed, Event::kLose}, State::kDeferred},     {{State::kSending, Event::kLose}, State::kDeferred},
    {{State::kSending, Event::kDeliver}, State::kDelivered}, {{State::kSending, Event::kRelay}, State::kRelayed},
    {{State::kSending, Event::kDefer}, State::kDeferred},    {{State::kSending, Event::kBounce}, State::kBounced},
    {{State::kSending, Event::kExpire}, State::kExpired},
};

TEST(RecipientStateTest, EveryPairOfStateAndEvent) {
  for (int s = 0; s < kStateCount; ++s) {
    for (int e = 0; e < kEventCount; ++e) {
      const std::pair pair{static_cast<State>(s), static_cast<Event>(e)};
      const auto allowed = kAllowed.find(pair);
      const std::optional<State> expected = allowed == kAllowed.end() ? std::nullopt : std::optional(allowed->second);
      EXPECT_EQ(After(pair.first, pair.second), expected) << StateName(pair.first) << " event " << e;
    }
  }
}

TEST(RecipientStateTest, NothingLeavesATerminalState) {
  int terminal = 0;
  for (int s = 0; s < kStateCount; ++s) {
    if (!IsTerminal(static_cast<State>(s))) continue;
    ++terminal;
    for (int e = 0; e < kEventCount; ++e) EXPECT_EQ(After(static_cast<State>(s), static_cast<Event>(e)), std::nullopt);
  }
  EXPECT_EQ(terminal, 5);
}

TEST(RecipientStateTest, WhatIsClaimedCannotBeRecalled) {
  EXPECT_EQ(After(State::kClaimed, Event::kRecall), std::nullopt);
  EXPECT_EQ(After(State::kSending, Event::kRecall), std::nullopt);
}

TEST(RecipientStateTest, TerminalHereIsTerminalForEveryone) {
  for (int s = 0; s < kStateCount; ++s) {
    const auto state = static_cast<State>(s);
    EXPECT_EQ(IsTerminal(state), ToMailState(state) >= mail::v1::RECIPIENT_STATE_DELIVERED) << StateName(state);
    EXPECT_NE(ToMailState(state), mail::v1::RECIPIENT_STATE_UNSPECIFIED);
  }
}

TEST(RecipientStateTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int s = 0; s < kStateCount; ++s) names.insert(StateName(static_cast<State>(s)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kStateCount));
}

}  // namespace
}  // namespace sekisho::delivery

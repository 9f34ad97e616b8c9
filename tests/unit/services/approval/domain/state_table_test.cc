#include "services/approval/domain/state_table.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace sekisho::approval {
namespace {

// Every pair of a state and an event, as it should be; "-" where the event may not happen.
// Columns: due release confirm recall approve reject expire drop.
const std::map<State, std::vector<std::string>> kExpected = {
    {State::kTimed, {"cleared", "cleared", "-", "recalled", "-", "-", "-", "dropped"}},
    {State::kConfirm, {"-", "-", "cleared", "recalled", "-", "-", "expired", "dropped"}},
    {State::kApproval, {"-", "-", "-", "recalled", "cleared", "rejected", "expired", "dropped"}},
    {State::kUnreadable, {"-", "-", "-", "recalled", "cleared", "rejected", "expired", "dropped"}},
    {State::kAmbiguous, {"-", "-", "-", "recalled", "cleared", "rejected", "expired", "dropped"}},
    {State::kError, {"-", "-", "-", "recalled", "cleared", "rejected", "expired", "dropped"}},
    {State::kCleared, {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {State::kRejected, {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {State::kRecalled, {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {State::kExpired, {"-", "-", "-", "-", "-", "-", "-", "-"}},
    {State::kDropped, {"-", "-", "-", "-", "-", "-", "-", "-"}},
};

TEST(StateTableTest, EveryPairIsAsItShouldBe) {
  ASSERT_EQ(kExpected.size(), kStates.size());
  for (const State from : kStates) {
    for (size_t e = 0; e < kEvents.size(); ++e) {
      const Transition* transition = Find(from, kEvents[e]);
      EXPECT_EQ(transition == nullptr ? "-" : StateName(transition->to), kExpected.at(from)[e])
          << StateName(from) << " " << e;
      EXPECT_TRUE(transition == nullptr || IsTerminal(transition->to)) << "each wait ends with one step";
    }
  }
}

TEST(StateTableTest, TerminalStatesEmitNothing) {
  constexpr unsigned kEverybody = kTime | kSender | kSuperior | kOfficer | kOperator;
  for (const State state : kStates) {
    if (!IsTerminal(state)) continue;
    for (const Event event : kEvents) {
      EXPECT_EQ(Find(state, event), nullptr) << StateName(state);
      EXPECT_EQ(Decide(state, event, kEverybody).error().code, Code::kPrecondition);
    }
  }
}

TEST(StateTableTest, NothingThatNeedsAPersonPassesByItself) {
  for (const State state : kStates) {
    if (IsTerminal(state)) continue;
    const Transition* on_time = Find(state, OnTime(state));
    ASSERT_NE(on_time, nullptr) << "every wait ends: " << StateName(state);
    EXPECT_EQ(on_time->who, kTime);
    EXPECT_EQ(on_time->effect == Effect::kHandOn, state == State::kTimed) << StateName(state);
    for (const Event event : kEvents) {
      const Transition* transition = Find(state, event);
      EXPECT_TRUE(transition == nullptr || event == OnTime(state) || (transition->who & kTime) == 0);
    }
  }
}

TEST(StateTableTest, EachClassHasItsOwnReleasers) {
  const std::map<State, unsigned> kReleasers = {
      {State::kTimed, kSender},      {State::kConfirm, kSender},
      {State::kApproval, kSuperior}, {State::kUnreadable, kSuperior | kOfficer},
      {State::kAmbiguous, kOfficer}, {State::kError, kOperator}};
  for (const auto& [state, who] : kReleasers) {
    for (const unsigned capacity : {kNoCapacity, kSender, kSuperior, kOfficer, kOperator}) {
      const auto decided = Decide(state, OnRelease(state), capacity);
      EXPECT_EQ(decided.ok(), (who & capacity) != 0) << StateName(state) << " by " << capacity;
      if (decided.ok()) {
        EXPECT_EQ((*decided)->effect, Effect::kHandOn);
      } else {
        EXPECT_EQ(decided.error().code, Code::kPermission);
      }
    }
  }
}

TEST(StateTableTest, OnlyTheSenderRecallsAndOnlyAnOperatorDrops) {
  for (const State state : kStates) {
    if (IsTerminal(state)) continue;
    EXPECT_EQ(Find(state, Event::kRecall)->who, kSender);
    EXPECT_EQ(Find(state, Event::kDrop)->who, kOperator);
    EXPECT_EQ(Find(state, Event::kRecall)->effect, Effect::kForget);
  }
}

TEST(StateTableTest, AWrongEventSaysWhatTheParcelWaitsFor) {
  const auto approved = Decide(State::kTimed, Event::kApprove, kSuperior);
  EXPECT_EQ(approved.error().code, Code::kInvalid);
  EXPECT_EQ(approved.error().detail, "this waits as 'timed': it can't be approved; its sender may release it");
  EXPECT_EQ(Decide(State::kAmbiguous, Event::kApprove, kSuperior).error().detail,
            "for this mail, that is for a security officer");
  EXPECT_EQ(Decide(State::kTimed, Event::kDue, kSender).error().detail, "for this mail, that is for nobody");
}

TEST(StateTableTest, AnUnknownHoldClassWaitsForAnOperator) {
  EXPECT_EQ(StateOf(static_cast<mail::v1::HoldClass>(77)), State::kError);
  EXPECT_EQ(StateOf(mail::v1::HOLD_CLASS_UNSPECIFIED), State::kError);
  for (int hold = 1; hold <= 6; ++hold) {
    EXPECT_EQ(HoldClassOf(StateOf(static_cast<mail::v1::HoldClass>(hold))), hold);
  }
}

TEST(StateTableTest, EveryTerminalStateIsOneRecipientsState) {
  std::set<mail::v1::RecipientState> states;
  for (const State state : kStates) {
    if (IsTerminal(state)) states.insert(ToMailState(state));
  }
  EXPECT_EQ(states.size(), 5u);
}

}  // namespace
}  // namespace sekisho::approval

// Every consumer of every topic takes what an earlier version wrote, does what that version would have done, and
// neither passes nor trips over what a later one may write.
#include <gtest/gtest.h>

#include <filesystem>

#include "shared/parcel/judgement.h"
#include "tests/contract/service_world.h"

namespace sekisho::contract {
namespace {

using mail::v1::Control;
using mail::v1::JournalEvent;
using mail::v1::Judgement;
using mail::v1::Mail;
using mail::v1::Outcome;
using mail::v1::Parcel;

// As a later version may have added: a number, and a message of its own.
void AddUnknown(google::protobuf::Message& message) {
  auto& unknown = *message.GetReflection()->MutableUnknownFields(&message);
  unknown.AddVarint(1000, 7);
  unknown.AddLengthDelimited(1001)->assign("\x08\x01");
}

// As policy of a later version would write and sign it.
std::function<void(Parcel&)> Rejudged(keys::KeyRing& ring, const std::function<void(Judgement&)>& edit) {
  return [&ring, edit](Parcel& parcel) {
    Judgement judgement;
    SEKISHO_CHECK(judgement.ParseFromString(parcel.judgement().judgement()));
    edit(judgement);
    // Stages that this version does not know get no MAC.
    Judgement known = judgement;
    known.clear_slip();
    for (const int stage : judgement.slip()) {
      if (mail::v1::Stage_IsValid(stage)) known.add_slip(static_cast<mail::v1::Stage>(stage));
    }
    auto& signed_judgement = *parcel.mutable_judgement();
    signed_judgement = *parcel::SignJudgement(ring, known);
    signed_judgement.set_judgement(judgement.SerializeAsString());
    for (auto& [stage, mac] : *signed_judgement.mutable_mac_by_stage()) {
      static const std::map<int, const char*> kNames = {{mail::v1::STAGE_APPROVAL, "approval"},
                                                        {mail::v1::STAGE_ENCRYPTION, "encryption"},
                                                        {mail::v1::STAGE_DELIVERY, "delivery"}};
      mac = *ring.EdgeMac("policy", kNames.at(stage), signed_judgement.judgement());
    }
  };
}

// Each of the two forms of a record has to lead to the same.
class ConsumersTest : public ::testing::TestWithParam<std::tuple<std::string, bool>> {
 protected:
  ServiceWorld world_{std::get<0>(GetParam())};
  template <typename Message>
  stage::Kept Record(Topic topic) {
    const bool with_unknown_fields = std::get<1>(GetParam());
    if (!with_unknown_fields) return world_.Golden(topic);
    return world_.Edited<Message>(topic, [](Message& message) { AddUnknown(message); });
  }
};

TEST_P(ConsumersTest, PolicyJudgesASubmission) {
  world_.StoreContentOf(Topic::kSubmitted);
  world_.Start("policy");
  ASSERT_TRUE(world_.Takes(Record<Mail>(Topic::kSubmitted))) << world_.cause();
  const auto judged = world_.Published<Parcel>(Topic::kJudged);
  ASSERT_EQ(judged.size(), 1U);
  EXPECT_EQ(judged[0].recipients(0).address(), "tanaka@maker.example");
  EXPECT_EQ(judged[0].envelope().dsn_envid(), "e1");
  EXPECT_EQ(judged[0].subject(), "仕様");
}

TEST_P(ConsumersTest, PolicyLearnsFromAnOutcome) {
  world_.Start("policy");
  ASSERT_TRUE(world_.Takes(Record<Outcome>(Topic::kOutcome))) << world_.cause();
  EXPECT_EQ(world_.Rows("policy.contact"), 1);
}

TEST_P(ConsumersTest, ApprovalHoldsAParcelAndRecallsIt) {
  world_.StoreContentOf(Topic::kJudged);
  world_.Start("approval");
  ASSERT_TRUE(world_.Takes(Record<Parcel>(Topic::kJudged))) << world_.cause();
  const auto events = world_.Published<JournalEvent>(Topic::kJournal);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].state(), mail::v1::RECIPIENT_STATE_AWAITING_APPROVAL);
  EXPECT_TRUE(world_.Published<Parcel>(Topic::kCleared).empty());

  ASSERT_TRUE(world_.Takes(Record<Control>(Topic::kControl))) << world_.cause();
  const auto outcomes = world_.Published<Outcome>(Topic::kOutcome);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].state(), mail::v1::RECIPIENT_STATE_RECALLED);
}

TEST_P(ConsumersTest, EncryptionSealsAParcelAndTellsItsPassword) {
  world_.StoreContentOf(Topic::kCleared);
  world_.Start("encryption");
  ASSERT_TRUE(world_.Takes(Record<Parcel>(Topic::kCleared))) << world_.cause();
  const auto sealed = world_.Published<Parcel>(Topic::kSealed);
  ASSERT_EQ(sealed.size(), 1U);
  EXPECT_EQ(sealed[0].seal().rung(), "zip-aes256");

  ASSERT_TRUE(world_.Takes(Record<Outcome>(Topic::kOutcome))) << world_.cause();
  const auto password = world_.Published<Parcel>(Topic::kSealed);
  ASSERT_EQ(password.size(), 1U);
  EXPECT_EQ(password[0].system_mail(), mail::v1::SYSTEM_MAIL_PASSWORD);
}

TEST_P(ConsumersTest, DeliveryQueuesAParcel) {
  world_.StoreContentOf(Topic::kSealed);
  world_.Start("delivery");
  ASSERT_TRUE(world_.Takes(Record<Parcel>(Topic::kSealed))) << world_.cause();
  EXPECT_EQ(world_.Rows("delivery.recipient"), 1);
}

TEST_P(ConsumersTest, DeliveryKeepsARecallForTheParcelThatFollows) {
  world_.StoreContentOf(Topic::kSealed);
  world_.Start("delivery");
  ASSERT_TRUE(world_.Takes(Record<Control>(Topic::kControl))) << world_.cause();
  ASSERT_TRUE(world_.Takes(Record<Parcel>(Topic::kSealed))) << world_.cause();
  EXPECT_EQ(world_.Rows("delivery.recipient"), 0);
  const auto outcomes = world_.Published<Outcome>(Topic::kOutcome);
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].state(), mail::v1::RECIPIENT_STATE_RECALLED);
}

TEST_P(ConsumersTest, IntakeClosesAMail) {
  world_.Start("intake");
  ASSERT_TRUE(world_.Takes(Record<Outcome>(Topic::kOutcome))) << world_.cause();
  EXPECT_EQ(world_.Rows("intake.mail"), 1);
}

TEST_P(ConsumersTest, LedgerRecordsAnEvent) {
  world_.Start("ledger");
  ASSERT_TRUE(world_.Takes(Record<JournalEvent>(Topic::kJournal))) << world_.cause();
  EXPECT_EQ(world_.Rows("ledger.event"), 1);
  EXPECT_EQ(world_.Rows("ledger.mail"), 1);
}

INSTANTIATE_TEST_SUITE_P(Golden, ConsumersTest,
                         ::testing::Combine(::testing::ValuesIn(GoldenVersions(SEKISHO_GOLDEN)), ::testing::Bool()),
                         [](const auto& of) {
                           std::string name = std::filesystem::path(std::get<0>(of.param)).filename();
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name + (std::get<1>(of.param) ? "_WithUnknownFields" : "");
                         });

// What a later version asks for and this one cannot do is held: parked, and run again once the service is newer.
class NewerTest : public ::testing::Test {
 protected:
  void Holds(const std::string& service, const std::string& cause, const stage::Kept& kept) {
    world_.Start(service);
    EXPECT_FALSE(world_.Takes(kept)) << service << " took it";
    EXPECT_NE(world_.cause().find(cause), std::string::npos) << world_.cause();
    for (const Topic topic : {Topic::kJudged, Topic::kCleared, Topic::kSealed, Topic::kOutcome}) {
      if (!world_.Watches(topic)) continue;
      EXPECT_TRUE(world_.Published<Parcel>(topic).empty()) << bus::TopicName(topic);
    }
    const std::map<std::string, std::string> kept_in = {{"delivery", "delivery.recipient"},
                                                        {"approval", "approval.parcel"}};
    if (const auto table = kept_in.find(service); table != kept_in.end()) {
      EXPECT_EQ(world_.Rows(table->second), 0);
    }
  }
  stage::Kept Rejudge(Topic topic, const std::function<void(Judgement&)>& edit) {
    world_.StoreContentOf(topic);
    return world_.Edited<Parcel>(topic, Rejudged(world_.keys(), edit));
  }
  ServiceWorld world_{std::string(SEKISHO_GOLDEN) + "/v0.1"};
};

TEST_F(NewerTest, AnUnknownActionIsHeldByApproval) {
  Holds("approval", "unknown action", world_.Edited<Control>(Topic::kControl, [](Control& control) {
    control.set_action(static_cast<Control::Action>(99));
  }));
}

TEST_F(NewerTest, AnUnknownActionIsHeldByDelivery) {
  Holds("delivery", "something unknown", world_.Edited<Control>(Topic::kControl, [](Control& control) {
    control.set_action(static_cast<Control::Action>(99));
  }));
}

// An unknown class of hold is kept by approval, for an officer: its own tests have it.
TEST_F(NewerTest, AnUnknownSealIsNotLeftOut) {
  Holds("encryption", "a later version", Rejudge(Topic::kCleared, [](Judgement& judgement) {
          judgement.mutable_treatment()->set_attachments(static_cast<mail::v1::AttachmentSeal>(99));
        }));
}

TEST_F(NewerTest, AnUnknownTreatmentIsNotLeftOut) {
  Holds("encryption", "a later version",
        Rejudge(Topic::kCleared, [](Judgement& judgement) { AddUnknown(*judgement.mutable_treatment()); }));
}

TEST_F(NewerTest, AnUnknownStageIsNotSkipped) {
  Holds("delivery", "slip", Rejudge(Topic::kSealed, [](Judgement& judgement) {
          judgement.clear_slip();
          judgement.add_slip(static_cast<mail::v1::Stage>(99));
          judgement.add_slip(mail::v1::STAGE_DELIVERY);
        }));
}

TEST_F(NewerTest, UnknownSystemMailIsHeld) {
  Holds("delivery", "system mail", world_.Edited<Parcel>(Topic::kSealed, [](Parcel& parcel) {
    parcel.clear_judgement();
    parcel.mutable_envelope()->clear_mail_from();
    parcel.set_system_mail(static_cast<mail::v1::SystemMail>(99));
  }));
}

TEST_F(NewerTest, AnEventOfAnUnknownStateAndStageIsKept) {
  world_.Start("ledger");
  EXPECT_TRUE(world_.Takes(world_.Edited<JournalEvent>(Topic::kJournal, [](JournalEvent& event) {
    event.set_state(static_cast<mail::v1::RecipientState>(99));
    event.set_stage(static_cast<mail::v1::Stage>(99));
  })));
  EXPECT_EQ(world_.Rows("ledger.event"), 1);
}

TEST_F(NewerTest, AnUnknownStateTeachesNothing) {
  world_.Start("policy");
  EXPECT_TRUE(world_.Takes(world_.Edited<Outcome>(
      Topic::kOutcome, [](Outcome& outcome) { outcome.set_state(static_cast<mail::v1::RecipientState>(99)); })));
  EXPECT_EQ(world_.Rows("policy.contact"), 0);
}

}  // namespace
}  // namespace sekisho::contract

// Whom a sender has reached.

#include "services/policy/adapters/contacts.h"

#include <gmock/gmock.h>

#include "services/policy/adapters/tables.h"
#include "tests/unit/services/policy/adapters/policy_world.h"

namespace sekisho::policy {
namespace {

constexpr char kPolicy[] =
    "rules:\n"
    "  - {id: first, when: {recipient: {scope: [FIRST_CONTACT]}}, then: {confirm: true}}\n";
constexpr char kMail[] =
    "From: hanako@example.jp\r\nMessage-ID: <1@example.jp>\r\nDate: Tue, 24 Nov 2026 01:02:03 +0000\r\n\r\nhello\r\n";

class ContactsTest : public ::testing::Test {
 protected:
  ContactsTest() : world_(kPolicy), contacts_(*world_.database, *world_.keys) { SEKISHO_CHECK(world_.Start().ok()); }

  // An outcome as delivery would publish it. Returns once policy has learned from it.
  void Reach(mail::v1::RecipientState state, const std::string& recipient,
             const std::string& sender = "hanako@example.jp",
             mail::v1::SystemMail system = mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
    const keys::MailKey key = *world_.keys->NewMailKey(world_.clock.Now());
    const MailId id = MailId::Generate(world_.clock.Now());
    mail::v1::Outcome outcome;
    outcome.set_mail_id(std::string(id.octets()));
    outcome.set_state(state);
    outcome.add_recipients(recipient);
    outcome.set_mail_from(sender);
    outcome.set_system_mail(system);
    const auto effects = contacts_.Learn(outcome, scopes_);
    ASSERT_TRUE(effects.ok());
    stage::Committer committer(*world_.around, "policy");
    ASSERT_TRUE(committer.CommitAndWait(*effects).ok());
  }

  bool IsFirst(const std::string& recipient, const std::string& sender = "hanako@example.jp") {
    std::vector<EnvelopeRecipient> recipients{{recipient, false}};
    EXPECT_TRUE(contacts_.MarkFirst(sender, recipients).ok());
    return recipients[0].first_contact;
  }

  PolicyWorld world_;
  Contacts contacts_;
  const Scopes scopes_{{"example.jp"}, {}};
};

TEST_F(ContactsTest, OnlyWhatArrivedIsLearned) {
  using namespace mail::v1;  // NOLINT: the states
  for (const auto state : {RECIPIENT_STATE_BOUNCED, RECIPIENT_STATE_REJECTED, RECIPIENT_STATE_RECALLED,
                           RECIPIENT_STATE_EXPIRED, RECIPIENT_STATE_DROPPED, RECIPIENT_STATE_DEFERRED}) {
    Reach(state, "x@a.example");
    EXPECT_TRUE(IsFirst("x@a.example")) << state;
  }
  Reach(RECIPIENT_STATE_DELIVERED, "x@a.example");
  Reach(RECIPIENT_STATE_RELAYED, "y@a.example");
  EXPECT_FALSE(IsFirst("x@a.example"));
  EXPECT_FALSE(IsFirst("Y@A.example"));
  EXPECT_TRUE(IsFirst("z@a.example"));
  EXPECT_TRUE(IsFirst("x@a.example", "taro@example.jp")) << "each sender has contacts of their own";
}

TEST_F(ContactsTest, SystemMailTheNullSenderAndTheInsideTeachNothing) {
  Reach(mail::v1::RECIPIENT_STATE_DELIVERED, "x@a.example", "hanako@example.jp", mail::v1::SYSTEM_MAIL_NOTICE);
  Reach(mail::v1::RECIPIENT_STATE_DELIVERED, "x@a.example", "");
  EXPECT_TRUE(IsFirst("x@a.example"));
  EXPECT_TRUE(IsFirst("x@a.example", ""));
  Reach(mail::v1::RECIPIENT_STATE_DELIVERED, "jiro@example.jp");
  EXPECT_TRUE(IsFirst("jiro@example.jp"));
}

TEST_F(ContactsTest, NoAddressIsStored) {
  Reach(mail::v1::RECIPIENT_STATE_DELIVERED, "x@a.example");
  static const store::Statement kAll("SELECT sender, recipient FROM {policy.contact}");
  ASSERT_TRUE(world_.database
                  ->Read([&](store::Tx& tx) {
                    return tx.Query(kAll, {}, [&](const store::Row& row) {
                      EXPECT_EQ(row.Blob(0).size(), 16u);
                      EXPECT_EQ(row.Blob(1).find("example"), std::string_view::npos);
                      return Ok();
                    });
                  })
                  .ok());
}

TEST_F(ContactsTest, TheWholeService) {
  world_.Submit(kMail, {"x@a.example"});
  EXPECT_THAT(world_.NextEvent().detail(), ::testing::StartsWith("confirm"));
  Reach(mail::v1::RECIPIENT_STATE_DELIVERED, "x@a.example");
  world_.Submit(kMail, {"x@a.example"});
  EXPECT_THAT(world_.NextEvent().detail(), ::testing::StartsWith("pass"));
}

// From the bus, as delivery hands it over.
TEST_F(ContactsTest, OutcomesAreConsumed) {
  const keys::MailKey key = *world_.keys->NewMailKey(world_.clock.Now());
  const MailId id = MailId::Generate(world_.clock.Now());
  mail::v1::Outcome outcome;
  outcome.set_state(mail::v1::RECIPIENT_STATE_DELIVERED);
  outcome.add_recipients("x@a.example");
  outcome.set_mail_from("hanako@example.jp");
  ASSERT_TRUE(stage::MigrateStageTables(*world_.database, "delivery").ok());
  world_.Publish("delivery", bus::Topic::kOutcome, key, id, outcome, [](store::Tx&) { return Ok(); });
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (IsFirst("x@a.example") && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_FALSE(IsFirst("x@a.example"));
}

}  // namespace
}  // namespace sekisho::policy

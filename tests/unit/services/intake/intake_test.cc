#include <gtest/gtest.h>

#include <barrier>
#include <future>
#include <thread>

#include "services/intake/adapters/acceptor.h"
#include "services/intake/adapters/closer.h"
#include "services/intake/adapters/tables.h"
#include "services/intake/domain/envelope.h"
#include "services/intake/domain/structured_mail.h"
#include "shared/bus/local.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/table_bus.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::intake {
namespace {

constexpr char kMail[] =
    "From: Hanako <hanako@example.jp>\r\nTo: somebody@example.net\r\nSubject: hello\r\n\r\nbody\r\n";

class AcceptorTest : public ::testing::Test {
 protected:
  AcceptorTest() : workers_("test", 1, 100) {
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    database_ = store_.Open();
    bus_ = *bus::OpenLocal(*database_, stage::ConsumerGroups());
    content::LocalOptions content_options;
    content_options.folder = folder_ / "content";
    content_options.min_free = 0;
    content_ = *content::OpenLocal(content_options, *database_, *keys_, clock_);
    around_ = std::make_unique<stage::Surroundings>(
        stage::Surroundings{*database_, *bus_, *keys_, clock_, workers_, "example"});
    limits_.message_octets = 10'000;
    limits_.backlog = 5;
    acceptor_ = std::make_unique<Acceptor>(*around_, *content_, limits_, [this] { return backlog_; });
    SEKISHO_CHECK(acceptor_->Migrate().ok());
    submitted_ = *bus_->Subscribe(bus::Topic::kSubmitted, "policy");
  }
  ~AcceptorTest() override {
    submitted_.reset();
    acceptor_.reset();
    content_.reset();
    bus_.reset();
    database_->Stop();
  }

  static Submission MakeSubmission() {
    Submission submission;
    submission.envelope.set_mail_from("hanako@example.jp");
    submission.recipients.emplace_back().set_address("somebody@example.net");
    submission.submitter.set_principal("hanako@example.jp");
    submission.submitter.set_protocol("ESMTPSA");
    submission.may_send_as = [](std::string_view address) { return address == "hanako@example.jp"; };
    return submission;
  }
  Result<Accepted> Accept(std::string_view octets, Submission submission = MakeSubmission()) {
    SEKISHO_TRY(const auto incoming, acceptor_->Begin(std::move(submission)));
    // In small pieces, as a network brings it.
    for (size_t at = 0; at < octets.size(); at += 7) SEKISHO_RETURN_IF_ERROR(incoming->Append(octets.substr(at, 7)));
    std::promise<Result<Accepted>> promise;
    incoming->Finish([&](Result<Accepted> accepted) { promise.set_value(std::move(accepted)); });
    return promise.get_future().get();
  }
  size_t Submitted() {
    const auto records = submitted_->Fetch(100, std::chrono::milliseconds(1));
    return records.ok() ? records->size() : 0;
  }
  int64_t Rows(const char* sql) {
    const store::Statement count(sql);
    int64_t rows = -1;
    EXPECT_TRUE(database_
                    ->Read([&](store::Tx& tx) {
                      return tx.Query(count, {}, [&](const store::Row& row) {
                        rows = row.Int(0);
                        return Ok();
                      });
                    })
                    .ok());
    return rows;
  }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  AcceptorLimits limits_;
  uint64_t backlog_ = 0;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<content::Store> content_;
  std::unique_ptr<stage::Surroundings> around_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unique_ptr<bus::Consumer> submitted_;
};

TEST_F(AcceptorTest, AMailItsRowAndItsRecordAreThereTogether) {
  const auto accepted = Accept(kMail);
  ASSERT_TRUE(accepted.ok()) << accepted.error().detail;
  EXPECT_EQ(Submitted(), 1u);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {intake.mail}"), 1);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {bus.journal}"), 1);
  std::optional<MailRow> row;
  ASSERT_TRUE(database_
                  ->Read([&](store::Tx& tx) -> Status {
                    SEKISHO_TRY(row, FindMail(tx, accepted->mail));
                    return Ok();
                  })
                  .ok());
  mail::v1::Mail mail;
  ASSERT_TRUE(mail.ParseFromString(keys_->Open(row->sealed_mail, "intake.mail")->plaintext));
  EXPECT_EQ(**content_->Read(mail.content()), kMail);
}

// Two replicas, asked the same at the same moment.
TEST(AcceptorReplicasTest, OneRequestIdMakesOneMail) {
  constexpr int kRequests = 60;
  const auto store = testing::TestStore::Postgres();
  const testing::TemporaryFolder folder;
  testing::FakeClock clock;
  WorkerPool workers("test", 1, 100);
  const auto keys = *keys::OpenFileRing(folder / "ring", true);
  struct Replica {
    std::unique_ptr<store::Database> database;
    std::unique_ptr<testing::TableBus> bus;
    std::unique_ptr<content::Store> content;
    std::unique_ptr<stage::Surroundings> around;
    std::unique_ptr<Acceptor> acceptor;
  } replicas[2];
  for (Replica& replica : replicas) {
    replica.database = store->Open(2);
    replica.bus = std::make_unique<testing::TableBus>(*replica.database);
    const std::string own = folder / (&replica == replicas ? "content-a" : "content-b");
    replica.content = *content::OpenLocal({.folder = own, .min_free = 0}, *replica.database, *keys, clock);
    replica.around = std::make_unique<stage::Surroundings>(
        stage::Surroundings{*replica.database, *replica.bus, *keys, clock, workers, "example"});
    replica.acceptor =
        std::make_unique<Acceptor>(*replica.around, *replica.content, AcceptorLimits{}, [] { return uint64_t{0}; });
    SEKISHO_CHECK(replica.acceptor->Migrate().ok());
  }
  std::barrier<> together(2);
  std::vector<Result<Accepted>> answers[2];
  std::vector<std::thread> threads;
  for (size_t r = 0; r < 2; ++r) {
    threads.emplace_back([&, r] {
      for (int i = 0; i < kRequests; ++i) {
        Submission submission;
        submission.envelope.set_mail_from("hanako@example.jp");
        submission.recipients.emplace_back().set_address("somebody@example.net");
        submission.submitter.set_principal("hanako@example.jp");
        submission.may_send_as = [](std::string_view) { return true; };
        submission.request_id = std::to_string(i);
        submission.request_digest = i % 3 == 0 ? "of replica " + std::to_string(r) : "the same";
        const auto incoming = *replicas[r].acceptor->Begin(std::move(submission));
        SEKISHO_CHECK(incoming->Append(kMail).ok());
        together.arrive_and_wait();
        std::promise<Result<Accepted>> promise;
        incoming->Finish([&](Result<Accepted> accepted) { promise.set_value(std::move(accepted)); });
        answers[r].push_back(promise.get_future().get());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < kRequests; ++i) {
    const auto &one = answers[0][i], &other = answers[1][i];
    if (i % 3 == 0) {
      ASSERT_NE(one.ok(), other.ok()) << "the id is that of one of two different mails";
      EXPECT_EQ((one.ok() ? other : one).error().code, Code::kExists);
    } else {
      ASSERT_TRUE(one.ok() && other.ok());
      EXPECT_EQ(one->mail, other->mail);
    }
  }
  EXPECT_EQ(replicas[0].bus->Read(bus::Topic::kSubmitted)->size(), static_cast<size_t>(kRequests));
  for (Replica& replica : replicas) {
    replica.acceptor.reset();
    replica.content.reset();
    replica.database->Stop();
  }
}

TEST_F(AcceptorTest, SomebodyElsesFromOrSenderIsRefusedAndLeavesNothing) {
  for (const char* head :
       {"From: taro@example.jp\r\n", "From: hanako@example.jp, taro@example.jp\r\nSender: hanako@example.jp\r\n",
        "From: hanako@example.jp\r\nSender: taro@example.jp\r\n", "Subject: no From\r\n"}) {
    const auto accepted = Accept(std::string(head) + "To: x@example.net\r\n\r\nbody\r\n");
    ASSERT_FALSE(accepted.ok()) << head;
    EXPECT_TRUE(accepted.error().code == Code::kPermission || accepted.error().code == Code::kInvalid) << head;
    EXPECT_EQ(accepted.error().detail.find("taro"), std::string::npos);
  }
  EXPECT_EQ(Submitted(), 0u);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {intake.mail}"), 0);
}

TEST_F(AcceptorTest, WhatHasTwoReadingsIsLeftToPolicyToHold) {
  EXPECT_TRUE(Accept("From: hanako@example.jp\r\nSubject: a\r\nSubject: b\r\n\r\nbody\r\n").ok());
  EXPECT_EQ(Submitted(), 1u);
}

TEST_F(AcceptorTest, LimitsAreSaidAtTheDoor) {
  EXPECT_EQ(Accept(std::string(kMail) + std::string(11'000, 'x')).error().code, Code::kLimit);
  std::string hops;
  for (int i = 0; i < 51; ++i) hops += "Received: from a by b; Tue, 24 Nov 2026 01:02:03 +0000\r\n";
  EXPECT_EQ(Accept(hops + kMail).error().code, Code::kPrecondition);
  EXPECT_TRUE(Accept(hops.substr(hops.size() / 51) + kMail).ok()) << "50 are allowed";
  backlog_ = 5;
  EXPECT_EQ(Accept(kMail).error().code, Code::kExhausted);
}

TEST_F(AcceptorTest, ARepeatedRequestIsTheSameMailAndAnotherIsRefused) {
  Submission submission = MakeSubmission();
  submission.request_id = "order-1";
  submission.request_digest = "digest";
  const auto first = Accept(kMail, submission);
  const auto again = Accept(kMail, submission);
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first->mail, again->mail);
  EXPECT_EQ(Submitted(), 1u);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {content.blob}"), 1) << "the repeat left nothing";
  submission.request_digest = "other";
  EXPECT_EQ(Accept(kMail, submission).error().code, Code::kExists);
  submission.submitter.set_principal("jiro@example.jp");
  EXPECT_TRUE(Accept(kMail, submission).ok()) << "another principal's ids are their own";
}

TEST_F(AcceptorTest, ContentGoesAfterTheLastRecipientAndTheRetention) {
  Submission submission = MakeSubmission();
  submission.recipients.emplace_back().set_address("another@example.net");
  const auto accepted = Accept(kMail, submission);
  ASSERT_TRUE(accepted.ok());
  Closer closer(clock_);
  const auto close = [&](const MailId& mail, int recipients) {
    mail::v1::Outcome outcome;
    for (int i = 0; i < recipients; ++i) outcome.add_recipients("x@example.net");
    const auto key = *keys_->NewMailKey(clock_.Now());
    const auto effects =
        closer.Process({bus::Topic::kOutcome, EventId(), mail, "delivery", outcome.SerializeAsString(), key, "", 1});
    ASSERT_TRUE(effects.ok());
    stage::Committer committer(*around_, "intake");
    ASSERT_TRUE(committer.CommitAndWait(*effects).ok());
  };
  const Duration day = std::chrono::hours(24);
  close(accepted->mail, 1);
  clock_.Advance(10 * day);
  EXPECT_EQ(*SweepClosed(*database_, *content_, clock_.Now(), 7 * day, 7 * day), 0u) << "one recipient is open";
  close(accepted->mail, 1);
  close(MailId::Generate(clock_.Now()), 1);  // system mail, which intake never saw
  clock_.Advance(6 * day);
  EXPECT_EQ(*SweepClosed(*database_, *content_, clock_.Now(), 7 * day, 7 * day), 0u);
  clock_.Advance(2 * day);
  EXPECT_EQ(*SweepClosed(*database_, *content_, clock_.Now(), 7 * day, 7 * day), 2u);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {content.blob}"), 0);
  EXPECT_EQ(Rows("SELECT COUNT(*) FROM {intake.mail}"), 0);
}

TEST(EnvelopeTest, DomainsBecomeALabels) {
  smtp::RcptTo rcpt;
  rcpt.path.mailbox = *smtp::ParseMailbox("Taro@例え.JP", true);
  rcpt.notify_success = true;
  rcpt.orcpt = "rfc822;taro@example.jp";
  const auto recipient = MakeRecipient(rcpt);
  ASSERT_TRUE(recipient.ok());
  EXPECT_EQ(recipient->address(), "Taro@xn--r8jz45g.jp");
  EXPECT_EQ(recipient->notify(0), mail::v1::Recipient::NOTIFY_SUCCESS);
  EXPECT_EQ(recipient->original_recipient(), "rfc822;taro@example.jp");
}

TEST(StructuredMailTest, BuildsWhatParsesAndRefusesInjection) {
  v1::StructuredMail mail;
  mail.set_subject("見積書");
  mail.set_text("本文\n");
  mail.add_to("山田 <yamada@example.net>");
  const auto raw = BuildStructured(mail, "hanako@example.jp", FromMicros(1'795'482'123'000'000), "gw.example.jp");
  ASSERT_TRUE(raw.ok()) << raw.error().detail;
  const auto parsed = mime::Parse(std::string_view(*raw));
  ASSERT_TRUE(parsed.ok()) << parsed.error().detail;
  EXPECT_EQ(parsed->subject, "見積書");
  EXPECT_EQ(parsed->to[0].display_name, "山田");
  EXPECT_EQ(parsed->from[0].AddrSpec(), "hanako@example.jp");
  mail.set_subject("a\r\nBcc: victim@example.net");
  EXPECT_FALSE(BuildStructured(mail, "hanako@example.jp", FromMicros(0), "gw").ok());
  mail.set_subject("a");
  mail.add_cc("x@example.net>\r\nBcc: <y@example.net");
  EXPECT_FALSE(BuildStructured(mail, "hanako@example.jp", FromMicros(0), "gw").ok());
}

}  // namespace
}  // namespace sekisho::intake

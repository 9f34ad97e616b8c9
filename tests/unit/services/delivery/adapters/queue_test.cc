// A mail's way through the queue, from the record to its outcome.

#include "shared/base/failpoint.h"
#include "tests/unit/services/delivery/adapters/harness.h"

namespace sekisho::delivery {
namespace {

using mail::v1::RECIPIENT_STATE_BOUNCED;
using mail::v1::RECIPIENT_STATE_DEFERRED;
using mail::v1::RECIPIENT_STATE_DELIVERED;
using mail::v1::RECIPIENT_STATE_RECALLED;
using mail::v1::RECIPIENT_STATE_RELAYED;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr char kYamada[] = "yamada@customer.example";
constexpr char kSato[] = "sato@customer.example";
constexpr char kTanaka[] = "tanaka@partner.example";

TEST_F(QueueTest, AMailIsSentAndItsOutcomeTold) {
  Start();
  const Mail mail = Send({kYamada});
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "the outcome");
  ASSERT_EQ(world_.transactions().size(), 1U);
  const auto sent = world_.transactions()[0];
  EXPECT_EQ(sent.destination, "customer.example");
  EXPECT_EQ(sent.content, "Subject: test\r\n\r\nHello.\r\n");
  EXPECT_EQ(sent.prefix.find("Received: by gate.example.jp (Sekisho) with ESMTPSA"), 0U);
  EXPECT_NE(sent.prefix.find(mail.id.ToString()), std::string::npos);
  EXPECT_TRUE(Journalled("delivered", kYamada));
  EXPECT_EQ(Rows(), 0);
  const auto& outcome = outcome_records_.at(0);
  EXPECT_EQ(outcome.mail_from(), "hanako@example.jp");
  EXPECT_EQ(outcome.submitter().principal(), "hanako@example.jp");
  EXPECT_EQ(outcome.detail(), "mx.customer.example: 250 2.0.0 taken");
}

TEST_F(QueueTest, ASmartHostRelays) {
  auto* route = config_.add_routes();
  route->add_domains("*");
  route->set_next_hop("127.0.0.1:25");
  route->set_name("smart");
  route->set_smart_host(true);
  Start();
  Send({kYamada, kTanaka});
  Await([&] { return Terminal(kTanaka, RECIPIENT_STATE_RELAYED) == 1; }, "relayed");
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_RELAYED), 1);
  ASSERT_EQ(world_.transactions().size(), 1U) << "recipients of one destination go together";
  EXPECT_EQ(world_.transactions()[0].recipients.size(), 2U);
}

TEST_F(QueueTest, RecipientsGoTogetherByDestinationAndNoMoreThanAHundred) {
  std::vector<std::string> recipients = {kTanaka};
  for (int i = 0; i < 250; ++i) recipients.push_back("r" + std::to_string(i) + "@customer.example");
  limits_.in_flight_per_destination = 300;
  Start();
  Send(recipients);
  Await([&] { return world_.received().size() == 251; }, "everyone");
  std::multiset<size_t> sizes;
  for (const auto& transaction : world_.transactions()) sizes.insert(transaction.recipients.size());
  EXPECT_EQ(sizes, (std::multiset<size_t>{1, 50, 100, 100}));
  for (const auto& transaction : world_.transactions()) {
    EXPECT_EQ(transaction.prefix.find("for <") != std::string::npos, transaction.recipients.size() == 1);
  }
}

TEST_F(QueueTest, WhatIsDeferredIsTriedAgainWhenDue) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  EXPECT_EQ(Rows(), 1);
  EXPECT_TRUE(world_.received().empty());
  world_.OnSend("customer.example", &FakeWorld::Taken);
  Advance(seconds(40));
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_DELIVERED), 0) << "not before it is due";
  Advance(seconds(40));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(Rows(), 0);
}

TEST_F(QueueTest, EachRecipientHasItsOwnFate) {
  world_.OnSend("customer.example", [](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::Taken(batch);
    for (size_t i = 0; i < batch.recipients.size(); ++i) {
      const std::string& address = batch.recipients[i].recipient.address();
      if (address == kSato) sent.report.dispositions[i] = OfReply(Step::kRecipient, {550, "5.1.1", "unknown"}, true);
      if (address == "mori@customer.example")
        sent.report.dispositions[i] = OfReply(Step::kRecipient, {450, "4.2.1", "busy"}, true);
    }
    return sent;
  });
  Start();
  Send({kYamada, kSato, "mori@customer.example"});
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(Terminal(kSato, RECIPIENT_STATE_BOUNCED), 1);
  EXPECT_TRUE(Journalled("deferred", "mori@customer.example"));
  EXPECT_TRUE(Journalled("bounced", kSato));
}

TEST_F(QueueTest, ABounceTellsTheSenderOfItsRecipientsOnly) {
  world_.OnSend("customer.example", [](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::Taken(batch);
    for (size_t i = 0; i < batch.recipients.size(); ++i) {
      if (batch.recipients[i].recipient.address() == kSato) {
        sent.report.dispositions[i] = OfReply(Step::kRecipient, {550, "5.1.1", "unknown"}, true);
      }
    }
    return sent;
  });
  Start();
  Send({kYamada, kSato});
  Await([&] { return Terminal("hanako@example.jp", RECIPIENT_STATE_DELIVERED) == 1; }, "the notice");
  const auto transactions = world_.transactions();
  const auto notice = std::find_if(transactions.begin(), transactions.end(),
                                   [](const auto& t) { return t.destination == "example.jp"; });
  ASSERT_NE(notice, transactions.end());
  EXPECT_EQ(notice->recipients, std::vector<std::string>{"hanako@example.jp"});
  EXPECT_NE(notice->content.find(kSato), std::string::npos);
  EXPECT_EQ(notice->content.find(kYamada), std::string::npos);
  EXPECT_TRUE(Journalled("accepted", "hanako@example.jp"));
  EXPECT_EQ(outcome_records_.back().system_mail(), mail::v1::SYSTEM_MAIL_DSN);
}

TEST_F(QueueTest, ABounceReturnsTheHeaderThoughTheMailWasNeverRead) {
  limits_.memory = 1;
  world_.Unreachable("nowhere.example", OfFailure(Step::kRoute, MakeError(Code::kNotFound, "")));
  world_.Hold();
  Start();
  Send({kYamada});
  Await([&] { return world_.held() == 1; }, "one that takes all the memory");
  Send({"a@nowhere.example"}, "Subject: unread\r\n\r\nHello.\r\n");
  Await([&] { return Terminal("a@nowhere.example", RECIPIENT_STATE_BOUNCED) == 1; }, "bounced");
  world_.Go();
  Await([&] { return world_.received()["hanako@example.jp"] == 1; }, "the notice");
  const auto transactions = world_.transactions();
  EXPECT_TRUE(std::any_of(transactions.begin(), transactions.end(), [](const auto& transaction) {
    return transaction.content.find("\r\n\r\nSubject: unread\r\n") != std::string::npos;
  }));
}

TEST_F(QueueTest, ANoticeThatCannotBeDeliveredTellsNobody) {
  const auto refuse = [](const Batch& batch) { return FakeWorld::All(batch, Says(550, "5.1.1", "unknown")); };
  world_.OnSend("customer.example", refuse);
  world_.OnSend("example.jp", refuse);
  Start();
  Send({kYamada});
  Await([&] { return Terminal("hanako@example.jp", RECIPIENT_STATE_BOUNCED) == 1; }, "the notice bounced");
  Stop();
  Collect();
  EXPECT_EQ(outcome_records_.size(), 2U);
}

TEST_F(QueueTest, TheContentOfANoticeIsGoneAfterIt) {
  static const store::Statement stored("SELECT mail FROM {content.blob}");
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(550, "5.1.1", "unknown")); });
  Start();
  const Mail mail = Send({kYamada});
  Await([&] { return Terminal("hanako@example.jp", RECIPIENT_STATE_DELIVERED) == 1; }, "the notice");
  std::vector<std::string> mails;
  ASSERT_TRUE(database_
                  ->Read([&](store::Tx& tx) {
                    return tx.Query(stored, {}, [&](const store::Row& row) {
                      mails.emplace_back(row.Blob(0));
                      return Ok();
                    });
                  })
                  .ok());
  // A person's mail is intake's to delete.
  EXPECT_EQ(mails, std::vector<std::string>{std::string(mail.id.octets())});
}

TEST_F(QueueTest, GivesUpAfterFiveDays) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  Advance(hours(5 * 24));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_BOUNCED) == 1; }, "given up");
  EXPECT_TRUE(Journalled("expired", kYamada));
  Await([&] { return world_.received()["hanako@example.jp"] == 1; }, "the notice");
}

TEST_F(QueueTest, TheSenderIsToldOnceThatItIsLate) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  for (int i = 0; i < 4; ++i) {
    Await(
        [&] {
          Collect();
          return std::count_if(events_.begin(), events_.end(), [](const auto& e) { return e.type() == "deferred"; }) ==
                 i + 1;
        },
        "deferred");
    Advance(hours(4));
  }
  Await([&] { return world_.received()["hanako@example.jp"] >= 1; }, "the notice");
  Stop();
  EXPECT_EQ(world_.received()["hanako@example.jp"], 1);
}

TEST_F(QueueTest, TheRestOfTooManyRecipientsFollowsAtOnce) {
  world_.OnSend("customer.example", [](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::Taken(batch);
    for (size_t i = 2; i < batch.recipients.size(); ++i) {
      sent.report.dispositions[i] = OfReply(Step::kRecipient, {452, "4.5.3", "too many recipients"}, true);
    }
    return sent;
  });
  Start();
  std::vector<std::string> recipients;
  for (int i = 0; i < 7; ++i) recipients.push_back("r" + std::to_string(i) + "@customer.example");
  Send(recipients);
  Await([&] { return world_.received().size() == 7; }, "all of them without the clock moving");
  EXPECT_EQ(world_.transactions().size(), 4U);
}

TEST_F(QueueTest, AnUnreachableDestinationIsLeftAloneForAWhile) {
  world_.Unreachable("customer.example", OfFailure(Step::kConnect, MakeError(Code::kTimeout, "no answer")));
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  Send({kSato});
  Await([&] { return Journalled("queued", kSato); }, "it waits without an attempt");
  world_.Reachable("customer.example");
  Advance(minutes(2));
  Await(
      [&] {
        return Terminal(kSato, RECIPIENT_STATE_DELIVERED) == 1 && Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1;
      },
      "delivered");
}

TEST_F(QueueTest, ADestinationIsLeftAloneLongerEachTimeItCannotBeReached) {
  world_.Unreachable("customer.example", OfFailure(Step::kConnect, MakeError(Code::kTimeout, "no answer")));
  Start();
  Send({"r0@customer.example"});
  Await([&] { return Journalled("deferred", "r0@customer.example"); }, "the first");
  for (int i = 1; i <= 8; ++i) {
    const std::string address = "r" + std::to_string(i) + "@customer.example";
    Send({address});
    Await([&] { return Journalled("queued", address); }, "it waits");
    const Duration hold = std::min<Duration>(seconds(1) * (1 << (i - 1)), seconds(60));
    Advance(hold - std::chrono::milliseconds(500));
    EXPECT_FALSE(Journalled("deferred", address)) << "no attempt before " << FormatDuration(hold);
    Advance(std::chrono::milliseconds(500));
    Await([&] { return Journalled("deferred", address); }, "tried again");
  }
  world_.Reachable("customer.example");
  Send({kYamada});
  Advance(seconds(60));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
}

TEST_F(QueueTest, ADomainThatDoesNotExistBounces) {
  world_.Unreachable("nowhere.example", OfFailure(Step::kRoute, MakeError(Code::kNotFound, "")));
  Start();
  Send({"a@nowhere.example"});
  Await([&] { return Terminal("a@nowhere.example", RECIPIENT_STATE_BOUNCED) == 1; }, "bounced");
}

TEST_F(QueueTest, AConnectionIsUsedAgainAndClosedWhenUnused) {
  Start();
  for (int i = 0; i < 5; ++i) {
    Send({kYamada});
    Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == i + 1; }, "delivered");
  }
  EXPECT_EQ(world_.connections(), 1);
  EXPECT_EQ(world_.open_connections(), 1);
  Advance(seconds(16));
  Await([&] { return world_.open_connections() == 0; }, "closed");
}

TEST_F(QueueTest, AConnectionFoundClosedIsReplaced) {
  Start();
  Send({kYamada});
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  std::atomic<int> calls{0};
  world_.OnSend("customer.example", [&](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::Taken(batch);
    sent.unanswered = calls++ == 0;
    return sent;
  });
  Send({kSato});
  Await([&] { return Terminal(kSato, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered by another connection");
  EXPECT_EQ(world_.connections(), 2);
  EXPECT_FALSE(Journalled("deferred", kSato));
}

TEST_F(QueueTest, AConnectionThatWasOpenedForNothingIsReplacedToo) {
  world_.HoldOpening();
  Start();
  Send({kYamada});
  Send({kSato});
  Await([&] { return world_.opening() == 2; }, "two are being opened");
  world_.LetOpen();
  Await([&] { return world_.received().size() == 2; }, "the first carries both");
  world_.LetOpen();
  Await([&] { return world_.open_connections() == 2; }, "the second has nothing to do");
  std::atomic<int> calls{0};
  world_.OnSend("customer.example", [&](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::Taken(batch);
    sent.unanswered = calls++ == 0;
    return sent;
  });
  Send({"mori@customer.example"});
  Await([&] { return Terminal("mori@customer.example", RECIPIENT_STATE_DELIVERED) == 1; }, "delivered by the other");
  EXPECT_EQ(calls, 2);
  EXPECT_FALSE(Journalled("deferred", "mori@customer.example"));
}

TEST_F(QueueTest, APeerThatClosesEachNewConnectionDefers) {
  world_.OnSend("customer.example", [](const Batch& batch) {
    Outlet::Sent sent = FakeWorld::All(batch, OfFailure(Step::kMailFrom, MakeError(Code::kUnavailable, "closed")));
    sent.unanswered = true;
    sent.reusable = false;
    return sent;
  });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  EXPECT_EQ(world_.connections(), 1) << "not again and again";
}

TEST_F(QueueTest, WorkInFlightAndConnectionsAreBounded) {
  limits_.in_flight_per_destination = 4;
  limits_.in_flight = 6;
  limits_.connections_per_destination = 2;
  world_.Hold();
  Start();
  for (int i = 0; i < 20; ++i) Send({"r" + std::to_string(i) + "@customer.example"});
  for (int i = 0; i < 20; ++i) Send({"r" + std::to_string(i) + "@partner.example"});
  Await([&] { return Rows() == 40; }, "all in the database");
  Await([&] { return world_.held() == 4; }, "two connections each");
  uint64_t sending = 0;
  for (const auto& summary : engine_->dispatcher().Summaries()) {
    EXPECT_LE(summary.sending, 4U);
    sending += summary.sending;
  }
  EXPECT_LE(sending, 6U);
  EXPECT_EQ(world_.connections(), 4);
  world_.Go();
  Await([&] { return world_.received().size() == 40; }, "all are delivered");
  for (const auto& [address, count] : world_.received()) EXPECT_EQ(count, 1) << address;
  Await([&] { return Rows() == 0; }, "no row is left");
}

TEST_F(QueueTest, ConnectionsInAllGoRound) {
  limits_.connections = 2;
  Start();
  for (int i = 0; i < 30; ++i) Send({"r@domain" + std::to_string(i) + ".example"});
  Await([&] { return world_.received().size() == 30; }, "every domain has its turn");
  EXPECT_LE(world_.open_connections(), 2);
}

TEST_F(QueueTest, ARecallTakesBackWhatWaits) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  const Mail mail = Send({kYamada, kSato});
  Await([&] { return Journalled("deferred", kSato); }, "deferred");
  Recall(mail, {kSato});
  Await([&] { return Terminal(kSato, RECIPIENT_STATE_RECALLED) == 1; }, "recalled");
  EXPECT_TRUE(Journalled("recalled", kSato));
  EXPECT_EQ(Rows(), 1) << "the other goes on";
  world_.OnSend("customer.example", &FakeWorld::Taken);
  Advance(minutes(2));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(world_.received()[kSato], 0);
}

TEST_F(QueueTest, ARecallIsTooLateForWhatIsClaimed) {
  world_.Hold();
  Start();
  const Mail mail = Send({kYamada});
  Await([&] { return world_.held() == 1; }, "sending");
  Recall(mail);
  Await([&] { return Journalled("recall_too_late", kYamada); }, "too late");
  world_.Go();
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_RECALLED), 0);
}

TEST_F(QueueTest, ARecallWaitsForParcelsThatHaveNotArrived) {
  Start();
  const Mail mail = Compose({kYamada, kSato});
  Recall(mail, {kYamada});
  Await([&] { return engine_->stage().Queues()[1].depth() == 0; }, "the recall is taken");
  Publish(mail);
  Await([&] { return Terminal(kSato, RECIPIENT_STATE_DELIVERED) == 1; }, "the other is delivered");
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_RECALLED), 1);
  EXPECT_EQ(world_.received()[kYamada], 0);
}

TEST_F(QueueTest, AForgedParcelIsParkedAndNeverSent) {
  Start();
  Mail mail = Compose({kYamada});
  mail.parcel.add_recipients()->set_address("thief@elsewhere.example");
  Publish(mail);
  Await([&] { return engine_->stage().Parked()->size() == 1; }, "parked");
  Mail unsigned_mail = Compose({kYamada});
  unsigned_mail.parcel.mutable_judgement()->set_judgement(unsigned_mail.judgement.SerializeAsString());
  PublishRaw(bus::Topic::kSealed, unsigned_mail, unsigned_mail.parcel);
  Await([&] { return engine_->stage().Parked()->size() == 2; }, "parked");
  (*unsigned_mail.parcel.mutable_judgement()->mutable_mac_by_stage())[mail::v1::STAGE_DELIVERY] = std::string(32, 'x');
  PublishRaw(bus::Topic::kSealed, unsigned_mail, unsigned_mail.parcel);
  Await([&] { return engine_->stage().Parked()->size() == 3; }, "parked");
  EXPECT_TRUE(world_.transactions().empty());
  EXPECT_EQ(Rows(), 0);
  EXPECT_TRUE(Journalled("parked", kYamada));
}

TEST_F(QueueTest, AParcelThatComesTwiceIsSentOnce) {
  world_.Hold();
  Start();
  const Mail mail = Send({kYamada});
  Publish(mail);
  Await([&] { return engine_->stage().Queues()[0].depth() == 0; }, "both are taken");
  world_.Go();
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  Stop();
  EXPECT_EQ(world_.received()[kYamada], 1);
}

TEST_F(QueueTest, AMailThatGoesRoundBounces) {
  std::string text;
  for (int i = 0; i < 51; ++i) text += "Received: by hop" + std::to_string(i) + "\r\n";
  Start();
  Send({kYamada}, text + "Subject: x\r\n\r\n");
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_BOUNCED) == 1; }, "bounced");
  EXPECT_EQ(world_.received()[kYamada], 0);
  EXPECT_NE(outcome_records_[0].detail().find("loop"), std::string::npos);
}

TEST_F(QueueTest, ContentThatIsLostIsNotSent) {
  const Mail mail = Compose({kYamada});
  ASSERT_TRUE(database_->RunAndWait([&](store::Tx& tx) { return content_->Remove(tx, mail.id); }).ok());
  Start();
  Publish(mail);
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_BOUNCED) == 1; }, "bounced");
  EXPECT_EQ(world_.received()[kYamada], 0);
}

TEST_F(QueueTest, SilenceAfterTheDotIsTriedAgainAndCounted) {
  std::atomic<int> calls{0};
  world_.OnSend("customer.example", [&](const Batch& batch) {
    return calls++ == 0 ? FakeWorld::All(batch, OfFailure(Step::kDot, MakeError(Code::kTimeout, "no reply")))
                        : FakeWorld::Taken(batch);
  });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("possibly_duplicate", kYamada); }, "journalled");
  EXPECT_TRUE(Journalled("deferred", kYamada));
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 1);
  Advance(minutes(2));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
}

TEST_F(QueueTest, SuspendedMailWaitsEvenThroughARestart) {
  Start();
  ASSERT_TRUE(engine_->dispatcher().Suspend("customer.example").ok());
  Send({kYamada});
  Await([&] { return Journalled("queued", kYamada); }, "it waits");
  Stop();
  Start();
  Advance(hours(1));
  auto summaries = engine_->dispatcher().Summaries();
  ASSERT_EQ(std::count_if(
                summaries.begin(), summaries.end(),
                [](const auto& s) { return s.suspended && s.queued == 1 && s.name.Display() == "customer.example"; }),
            1);
  EXPECT_TRUE(world_.received().empty());
  ASSERT_TRUE(engine_->dispatcher().Resume("Customer.example").ok());
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_FALSE(engine_->dispatcher().Suspend("not a domain").ok());
}

TEST_F(QueueTest, ResumeDoesNotWaitForTheRetry) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  ASSERT_TRUE(engine_->dispatcher().Suspend("customer.example").ok());
  world_.OnSend("customer.example", &FakeWorld::Taken);
  ASSERT_TRUE(engine_->dispatcher().Resume("customer.example").ok());
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered without the clock moving");
}

TEST_F(QueueTest, SummariesCountWhatWaits) {
  world_.OnSend("customer.example", [](const Batch& batch) {
    return FakeWorld::All(
        batch,
        OfReply(Step::kRecipient, {450, "4.2.2", "<" + batch.recipients[0].recipient.address() + "> is full"}, false));
  });
  Start();
  ASSERT_TRUE(engine_->dispatcher().Suspend("partner.example").ok());
  Send({kYamada, kSato, kTanaka});
  Await([&] { return Journalled("deferred", kSato) && Journalled("queued", kTanaka); }, "both");
  const auto check = [&] {
    std::map<std::string, Dispatcher::Summary> by_name;
    for (auto& summary : engine_->dispatcher().Summaries()) by_name[summary.name.Display()] = summary;
    return by_name["customer.example"].deferred == 2 && by_name["customer.example"].sending == 0 &&
           by_name["partner.example"].queued == 1 && by_name["partner.example"].suspended;
  };
  Await(check, "the numbers");
  for (const auto& summary : engine_->dispatcher().Summaries())
    EXPECT_EQ(summary.last_error.find('@'), std::string::npos);
  Stop();
  Start();
  EXPECT_TRUE(check()) << "after a restart too";
}

TEST_F(QueueTest, MetricsTellRoutesApartAndDomainsTogether) {
  auto* route = config_.add_routes();
  route->add_domains("partner.example");
  route->set_next_hop("127.0.0.1:25");
  route->set_name("partner");
  Start();
  for (const char* name : {"partner", "customer.example", "other.example"}) {
    ASSERT_TRUE(engine_->dispatcher().Suspend(name).ok());
  }
  Send({kTanaka, kYamada, "x@other.example"});
  const auto gauge = [&](const std::string& destination) {
    return Counter("sekisho_delivery_recipients{destination=\"" + destination + "\",state=\"queued\"}");
  };
  Await([&] { return gauge("partner") == 1 && gauge("mx") == 2; }, "the gauges");
  Stop();
  Start();
  Await([&] { return gauge("partner") == 1 && gauge("mx") == 2; }, "after a restart too");
}

TEST_F(QueueTest, AStopGivesBackWhatWasNotBegun) {
  limits_.connections_per_destination = 1;
  world_.Hold();
  Start();
  for (int i = 0; i < 10; ++i) Send({"r" + std::to_string(i) + "@customer.example"});
  Await([&] { return world_.held() == 1 && Rows() == 10; }, "one is being sent");
  std::thread stop([&] { engine_->Drain(std::chrono::seconds(20)); });
  Await([&] { return engine_->dispatcher().Summaries().at(0).queued == 9; }, "nine are given back");
  world_.Go();
  stop.join();
  engine_.reset();
  EXPECT_EQ(Rows(), 9);
  Start();
  Await([&] { return world_.received().size() == 10; }, "all are sent");
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 0);
  for (const auto& [address, count] : world_.received()) EXPECT_EQ(count, 1) << address;
}

TEST_F(QueueTest, AStopBreaksOffWhatDoesNotEnd) {
  world_.Hold();
  Start();
  Send({kYamada});
  Await([&] { return world_.held() == 1; }, "sending");
  engine_->Drain(Duration(1));
  engine_.reset();
  EXPECT_TRUE(Journalled("deferred", kYamada)) << "what became of it is written all the same";
}

TEST_F(QueueTest, ClaimsOfADeadProcessAreTakenOver) {
  // A process that dies with a claim: its row, under an owner that is no more.
  Start();
  ASSERT_TRUE(engine_->dispatcher().Suspend("customer.example").ok());
  Send({kYamada});
  Await([&] { return Journalled("queued", kYamada); }, "it waits");
  Stop();
  static const store::Statement claim("UPDATE {delivery.recipient} SET owner = $1, attempts = 1");
  ASSERT_TRUE(database_
                  ->RunAndWait([&](store::Tx& tx) -> Status {
                    SEKISHO_RETURN_IF_ERROR(tx.Execute(claim, {store::Octets{"another process"}}));
                    return Ok();
                  })
                  .ok());
  Start();
  // Where others may live, one that was not renewed since the last look is dead.
  ASSERT_TRUE(engine_->TakeOverDead().ok() && engine_->dispatcher().Refresh().ok());
  EXPECT_TRUE(Journalled("possibly_duplicate", kYamada));
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 1);
  ASSERT_TRUE(engine_->dispatcher().Resume("customer.example").ok());
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
}

TEST_F(QueueTest, ClaimsOfALivingProcessAreLeftToIt) {
  Start();
  if (database_->sole_process()) return;  // there can be no other
  world_.Hold();
  Send({kYamada});
  Await([&] { return world_.held() == 1; }, "one is being sent");
  const auto other = MakeEngine();
  ASSERT_TRUE(other->Start().ok());
  for (int look = 0; look < 3; ++look) EXPECT_EQ(*other->TakeOverDead(), 0u);
  other->Drain(std::chrono::seconds(20));
  world_.Go();
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(world_.received().at(kYamada), 1);
  EXPECT_EQ(Counter("sekisho_delivery_possible_duplicates_total"), 0);
}

// What another replica queued, suspended or resumed is learnt from the database.
TEST_F(QueueTest, AReplicaLearnsWhatOthersLeftInTheDatabase) {
  Start();
  const auto other = MakeEngine();
  ASSERT_TRUE(engine_->dispatcher().Suspend("customer.example").ok());
  Send({kYamada});
  Await([&] { return Journalled("queued", kYamada); }, "it waits");
  ASSERT_TRUE(other->dispatcher().Refresh().ok());
  ASSERT_EQ(other->dispatcher().Summaries().size(), engine_->dispatcher().Summaries().size());
  const auto seen = other->dispatcher().Summaries();
  const auto waits = std::find_if(seen.begin(), seen.end(), [](const auto& one) { return one.queued == 1; });
  ASSERT_NE(waits, seen.end());
  EXPECT_EQ(waits->name.name, "customer.example");
  EXPECT_TRUE(waits->suspended);
  ASSERT_TRUE(engine_->dispatcher().Resume("customer.example").ok());
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  ASSERT_TRUE(other->dispatcher().Refresh().ok());
  for (const auto& one : other->dispatcher().Summaries()) EXPECT_TRUE(one.queued == 0 && !one.suspended);
}

TEST_F(QueueTest, NewRoutesApplyToWhatWaits) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  Stop();
  auto* route = config_.add_routes();
  route->add_domains("customer.example");
  route->set_next_hop("127.0.0.1:25");
  route->set_name("by-hand");
  Start();
  Advance(minutes(2));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
  EXPECT_EQ(world_.transactions().at(0).destination, "by-hand");
}

TEST_F(QueueTest, NothingPersonalIsReadableInTheQueue) {
  Start();
  ASSERT_TRUE(engine_->dispatcher().Suspend("partner.example").ok());
  Send({kTanaka});
  Await([&] { return Journalled("queued", kTanaka); }, "it waits");
  static const store::Statement all("SELECT mail, parcel, destination, sealed FROM {delivery.recipient}");
  std::string octets;
  ASSERT_TRUE(database_
                  ->Read([&](store::Tx& tx) {
                    return tx.Query(all, {}, [&](const store::Row& row) {
                      for (int i = 0; i < 4; ++i) octets += row.Blob(i);
                      return Ok();
                    });
                  })
                  .ok());
  EXPECT_FALSE(octets.empty());
  for (const char* word : {"tanaka", "partner", "hanako"}) EXPECT_EQ(octets.find(word), std::string::npos) << word;
}

TEST_F(QueueTest, ARowWhoseKeyIsGoneIsKeptAndCounted) {
  Start();
  ASSERT_TRUE(engine_->dispatcher().Suspend("customer.example").ok());
  Send({kYamada});
  Await([&] { return Journalled("queued", kYamada); }, "it waits");
  ASSERT_TRUE(keys_->DestroyEpoch(keys_->Epochs().front()).ok());
  ASSERT_TRUE(engine_->dispatcher().Resume("customer.example").ok());
  Await([&] { return Counter("sekisho_delivery_unreadable_rows_total") == 1; }, "counted");
  Await([&] { return engine_->dispatcher().Summaries().at(0).deferred == 1; }, "set aside");
  EXPECT_EQ(Rows(), 1);
}

TEST_F(QueueTest, ContentInMemoryIsBounded) {
  limits_.memory = 100'000;
  world_.Hold();
  Start();
  const std::string text = "Subject: x\r\n\r\n" + std::string(40'000, 'x') + "\r\n";
  for (int i = 0; i < 20; ++i) Send({"r" + std::to_string(i) + "@customer.example"}, text);
  const auto sending = [&] {
    uint64_t count = 0;
    for (const auto& summary : engine_->dispatcher().Summaries()) count += summary.sending;
    return count;
  };
  Await([&] { return sending() == 20 && world_.held() == 2; }, "all claimed, two with their content");
  EXPECT_EQ(world_.held(), 2U);
  world_.Go();
  Await([&] { return world_.received().size() == 20; }, "all are delivered");
  Send({kYamada}, "Subject: x\r\n\r\n" + std::string(300'000, 'x') + "\r\n");
  Await([&] { return world_.received().contains(kYamada); }, "one that is larger than all the memory goes alone");
  for (const auto& [address, count] : world_.received()) EXPECT_EQ(count, 1) << address;
}

TEST_F(QueueTest, WhatHasItsContentIsNotHeldUpByWhatHasNot) {
  limits_.memory = 100'000;
  limits_.connections_per_destination = 1;
  Start();
  for (int i = 0; i < 60; ++i) {
    Send({"r" + std::to_string(i) + "@customer.example"},
         "Subject: x\r\n\r\n" + std::string(i % 2 == 0 ? 80'000 : 30'000, 'x') + "\r\n");
  }
  Await([&] { return world_.received().size() == 60; }, "all are delivered");
}

TEST_F(QueueTest, AnOutcomeIsWrittenAgainUntilTheDatabaseTakesIt) {
  Start();
  ASSERT_TRUE(ArmFailpoints("delivery.before_outcome=error@1").ok());
  Send({kYamada});
  Await([&] { return world_.received()[kYamada] == 1; }, "sent");
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_DELIVERED), 0);
  Advance(seconds(2));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "written");
  ASSERT_TRUE(ArmFailpoints("").ok());
  EXPECT_EQ(world_.received()[kYamada], 1);
}

TEST_F(QueueTest, AClockSetForwardGivesNobodyUp) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  const auto deferrals = [&] {
    Collect();
    return std::count_if(events_.begin(), events_.end(), [](const auto& event) { return event.type() == "deferred"; });
  };
  Send({kYamada});
  Await([&] { return deferrals() == 1; }, "deferred");
  clock_.Jump(hours(30 * 24));
  Advance(seconds(1));
  Await([&] { return deferrals() == 2; }, "tried and deferred, not given up");
  EXPECT_EQ(Counter("sekisho_delivery_clock_jumps_total"), 1);
  EXPECT_EQ(Terminal(kYamada, RECIPIENT_STATE_BOUNCED), 0);
  Advance(hours(4));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_BOUNCED) == 1; }, "if the clock stays, its time is over");
}

TEST_F(QueueTest, AClockSetBackKeepsNobodyWaiting) {
  world_.OnSend("customer.example",
                [](const Batch& batch) { return FakeWorld::All(batch, Says(451, "4.3.0", "later")); });
  Start();
  Send({kYamada});
  Await([&] { return Journalled("deferred", kYamada); }, "deferred");
  world_.OnSend("customer.example", &FakeWorld::Taken);
  clock_.Jump(-hours(30 * 24));
  Advance(seconds(1));
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 1; }, "delivered");
}

TEST_F(QueueTest, RequireTlsGoesByConnectionsOfItsOwn) {
  Start();
  Send({kYamada});
  Mail mail = Compose({kYamada});
  mail.parcel.mutable_envelope()->set_require_tls(true);
  Publish(mail);
  Await([&] { return Terminal(kYamada, RECIPIENT_STATE_DELIVERED) == 2; }, "delivered");
  EXPECT_EQ(world_.connections(), 2);
}

}  // namespace
}  // namespace sekisho::delivery

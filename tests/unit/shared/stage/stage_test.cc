#include "shared/stage/stage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "shared/bus/local.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/store/test_store.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::stage {
namespace {

const store::Statement kInsertEffect("INSERT INTO {probe.effect} (name) VALUES ($1)");
const store::Statement kCountEffects("SELECT name, COUNT(*) FROM {probe.effect} GROUP BY name");

// Does what the test says for each record, and wakes the test when it was called.
class ScriptedProcessor final : public Processor {
 public:
  using Script = std::function<Result<Effects>(const Input&, const mail::v1::Mail&)>;
  explicit ScriptedProcessor(Script script) : script_(std::move(script)) {}

  Result<Effects> Process(const Input& input) override {
    mail::v1::Mail mail;
    mail.ParseFromString(input.value);
    Result<Effects> result = script_(input, mail);
    const std::scoped_lock lock(mutex_);
    ++calls_;
    called_.notify_all();
    return result;
  }
  void WaitForCalls(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(called_.wait_for(lock, std::chrono::seconds(20), [&] { return calls_ >= count; }))
        << calls_ << " calls";
  }
  int calls() {
    const std::scoped_lock lock(mutex_);
    return calls_;
  }

 private:
  const Script script_;
  std::mutex mutex_;
  std::condition_variable called_;
  int calls_ = 0;
};

// Inserts a row that tells of the record.
Effects Leave(const std::string& name) {
  return [name](store::Tx& tx, Outbox&) -> Status {
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kInsertEffect, {std::string_view(name)}));
    return Ok();
  };
}

// Passes everything on, until it is told to refuse new work as a database does whose queue is full: at once, on the
// caller's thread.
class RefusingDatabase final : public store::Database {
 public:
  explicit RefusingDatabase(store::Database& behind) : behind_(behind) {}
  void Run(TxFn fn, DoneFn done) override {
    if (!refusing) return behind_.Run(std::move(fn), std::move(done));
    ++refused;
    done(MakeError(Code::kExhausted, "the queue is full"));
  }
  Status Read(FunctionRef<Status(store::Tx&)> fn) override { return behind_.Read(fn); }
  Status Migrate(std::string_view schema, std::span<const store::Migration> migrations) override {
    return behind_.Migrate(schema, migrations);
  }
  Stats stats() const override { return behind_.stats(); }
  bool sole_process() const override { return behind_.sole_process(); }
  void Stop() override { behind_.Stop(); }

  std::atomic<bool> refusing{false};
  std::atomic<int> refused{0};

 private:
  store::Database& behind_;
};

// A bus as one with a broker: what was finished may be given again, and anybody may have written a record.
class RepeatingBus final : public bus::Bus {
 public:
  explicit RepeatingBus(bus::Bus& behind) : behind_(behind) {}
  Status Append(store::Tx& tx, std::string_view schema, bus::Topic topic, const bus::Message& message) override {
    return behind_.Append(tx, schema, topic, message);
  }
  Result<std::unique_ptr<bus::Consumer>> Subscribe(bus::Topic topic, std::string_view group) override {
    SEKISHO_TRY(auto consumer, behind_.Subscribe(topic, group));
    return std::unique_ptr<bus::Consumer>(new RepeatingConsumer(*this, std::move(consumer)));
  }

  std::atomic<bool> repeat{false};  // give everything that was given once more
  std::atomic<bool> damage{false};  // what is given from now on cannot be read

 private:
  class RepeatingConsumer final : public bus::Consumer {
   public:
    RepeatingConsumer(RepeatingBus& bus, std::unique_ptr<bus::Consumer> behind)
        : bus_(bus), behind_(std::move(behind)) {}
    Result<std::vector<bus::Record>> Fetch(size_t max, Duration wait) override {
      if (bus_.repeat.exchange(false)) return given_;
      SEKISHO_TRY(auto records, behind_->Fetch(max, wait));
      for (bus::Record& record : records) {
        if (bus_.damage) record.damage = MakeError(Code::kCorrupt, "no headers");
        given_.push_back(record);
      }
      return records;
    }
    Status Finish(store::Tx& tx, std::span<const bus::Position> positions) override {
      return behind_->Finish(tx, positions);
    }
    void Finished(std::span<const bus::Position> positions) override { behind_->Finished(positions); }
    bool finishes_atomically() const override { return false; }
    Lag lag() const override { return behind_->lag(); }
    uint64_t depth() const override { return behind_->depth(); }
    void Stop() override { behind_->Stop(); }

   private:
    RepeatingBus& bus_;
    const std::unique_ptr<bus::Consumer> behind_;
    std::vector<bus::Record> given_;
  };

  bus::Bus& behind_;
};

class StageTest : public ::testing::Test {
 protected:
  StageTest() : workers_("test", 4, 1000) {
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    Open();
  }
  ~StageTest() override { Close(); }

  void Open() {
    database_ = store_.Open();
    const store::Migration migrations[] = {{1, "CREATE TABLE {probe.effect} (name TEXT NOT NULL);\n"}};
    SEKISHO_CHECK(database_->Migrate("probe", migrations).ok());
    bus_ = *bus::OpenLocal(*database_, groups_);
    front_ = std::make_unique<RefusingDatabase>(*database_);
    around_ = std::make_unique<Surroundings>(Surroundings{*front_, *bus_, *keys_, clock_, workers_, "example"});
  }
  void Close() {
    stage_.reset();
    around_.reset();
    front_.reset();
    bus_.reset();
    database_->Stop();
    database_.reset();
  }
  void Start(Processor& processor, Options options = {}) {
    options.name = "policy";
    stage_ = MakeStage(options, *around_, {bus::Topic::kSubmitted}, processor);
    ASSERT_TRUE(stage_->Start().ok());
  }

  // A mail as intake would publish it, its name in the submitter's helo.
  void Submit(const std::string& name) {
    const auto key = *keys_->NewMailKey(clock_.Now());
    const MailId id = MailId::Generate(clock_.Now());
    mail::v1::Mail mail;
    mail.set_mail_id(std::string(id.octets()));
    mail.mutable_submitter()->set_helo(name);
    mail.add_recipients()->set_address("somebody@example.net");
    Committer committer(*around_, "intake");
    ASSERT_TRUE(committer
                    .CommitAndWait([&](store::Tx&, Outbox& outbox) {
                      return outbox.Publish(bus::Topic::kSubmitted, key, id, mail);
                    })
                    .ok());
  }
  std::map<std::string, int64_t> Effects_() {
    std::map<std::string, int64_t> effects;
    EXPECT_TRUE(database_
                    ->Read([&](store::Tx& tx) {
                      return tx.Query(kCountEffects, {}, [&](const store::Row& row) {
                        effects[std::string(row.Text(0))] = row.Int(1);
                        return Ok();
                      });
                    })
                    .ok());
    return effects;
  }
  // From now on somebody reads the dead letters, which the local bus else keeps for nobody.
  std::unique_ptr<bus::Consumer> WatchDeadLetters() {
    Close();
    groups_[bus::Topic::kDeadLetter] = {"watcher"};
    Open();
    return *bus_->Subscribe(bus::Topic::kDeadLetter, "watcher");
  }
  bus::Message NextDeadLetter(bus::Consumer& watcher) {
    const auto records = watcher.Fetch(1, std::chrono::seconds(20));
    EXPECT_TRUE(records.ok() && records->size() == 1);
    return records->at(0).message;
  }
  // Real time passes here only until another thread has done its work.
  template <typename Condition>
  void Await(Condition condition, const char* what) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), give_up) << what;
      std::this_thread::yield();
    }
  }
  v1::Queue Queue() { return stage_->Queues().front(); }

  testing::TemporaryFolder folder_;
  const testing::TestStore store_;
  testing::FakeClock clock_;
  WorkerPool workers_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<RefusingDatabase> front_;  // before the database
  std::map<bus::Topic, std::vector<std::string>> groups_ = ConsumerGroups();
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<Surroundings> around_;
  std::unique_ptr<Stage> stage_;
};

TEST_F(StageTest, EachRecordHasItsEffectOnce) {
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  for (int i = 0; i < 300; ++i) Submit(std::to_string(i));
  Start(processor);
  for (int i = 300; i < 600; ++i) Submit(std::to_string(i));
  Await([&] { return Queue().depth() == 0; }, "all are finished");
  const auto effects = Effects_();
  EXPECT_EQ(effects.size(), 600u);
  for (const auto& [name, count] : effects) EXPECT_EQ(count, 1) << name;
}

TEST_F(StageTest, ARestartGoesOnWithoutRepeating) {
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 50; ++i) Submit(std::to_string(round * 50 + i));
    Start(processor);
    processor.WaitForCalls(round * 50 + 10);
    Close();
    Open();
  }
  Start(processor);
  Await([&] { return Queue().depth() == 0; }, "all are finished");
  const auto effects = Effects_();
  EXPECT_EQ(effects.size(), 250u);
  for (const auto& [name, count] : effects) EXPECT_EQ(count, 1) << name;
}

TEST_F(StageTest, AFailedEffectUndoesOnlyItself) {
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    const std::string name = mail.submitter().helo();
    return Effects([name](store::Tx& tx, Outbox& outbox) -> Status {
      SEKISHO_RETURN_IF_ERROR(Leave(name)(tx, outbox));
      if (name == "bad") return MakeError(Code::kMalformed, "cannot be");
      return Ok();
    });
  });
  Submit("good");
  Submit("bad");
  Submit("also good");
  Start(processor);
  Await([&] { return Queue().depth() == 0; }, "all are finished");
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"good", 1}, {"also good", 1}}));
  const auto parked = *stage_->Parked();
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].cause(), "malformed: cannot be");
  EXPECT_EQ(parked[0].topic(), "submitted");
}

TEST_F(StageTest, AParkedRecordRunsAgainWhenRedriven) {
  std::atomic<bool> mended{false};
  std::atomic<bool> redriven_id_differs{false};
  EventId parked_id;
  ScriptedProcessor processor([&](const Input& input, const mail::v1::Mail& mail) -> Result<Effects> {
    if (!mended) return MakeError(Code::kInternal, "a defect");
    redriven_id_differs = input.event != parked_id;
    return Leave(mail.submitter().helo());
  });
  Submit("once");
  Start(processor);
  Await([&] { return Queue().parked() == 1; }, "it is parked");
  parked_id = *EventId::Parse(stage_->Parked()->front().event_id());
  mended = true;
  const auto minted = stage_->Redrive(parked_id);
  ASSERT_TRUE(minted.ok());
  Await([&] { return Effects_() == std::map<std::string, int64_t>{{"once", 1}}; }, "it ran");
  EXPECT_TRUE(redriven_id_differs);
  EXPECT_EQ(Queue().parked(), 0u);
  EXPECT_EQ(stage_->Redrive(parked_id).error().code, Code::kNotFound);
}

TEST_F(StageTest, AParkedRecordTellsWhereItComesFromAndWhatItIs) {
  ScriptedProcessor processor(
      [](const Input&, const mail::v1::Mail&) -> Result<Effects> { return MakeError(Code::kMalformed, "cannot be"); });
  Submit("one");
  Submit("two");
  Start(processor);
  Await([&] { return Queue().parked() == 2; }, "they are parked");
  const EventId event = *EventId::Parse(stage_->Parked()->back().event_id());
  const auto shown = *stage_->Parked(event);
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0].event_id(), event.ToString());
  EXPECT_EQ(shown[0].stage(), "policy");
  EXPECT_EQ(shown[0].source(), "intake");
  EXPECT_EQ(shown[0].type(), "sekisho.mail.v1.Mail");
  EXPECT_EQ(FromProto(shown[0].produced_at()), clock_.Now());
  EXPECT_EQ(shown[0].redriven_from(), "");
  const auto again = stage_->Redrive(event);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(stage_->Parked(event)->empty());
  Await([&] { return Queue().parked() == 2; }, "it is parked again");
  EXPECT_EQ(stage_->Parked(*again)->at(0).redriven_from(), event.ToString());
}

TEST_F(StageTest, ARecordThatIsGivenUpLeavesADeadLetter) {
  const auto watcher = WatchDeadLetters();
  ScriptedProcessor processor(
      [](const Input&, const mail::v1::Mail&) -> Result<Effects> { return MakeError(Code::kMalformed, "cannot be"); });
  Submit("bad");
  Start(processor);
  const bus::Message letter = NextDeadLetter(*watcher);
  const auto parked = *stage_->Parked();
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(letter.key.ToString(), parked[0].mail_id());
  EXPECT_EQ(letter.header.source, "policy");
  EXPECT_EQ(letter.header.type, "sekisho.mail.v1.Mail");
  EXPECT_EQ(letter.header.causation.ToString(), parked[0].event_id());
  ASSERT_TRUE(letter.header.dead_letter.has_value());
  const bus::DeadLetter& origin = *letter.header.dead_letter;
  EXPECT_EQ(origin.topic, bus::Topic::kSubmitted);
  EXPECT_EQ(origin.source, "intake");
  EXPECT_EQ(origin.cause, "malformed");
  EXPECT_EQ(origin.attempts, 1u);
  const auto opened = keys_->Open(letter.value, ValueContext(origin.topic, origin.event));
  ASSERT_TRUE(opened.ok());
  mail::v1::Mail mail;
  ASSERT_TRUE(mail.ParseFromString(opened->plaintext));
  EXPECT_EQ(mail.submitter().helo(), "bad");

  const EventId minted = *stage_->Redrive(*EventId::Parse(parked[0].event_id()));
  const bus::Message second = NextDeadLetter(*watcher);
  EXPECT_EQ(second.header.causation, minted);
  EXPECT_EQ(second.header.dead_letter->event, origin.event);
}

TEST_F(StageTest, ADeadLetterPassesOnNothingThatAStrangerWrote) {
  const auto watcher = WatchDeadLetters();
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  bus::Message forged;
  forged.key = MailId::Generate(clock_.Now());
  forged.header.id = EventId::Generate(clock_.Now());
  forged.header.source = "intake";
  forged.header.type = "stranger";
  forged.header.time = clock_.Now();
  forged.header.macs["policy"] = "mac";
  forged.value = "stranger";
  ASSERT_TRUE(
      database_->RunAndWait([&](store::Tx& tx) { return bus_->Append(tx, "intake", bus::Topic::kSubmitted, forged); })
          .ok());
  Start(processor);
  const bus::Message letter = NextDeadLetter(*watcher);
  EXPECT_EQ(letter.value, "");
  EXPECT_EQ(letter.header.type, "unread");
  EXPECT_EQ(letter.header.dead_letter->source, "");
  EXPECT_EQ(letter.header.dead_letter->cause, "corrupt");
}

TEST_F(StageTest, ARecordThatMustWaitLetsTheOthersGoOn) {
  std::atomic<bool> up{false};
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    if (mail.submitter().helo() == "slow" && !up) return MakeError(Code::kUnavailable, "its OCSP responder is away");
    return Leave(mail.submitter().helo());
  });
  Submit("slow");
  for (int i = 0; i < 20; ++i) Submit(std::to_string(i));
  Start(processor);
  Await([&] { return Effects_().size() == 20 && Queue().depth() == 0; }, "the others went on");
  EXPECT_EQ(Queue().waiting(), 1u);
  EXPECT_FALSE(Queue().paused());
  const auto waiting = stage_->Waiting();
  ASSERT_TRUE(waiting.ok()) << waiting.error().detail;
  ASSERT_EQ(waiting->size(), 1u);
  EXPECT_EQ(waiting->front().stage(), Queue().stage());
  EXPECT_NE(waiting->front().cause().find("OCSP"), std::string::npos) << waiting->front().cause();
  EXPECT_EQ(waiting->front().attempts(), 1u);
  EXPECT_TRUE(MailId::Parse(waiting->front().mail_id()).ok());
  EXPECT_TRUE(waiting->front().has_next_attempt());
  up = true;
  clock_.Advance(std::chrono::minutes(1));
  Await([&] { return Effects_().size() == 21; }, "it was tried again");
  EXPECT_EQ(Effects_()["slow"], 1);
  Await([&] { return Queue().waiting() == 0; }, "nothing waits");
}

TEST_F(StageTest, ARecordThatKeepsFailingIsParkedInTheEnd) {
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    if (mail.submitter().helo() == "poison") return MakeError(Code::kUnavailable, "never");
    return Leave(mail.submitter().helo());
  });
  Options options;
  options.max_attempts = 3;
  Submit("poison");
  Start(processor, options);
  for (int i = 0; i < 3; ++i) {
    Submit("good" + std::to_string(i));  // the dependency is there: others succeed
    Await([&] { return Effects_().size() == static_cast<size_t>(i + 1); }, "a good one");
    Await([&] { return Queue().in_flight() == 0; }, "settled");
    clock_.Advance(std::chrono::minutes(10));
  }
  Await([&] { return Queue().parked() == 1; }, "it is parked");
  EXPECT_EQ(stage_->Parked()->front().attempts(), 3u);
}

TEST_F(StageTest, ADependencyThatIsDownPausesAndParksNothing) {
  std::atomic<bool> up{false};
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    if (!up) return MakeError(Code::kUnavailable, "the directory is away");
    return Leave(mail.submitter().helo());
  });
  Options options;
  options.max_attempts = 3;
  options.window = 16;
  for (int i = 0; i < 100; ++i) Submit(std::to_string(i));
  Start(processor, options);
  Await([&] { return Queue().paused(); }, "it pauses");
  EXPECT_NE(Queue().pause_reason().find("directory"), std::string::npos);
  for (int i = 0; i < 20; ++i) {  // it asks again and again, one record at a time
    const int before = processor.calls();
    Await(
        [&] {
          clock_.Advance(std::chrono::seconds(1));
          return processor.calls() > before;
        },
        "a probe");
  }
  EXPECT_EQ(Queue().parked(), 0u);
  EXPECT_LT(processor.calls(), 100);
  up = true;
  Await(
      [&] {
        clock_.Advance(std::chrono::seconds(30));
        return Effects_().size() == 100;
      },
      "all went through");
  EXPECT_EQ(Queue().parked(), 0u);
}

TEST_F(StageTest, ADatabaseThatRefusesIsAskedAgainEvenWhenTheClockJumpsBack) {
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  for (int i = 0; i < 5; ++i) Submit(std::to_string(i));
  front_->refusing = true;
  Start(processor);
  processor.WaitForCalls(5);
  Await([&] { return front_->refused > 0; }, "it was refused");
  EXPECT_EQ(Queue().in_flight(), 5u);
  clock_.Jump(-std::chrono::hours(24 * 30));
  front_->refusing = false;
  clock_.Advance(std::chrono::seconds(2));
  Await([&] { return Queue().depth() == 0; }, "all are finished");
  EXPECT_EQ(Effects_().size(), 5u);
}

TEST_F(StageTest, AWaitingRecordWhoseLeaseEndsWhileItIsInWorkHasItsEffectOnce) {
  std::atomic<int> attempt{0};
  std::promise<void> go_on;
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    const int now = ++attempt;
    if (now == 1) return MakeError(Code::kUnavailable, "not yet");
    if (now == 2) go_on.get_future().wait();
    return Leave(mail.submitter().helo());
  });
  Submit("once");
  Start(processor);
  Await([&] { return Queue().waiting() == 1; }, "it waits");
  clock_.Advance(std::chrono::seconds(10));
  Await([&] { return attempt == 2; }, "it is in work again");
  clock_.Advance(std::chrono::minutes(5));
  Await([&] { return Effects_().size() == 1; }, "it was given to another, who finished it");
  go_on.set_value();
  processor.WaitForCalls(3);
  Await([&] { return Queue().in_flight() == 0; }, "both are through");
  EXPECT_EQ(Effects_()["once"], 1);
  EXPECT_EQ(Queue().waiting(), 0u);
  EXPECT_EQ(Queue().parked(), 0u);
}

TEST_F(StageTest, AWaitingRecordThatWasFinishedMeanwhileIsNotParked) {
  std::atomic<int> attempt{0};
  std::promise<void> go_on;
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    const int now = ++attempt;
    if (now == 1) return MakeError(Code::kUnavailable, "not yet");
    if (now == 3) return Leave(mail.submitter().helo());
    go_on.get_future().wait();
    return MakeError(Code::kInternal, "a defect, but too late");
  });
  Submit("once");
  Start(processor);
  Await([&] { return Queue().waiting() == 1; }, "it waits");
  clock_.Advance(std::chrono::seconds(10));
  Await([&] { return attempt == 2; }, "it is in work again");
  clock_.Advance(std::chrono::minutes(5));
  Await([&] { return Effects_().size() == 1; }, "it was given to another, who finished it");
  go_on.set_value();
  processor.WaitForCalls(3);
  Await([&] { return Queue().in_flight() == 0; }, "both are through");
  EXPECT_EQ(Queue().waiting(), 0u);
  EXPECT_EQ(Queue().parked(), 0u);
}

TEST_F(StageTest, ARecordThatWasForgedIsParkedUnread) {
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  const auto key = *keys_->NewMailKey(clock_.Now());
  const auto append = [&](const std::function<void(bus::Message&)>& forge) {
    bus::Message message;
    message.key = MailId::Generate(clock_.Now());
    message.header.id = EventId::Generate(clock_.Now());
    message.header.source = "intake";
    message.header.time = clock_.Now();
    mail::v1::Mail mail;
    mail.mutable_submitter()->set_helo("forged");
    message.value =
        *keys_->Seal(key, ValueContext(bus::Topic::kSubmitted, message.header.id), mail.SerializeAsString());
    ASSERT_TRUE(SignHandOver(*keys_, bus::Topic::kSubmitted, message).ok());
    forge(message);
    ASSERT_TRUE(
        database_
            ->RunAndWait([&](store::Tx& tx) { return bus_->Append(tx, "intake", bus::Topic::kSubmitted, message); })
            .ok());
  };
  append([](bus::Message& m) { m.header.macs.clear(); });
  append([](bus::Message& m) { m.header.source = "delivery"; });
  append([](bus::Message& m) { m.value.back() = static_cast<char>(m.value.back() ^ 1); });
  append([&](bus::Message& m) { m.key = MailId::Generate(clock_.Now()); });
  append([](bus::Message& m) { m.header.organization_id = "another"; });
  append([](bus::Message& m) { m.header.macs["policy"] = m.header.macs["policy"].substr(1); });
  Submit("genuine");
  Start(processor);
  Await([&] { return Queue().depth() == 0; }, "all are finished");
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"genuine", 1}}));
  EXPECT_EQ(stage_->Parked()->size(), 6u);
  EXPECT_EQ(processor.calls(), 1);
}

TEST_F(StageTest, NothingReadableIsKeptAtRest) {
  ScriptedProcessor processor(
      [](const Input&, const mail::v1::Mail&) -> Result<Effects> { return MakeError(Code::kMalformed, "parked"); });
  Submit("canary-7719");
  Start(processor);
  Await([&] { return Queue().parked() == 1; }, "it is parked");
  Close();
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    all.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_EQ(all.find("canary-7719"), std::string::npos);
  EXPECT_EQ(all.find("somebody@"), std::string::npos);
  Open();
}

TEST_F(StageTest, ARecordThatTheBusGivesAgainHasItsEffectOnce) {
  RepeatingBus repeating(*bus_);
  around_ = std::make_unique<Surroundings>(Surroundings{*front_, repeating, *keys_, clock_, workers_, "example"});
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  for (int i = 0; i < 10; ++i) Submit(std::to_string(i));
  Start(processor);
  Await([&] { return Effects_().size() == 10; }, "all are finished");
  repeating.repeat = true;
  processor.WaitForCalls(20);
  stage_->Drain();
  for (const auto& [name, count] : Effects_()) EXPECT_EQ(count, 1) << name;
}

TEST_F(StageTest, AParkedRecordThatTheBusGivesAgainAfterItWasRedrivenHasItsEffectOnce) {
  RepeatingBus repeating(*bus_);
  around_ = std::make_unique<Surroundings>(Surroundings{*front_, repeating, *keys_, clock_, workers_, "example"});
  std::atomic<bool> mended{false};
  ScriptedProcessor processor([&](const Input&, const mail::v1::Mail& mail) -> Result<Effects> {
    if (!mended) return MakeError(Code::kInternal, "a defect");
    return Leave(mail.submitter().helo());
  });
  Submit("once");
  Start(processor);
  Await([&] { return Queue().parked() == 1; }, "it is parked");
  repeating.repeat = true;
  processor.WaitForCalls(2);
  mended = true;
  ASSERT_TRUE(stage_->Redrive(*EventId::Parse(stage_->Parked()->front().event_id())).ok());
  Await([&] { return Effects_().size() == 1; }, "it ran");
  repeating.repeat = true;
  processor.WaitForCalls(4);
  stage_->Drain();
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"once", 1}}));
}

TEST_F(StageTest, AWaitingRecordThatTheBusGivesAgainHasItsEffectOnce) {
  RepeatingBus repeating(*bus_);
  around_ = std::make_unique<Surroundings>(Surroundings{*front_, repeating, *keys_, clock_, workers_, "example"});
  ScriptedProcessor processor([&](const Input& input, const mail::v1::Mail& mail) -> Result<Effects> {
    if (input.attempt == 1) return MakeError(Code::kUnavailable, "not now");
    return Leave(mail.submitter().helo());
  });
  Submit("once");
  Start(processor);
  Await([&] { return Queue().waiting() == 1; }, "it waits");
  repeating.repeat = true;
  processor.WaitForCalls(2);
  clock_.Advance(std::chrono::minutes(1));
  Await([&] { return Effects_().size() == 1; }, "it ran");
  stage_->Drain();
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"once", 1}}));
}

TEST_F(StageTest, AForgedRecordThatTakesTheIdOfAGenuineOneDoesNotStandForIt) {
  RepeatingBus repeating(*bus_);
  around_ = std::make_unique<Surroundings>(Surroundings{*front_, repeating, *keys_, clock_, workers_, "example"});
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  bus::Message genuine;
  genuine.key = MailId::Generate(clock_.Now());
  genuine.header.id = EventId::Generate(clock_.Now());
  genuine.header.source = "intake";
  genuine.header.time = clock_.Now();
  mail::v1::Mail mail;
  mail.mutable_submitter()->set_helo("genuine");
  genuine.value = *keys_->Seal(*keys_->NewMailKey(clock_.Now()),
                               ValueContext(bus::Topic::kSubmitted, genuine.header.id), mail.SerializeAsString());
  ASSERT_TRUE(SignHandOver(*keys_, bus::Topic::kSubmitted, genuine).ok());
  bus::Message forged = genuine;
  forged.value += "x";
  Start(processor);
  const auto append = [&](const bus::Message& message) {
    return database_->RunAndWait(
        [&](store::Tx& tx) { return repeating.Append(tx, "intake", bus::Topic::kSubmitted, message); });
  };
  ASSERT_TRUE(append(forged).ok());
  Await([&] { return Queue().parked() == 1; }, "the forged one is parked");
  ASSERT_TRUE(append(genuine).ok());
  Await([&] { return Queue().depth() == 0; }, "both are finished");
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"genuine", 1}}));
  repeating.repeat = true;
  Await([&] { return !repeating.repeat; }, "both are given again");
  processor.WaitForCalls(2);
  stage_->Drain();
  EXPECT_EQ(Effects_(), (std::map<std::string, int64_t>{{"genuine", 1}}));
}

TEST_F(StageTest, ADamagedRecordIsParkedUnread) {
  RepeatingBus repeating(*bus_);
  around_ = std::make_unique<Surroundings>(Surroundings{*front_, repeating, *keys_, clock_, workers_, "example"});
  repeating.damage = true;
  ScriptedProcessor processor([](const Input&, const mail::v1::Mail& mail) { return Leave(mail.submitter().helo()); });
  Submit("never");
  Start(processor);
  Await([&] { return Queue().parked() == 1; }, "it is parked");
  EXPECT_EQ(stage_->Parked()->front().cause(), "corrupt: no headers");
  EXPECT_EQ(processor.calls(), 0);
}

TEST(TopologyTest, EveryTopicHasAProducerAndTheStagesAreKnown) {
  for (const bus::Topic topic : bus::kTopics) EXPECT_FALSE(RouteOf(topic).producers.empty()) << bus::TopicName(topic);
  EXPECT_EQ(RouteOf(bus::Topic::kSubmitted).producers, std::vector<std::string_view>{"intake"});
}

}  // namespace
}  // namespace sekisho::stage

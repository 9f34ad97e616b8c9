#include "shared/bus/local.h"

#include "shared/store/sqlite.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/bus/conformance.h"

namespace sekisho::bus {
namespace {

class LocalHarness final : public Harness {
 public:
  LocalHarness() { Open(); }
  ~LocalHarness() override { Close(); }
  void Reopen() override {
    Close();
    Open();
  }
  store::Database& database() override { return *database_; }
  Bus& bus() override { return *bus_; }
  Result<std::unique_ptr<Tail>> OpenTail(size_t newest) override {
    return OpenLocalTail(*database_, Topic::kSubmitted, newest);
  }

 private:
  void Open() {
    store::SqliteOptions options;
    options.folder = folder_.path();
    auto database = store::OpenSqlite(options);
    SEKISHO_CHECK(database.ok());
    database_ = *std::move(database);
    auto bus = OpenLocal(*database_, {{Topic::kSubmitted, {"policy"}}, {Topic::kOutcome, {"intake", "policy"}}});
    SEKISHO_CHECK(bus.ok());
    bus_ = *std::move(bus);
  }
  void Close() {
    bus_.reset();
    database_->Stop();
    database_.reset();
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Bus> bus_;
};

INSTANTIATE_TEST_SUITE_P(Local, BusConformance, ::testing::Values(MakeHarness([]() -> std::unique_ptr<Harness> {
                           return std::make_unique<LocalHarness>();
                         })));

TEST(LocalBusTest, KeepsARecordUntilEveryGroupHasFinishedIt) {
  LocalHarness harness;
  Message message;
  message.key = MailId::Generate(SystemClock().Now());
  for (int i = 0; i < 600; ++i) {
    message.header.id = EventId::Generate(SystemClock().Now());
    ASSERT_TRUE(harness.database()
                    .RunAndWait([&](store::Tx& tx) { return harness.bus().Append(tx, "x", Topic::kOutcome, message); })
                    .ok());
  }
  const auto count = [&] {
    static const store::Statement kCount("SELECT COUNT(*) FROM {bus.outcome}");
    int64_t rows = -1;
    EXPECT_TRUE(harness.database()
                    .Read([&](store::Tx& tx) {
                      return tx.Query(kCount, {}, [&](const store::Row& row) {
                        rows = row.Int(0);
                        return Ok();
                      });
                    })
                    .ok());
    return rows;
  };
  const auto consume_all = [&](const char* group) {
    auto consumer = *harness.bus().Subscribe(Topic::kOutcome, group);
    std::vector<Position> positions;
    while (positions.size() < 600) {
      const auto records = consumer->Fetch(600, std::chrono::seconds(1));
      for (const Record& record : *records) positions.push_back(record.position);
    }
    ASSERT_TRUE(harness.database().RunAndWait([&](store::Tx& tx) { return consumer->Finish(tx, positions); }).ok());
    consumer->Finished(positions);
  };
  consume_all("policy");
  EXPECT_EQ(count(), 600) << "intake has not finished them";
  consume_all("intake");
  EXPECT_EQ(count(), 0);
}

TEST(LocalBusTest, RefusesAGroupThatIsNotInTheTable) {
  LocalHarness harness;
  EXPECT_FALSE(harness.bus().Subscribe(Topic::kSubmitted, "stranger").ok());
}

}  // namespace
}  // namespace sekisho::bus

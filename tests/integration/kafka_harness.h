#pragma once
// What the tests of the Kafka driver share: one broker for the program, and a database with a bus on it.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>

#include "shared/bus/kafka.h"
#include "shared/store/sqlite.h"
#include "shared/testing/kafka_broker.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/bus/messages.h"

namespace sekisho::bus {

// The program's broker, started by the first who asks. Whoever stops it starts it again.
inline testing::KafkaBroker& TheBroker() {
  static testing::KafkaBroker broker;
  return broker;
}

// Topics of their own for each that asks.
inline std::string FreshPrefix() {
  static std::atomic<int> count = 0;
  return "test" + std::to_string(++count);
}

inline KafkaOptions OptionsFor(const std::string& prefix, int partitions = 1) {
  KafkaOptions options;
  options.connection.servers = TheBroker().servers();
  options.topics = {true, partitions, 1, 1, std::chrono::hours(24)};
  options.prefix = prefix;
  options.instance = "the-only-one";
  options.schemas = {"intake"};
  options.session = std::chrono::seconds(6);
  return options;
}

// A database and a bus on it. Reopen is a restart.
class KafkaHarness {
 public:
  explicit KafkaHarness(KafkaOptions options) : options_(std::move(options)) { Open(); }
  ~KafkaHarness() { Close(); }
  void Reopen() {
    Close();
    Open();
  }
  store::Database& database() { return *database_; }
  KafkaBus& bus() { return *bus_; }
  KafkaOptions& options() { return options_; }  // for the next Reopen

 private:
  void Open() {
    store::SqliteOptions sqlite;
    sqlite.folder = folder_.path();
    auto database = store::OpenSqlite(sqlite);
    SEKISHO_CHECK(database.ok());
    database_ = *std::move(database);
    auto bus = OpenKafka(*database_, options_);
    if (!bus.ok()) std::fprintf(stderr, "%s\n", bus.error().ToString().c_str());
    SEKISHO_CHECK(bus.ok());
    bus_ = *std::move(bus);
  }
  void Close() {
    bus_.reset();
    database_->Stop();
    database_.reset();
  }

  KafkaOptions options_;
  testing::TemporaryFolder folder_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<KafkaBus> bus_;
};

}  // namespace sekisho::bus

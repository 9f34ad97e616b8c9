#pragma once
// A bus for tests with several replicas on one PostgreSQL database: its records lie in one table, and every consumer is
// given every record, once in its life. So each replica of a stage works on each record, as the unluckiest of brokers
// would have it, and only what the stage does in its transactions keeps effects from happening twice.

#include <memory>
#include <vector>

#include "shared/bus/bus.h"
#include "shared/store/store.h"

namespace sekisho::testing {

class TableBus final : public bus::Bus {
 public:
  // Makes its table; `database` outlives it.
  explicit TableBus(store::Database& database);

  Status Append(store::Tx& tx, std::string_view schema, bus::Topic topic, const bus::Message& message) override;
  Result<std::unique_ptr<bus::Consumer>> Subscribe(bus::Topic topic, std::string_view group) override;

  // All of a topic.
  Result<std::vector<bus::Record>> Read(bus::Topic topic) const;

 private:
  store::Database& database_;
};

}  // namespace sekisho::testing

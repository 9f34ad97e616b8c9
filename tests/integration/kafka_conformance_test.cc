#include "tests/integration/kafka_harness.h"
#include "tests/unit/shared/bus/conformance.h"

namespace sekisho::bus {
namespace {

class ConformanceHarness final : public Harness {
 public:
  void Reopen() override { harness_.Reopen(); }
  store::Database& database() override { return harness_.database(); }
  Bus& bus() override { return harness_.bus(); }
  Result<std::unique_ptr<Tail>> OpenTail(size_t newest) override {
    return OpenKafkaTail(harness_.options(), Topic::kSubmitted, newest);
  }

 private:
  KafkaHarness harness_{OptionsFor(FreshPrefix())};
};

INSTANTIATE_TEST_SUITE_P(Kafka, BusConformance, ::testing::Values(MakeHarness([]() -> std::unique_ptr<Harness> {
                           return std::make_unique<ConformanceHarness>();
                         })));

}  // namespace
}  // namespace sekisho::bus

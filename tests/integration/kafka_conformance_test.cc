#include "tests/integration/kafka_harness.h"

namespace sekisho::bus {
namespace {

INSTANTIATE_TEST_SUITE_P(Kafka, BusConformance, ::testing::Values(MakeHarness([]() -> std::unique_ptr<Harness> {
                           return std::make_unique<KafkaHarness>(OptionsFor(FreshPrefix()));
                         })));

}  // namespace
}  // namespace sekisho::bus

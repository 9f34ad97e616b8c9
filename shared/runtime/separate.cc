#include "shared/runtime/separate.h"

namespace sekisho::runtime {
namespace {

class NeedsSharedBackEnds final : public App {
 public:
  Status Start() override {
    return MakeError(
        Code::kUnsupported,
        "a separate process needs the distributed back ends (Kafka and PostgreSQL), which this build does not have; "
        "run sekisho-standalone with the same configuration");
  }
  void Drain(Duration) override {}
};

}  // namespace

Program SeparateProgram(std::string name, std::string description) {
  return {std::move(name), std::move(description), [](const config::v1::Config&) -> Result<std::unique_ptr<App>> {
            return std::unique_ptr<App>(std::make_unique<NeedsSharedBackEnds>());
          }};
}

}  // namespace sekisho::runtime

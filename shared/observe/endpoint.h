#pragma once
// GET /metrics, /livez and /readyz for the operator's machines: HTTP/1.1, one small request a connection, answered and
// closed.

#include <functional>
#include <memory>
#include <string>

#include "shared/base/result.h"
#include "shared/observe/metrics.h"

namespace sekisho::observe {

struct Health {
  std::function<bool()> alive;  // can make progress
  std::function<bool()> ready;  // can do its duty
};

class Endpoint {
 public:
  // Listens on `host`:`port` (0: any) and answers on a thread of its own. Errors: kUnavailable when the address is
  // taken.
  static Result<std::unique_ptr<Endpoint>> Start(const std::string& host, uint16_t port, Metrics& metrics,
                                                 Health health);
  ~Endpoint();
  uint16_t port() const;

 private:
  struct State;
  explicit Endpoint(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sekisho::observe

#pragma once
// The demo's outside world (README.md).

#include <memory>
#include <string>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/net/io_pool.h"

namespace sekisho::standalone {

class Sink {
 public:
  // Listens from now on. `io` and `clock` outlive it. Errors: kUnavailable (an address is taken).
  static Result<std::unique_ptr<Sink>> Start(const config::v1::Sink& config, net::IoPool& io, const Clock& clock);
  ~Sink();

  // As bound, with their ports.
  std::string inside_address() const;
  std::string outside_address() const;

 private:
  struct Parts;
  explicit Sink(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sekisho::standalone

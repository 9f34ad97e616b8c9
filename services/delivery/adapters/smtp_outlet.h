#pragma once
// The way out by SMTP. A connection judges before it sends whether the peer can take the mail as it is; nothing is
// converted.

#include <map>
#include <memory>
#include <string>

#include "services/delivery/adapters/host_search.h"
#include "services/delivery/adapters/metrics.h"
#include "services/delivery/adapters/outlet.h"

namespace sekisho::delivery {

class SmtpOutlets final : public OutletMaker {
 public:
  // All outlive it. `passwords` by route name.
  SmtpOutlets(SearchOptions options, const RouteTable& routes, std::map<std::string, Secret<std::string>> passwords,
              dns::Resolver& resolver, net::IoPool& pool, const Clock& clock, Metrics& metrics)
      : options_(std::move(options)),
        routes_(routes),
        passwords_(std::move(passwords)),
        resolver_(resolver),
        pool_(pool),
        clock_(clock),
        metrics_(metrics) {}
  ~SmtpOutlets() override { gate_->Close(); }

  void Open(const DestinationName& destination, std::function<void(Opened)> done) override;

 private:
  const SearchOptions options_;
  const RouteTable& routes_;
  const std::map<std::string, Secret<std::string>> passwords_;
  dns::Resolver& resolver_;
  net::IoPool& pool_;
  const Clock& clock_;
  Metrics& metrics_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace sekisho::delivery

#pragma once
// From a destination to a connection: its hosts by route or MX, their addresses, and one after another until one takes
// us in.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/delivery/adapters/gate.h"
#include "services/delivery/domain/disposition.h"
#include "services/delivery/domain/route_table.h"
#include "shared/dns/mail_hosts.h"
#include "shared/net/io_pool.h"
#include "shared/smtp/client.h"

namespace sekisho::delivery {

struct SearchOptions {
  std::string hostname;  // ours
  std::shared_ptr<net::TlsContext> tls;
  Duration connect_timeout = std::chrono::seconds(30);
  Duration reply_timeout = std::chrono::minutes(5);
  Duration lookup_timeout = std::chrono::seconds(30);
  uint16_t mx_port = 25;
  size_t most_addresses = 5;  // tried in one search
  // A domain's MX must not lead to ourselves; tests have nowhere else.
  bool allow_loopback = false;
};

// What searches work with; all outlive the gate's being open.
struct SearchParts {
  const SearchOptions& options;
  dns::Resolver& resolver;
  net::IoPool& pool;
  std::shared_ptr<Gate> gate;
};

// One search. Lives until `done` was called; its steps follow one another, on the resolver's or a connection's thread.
// When the gate closes it ends without a word.
class HostSearch : public std::enable_shared_from_this<HostSearch> {
 public:
  struct Found {
    std::unique_ptr<smtp::Client> client;  // null: `failure`
    std::string host;                      // the one that answered
    std::optional<Disposition> failure;
  };
  // `route` null: by MX of `destination`'s domain. `password` is the route's.
  HostSearch(SearchParts parts, DestinationName destination, const Route* route, Secret<std::string> password,
             std::function<void(Found)> done);

  void Start();

 private:
  struct Candidate {
    std::string host, address;
  };

  void OnHosts(Result<dns::MailHosts> hosts);
  void NextHost();
  void OnAddresses(const std::string& host, Result<dns::Addresses> found);
  void NextAddress();
  void Connect(const Candidate& candidate, smtp::ClientOptions::Tls tls);
  void OnOpened(const Candidate& candidate, smtp::ClientOptions::Tls tls, smtp::Client::Opened opened);
  void Fail(const std::string& host, Disposition disposition);
  void Finish();

  const SearchParts parts_;
  const DestinationName destination_;
  const Route* const route_;
  const Secret<std::string> password_;
  std::function<void(Found)> done_;

  std::vector<std::string> hosts_;     // not looked at yet, the next one last
  std::vector<Candidate> candidates_;  // of the host under way, the next one last
  size_t tried_ = 0;
  std::optional<Disposition> failure_;  // the best so far
  std::string failed_host_;
};

// What it means that a session could not be begun.
Disposition OfOpening(smtp::Stage stage, const std::optional<smtp::Reply>& reply, const std::optional<Error>& error);

}  // namespace sekisho::delivery

#include "services/delivery/adapters/host_search.h"

#include <algorithm>
#include <utility>

namespace sekisho::delivery {
namespace {

using Tls = smtp::ClientOptions::Tls;

// Addresses that a domain's MX has no business to name: they are this machine's.
bool IsThisMachine(std::string_view address) {
  return address.starts_with("127.") || address.starts_with("0.") || address == "::1" || address == "::" ||
         address.starts_with("::ffff:127.");
}

Step StepOf(smtp::Stage stage) {
  switch (stage) {
    case smtp::Stage::kConnect:
      return Step::kConnect;
    case smtp::Stage::kGreeting:
      return Step::kGreeting;
    case smtp::Stage::kHello:
      return Step::kHello;
    case smtp::Stage::kTls:
      return Step::kTls;
    case smtp::Stage::kAuth:
      return Step::kAuth;
    default:
      return Step::kHello;
  }
}

Disposition Deferred(std::string status, std::string text) {
  Disposition disposition;
  disposition.status = std::move(status);
  disposition.text = std::move(text);
  return disposition;
}

Disposition OfNoAddress(bool configured) {
  // A domain's own fault; in a route it is ours, and an operator mends it.
  if (configured) return Deferred("4.4.4", "the next hop has no address");
  Disposition disposition = Deferred("5.4.4", "no mail host of the domain has an address");
  disposition.kind = Disposition::Kind::kBounce;
  return disposition;
}

}  // namespace

HostSearch::HostSearch(SearchParts parts, DestinationName destination, const Route* route, Secret<std::string> password,
                       std::function<void(Found)> done)
    : parts_(std::move(parts)),
      destination_(std::move(destination)),
      route_(route),
      password_(std::move(password)),
      done_(std::move(done)) {}

void HostSearch::Start() {
  if (route_ != nullptr) {
    hosts_ = {route_->host};
    return NextHost();
  }
  dns::FindMailHosts(parts_.resolver, destination_.name, parts_.options.hostname, parts_.options.lookup_timeout,
                     Behind(parts_.gate, [self = shared_from_this()](Result<dns::MailHosts> hosts) {
                       self->OnHosts(std::move(hosts));
                     }));
}

void HostSearch::OnHosts(Result<dns::MailHosts> hosts) {
  if (!hosts.ok()) {
    Fail("", OfFailure(Step::kRoute, hosts.error()));
    return Finish();
  }
  // RFC 8689 §4.2.1: the host's name must be proved too, or whoever answers for DNS reads the mail.
  if (destination_.require_tls && !hosts->secure) {
    Fail("", OfMissing(Missing::kRequireTls));
    return Finish();
  }
  hosts_ = std::move(hosts->names);
  std::reverse(hosts_.begin(), hosts_.end());
  NextHost();
}

void HostSearch::NextHost() {
  if (hosts_.empty() || tried_ >= parts_.options.most_addresses) return Finish();
  const std::string host = std::move(hosts_.back());
  hosts_.pop_back();
  dns::FindAddresses(parts_.resolver, host, parts_.options.lookup_timeout,
                     Behind(parts_.gate, [self = shared_from_this(), host](Result<dns::Addresses> found) {
                       self->OnAddresses(host, std::move(found));
                     }));
}

void HostSearch::OnAddresses(const std::string& host, Result<dns::Addresses> found) {
  const bool configured = route_ != nullptr;
  if (!found.ok()) {
    Fail(host, found.error().code == Code::kNotFound ? OfNoAddress(configured)
                                                     : Deferred("4.4.3", "the mail host could not be looked up"));
    return NextHost();
  }
  for (const std::string& address : found->addresses) {
    if (configured || parts_.options.allow_loopback || !IsThisMachine(address)) candidates_.push_back({host, address});
  }
  if (candidates_.empty()) Fail(host, OfNoAddress(configured));
  std::reverse(candidates_.begin(), candidates_.end());
  NextAddress();
}

void HostSearch::NextAddress() {
  if (candidates_.empty() || tried_ >= parts_.options.most_addresses) return NextHost();
  const Candidate candidate = std::move(candidates_.back());
  candidates_.pop_back();
  ++tried_;
  Tls tls = Tls::kOpportunistic;
  if (route_ != nullptr && route_->tls == TlsMode::kNone) tls = Tls::kNone;
  if (route_ != nullptr && route_->tls == TlsMode::kRequired) tls = Tls::kRequired;
  if (destination_.require_tls) tls = Tls::kRequired;
  Connect(candidate, tls);
}

void HostSearch::Connect(const Candidate& candidate, Tls tls) {
  smtp::ClientOptions options;
  options.hello = parts_.options.hostname;
  options.tls = tls;
  options.tls_context = parts_.options.tls;
  options.host = candidate.host;
  if (route_ != nullptr) {
    options.login = route_->user;
    options.password = password_;
  }
  options.timeouts.connect = parts_.options.connect_timeout;
  options.timeouts.greeting = options.timeouts.command = parts_.options.reply_timeout;
  options.timeouts.data_end = parts_.options.reply_timeout * 2;
  const uint16_t port = route_ != nullptr ? route_->port : parts_.options.mx_port;
  smtp::Client::Open(parts_.pool, candidate.address, port, std::move(options),
                     Behind(parts_.gate, [self = shared_from_this(), candidate, tls](smtp::Client::Opened opened) {
                       self->OnOpened(candidate, tls, std::move(opened));
                     }));
}

void HostSearch::OnOpened(const Candidate& candidate, Tls tls, smtp::Client::Opened opened) {
  if (opened.client != nullptr) {
    done_({std::move(opened.client), candidate.host, std::nullopt});
    return;
  }
  // Opportunistic encryption is better than none, and none is better than no mail (RFC 7435).
  if (opened.stage == smtp::Stage::kTls && tls == Tls::kOpportunistic) return Connect(candidate, Tls::kNone);
  const bool lacks = opened.error && opened.error->code == Code::kUnsupported;
  Fail(candidate.host, lacks && destination_.require_tls ? OfMissing(Missing::kRequireTls)
                                                         : OfOpening(opened.stage, opened.reply, opened.error));
  NextAddress();
}

void HostSearch::Fail(const std::string& host, Disposition disposition) {
  const bool better = !failure_ || &Better(*failure_, disposition) != &*failure_;
  if (!better) return;
  failure_ = std::move(disposition);
  failed_host_ = host;
}

void HostSearch::Finish() {
  if (!failure_) failure_ = OfNoAddress(route_ != nullptr);
  done_({nullptr, failed_host_, failure_});
}

Disposition OfOpening(smtp::Stage stage, const std::optional<smtp::Reply>& reply, const std::optional<Error>& error) {
  if (reply) return OfReply(StepOf(stage), {reply->code, reply->enhanced, reply->Text()}, false);
  return OfFailure(StepOf(stage), error.value_or(MakeError(Code::kUnavailable, "no connection")));
}

}  // namespace sekisho::delivery

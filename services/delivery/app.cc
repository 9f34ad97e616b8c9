#include "services/delivery/app.h"

#include <algorithm>

#include "services/delivery/adapters/delivery_rpc.h"
#include "services/delivery/adapters/engine.h"
#include "services/delivery/adapters/smtp_outlet.h"
#include "shared/config/loader.h"
#include "shared/dns/resolver.h"
#include "shared/mailauth/dkim_signer.h"
#include "shared/stage/proto_time.h"

namespace sekisho::delivery {
namespace {

Result<mailauth::DkimSigner> MakeSigner(const config::v1::Dkim& dkim) {
  std::vector<mailauth::DkimKey> keys;
  for (const config::v1::DkimKey& key : dkim.keys()) {
    auto read = crypto::PrivateKey::FromFile(key.key_file());
    if (!read.ok()) return Annotate(read.error(), "delivery.dkim: " + key.key_file());
    keys.push_back({key.domain(), key.selector(), *std::move(read)});
  }
  return mailauth::DkimSigner::Create(std::move(keys));
}

Result<std::map<std::string, Secret<std::string>>> ReadPasswords(const RouteTable& routes) {
  std::map<std::string, Secret<std::string>> passwords;
  for (const Route& route : routes.routes()) {
    if (route.user.empty()) continue;
    auto password = config::ReadSecretFile(route.password_file);
    if (!password.ok()) return Annotate(password.error(), "delivery route '" + route.name + "'");
    passwords.emplace(route.name, Secret<std::string>(*std::move(password)));
  }
  return passwords;
}

Result<std::unique_ptr<dns::Resolver>> MakeResolver(const config::v1::Dns& config) {
  dns::UnboundOptions options;
  options.forwarders = {config.forwarders().begin(), config.forwarders().end()};
  options.trust_anchor_file = config.trust_anchor_file();
  return dns::MakeUnbound(options);
}

Dispatcher::Limits LimitsOf(const config::v1::Delivery& config) {
  Dispatcher::Limits limits;
  limits.in_flight = config.in_flight();
  // Enough to keep its connections busy; one destination that is slow must not fill the memory of all.
  limits.in_flight_per_destination = std::min<size_t>(
      config.in_flight(), std::max<size_t>(100, size_t{10} * config.max_connections_per_destination()));
  limits.longest_wait = FromProto(config.max_retry());
  limits.connections = config.max_connections();
  limits.connections_per_destination = config.max_connections_per_destination();
  // A destination that could not be reached is looked at again no later than its mail may be tried again.
  limits.longest_hold = FromProto(config.first_retry());
  return limits;
}

RetrySchedule ScheduleOf(const config::v1::Delivery& config) {
  return {FromProto(config.first_retry()), FromProto(config.max_retry()), FromProto(config.give_up_after()),
          FromProto(config.delay_notice_after())};
}

}  // namespace

struct App::Parts {
  explicit Parts(mailauth::DkimSigner made) : signer(std::move(made)), metrics(observe::Metrics::Global()) {}
  RouteTable routes;
  mailauth::DkimSigner signer;
  std::unique_ptr<dns::Resolver> resolver;
  Metrics metrics;
  std::unique_ptr<SmtpOutlets> outlets;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<DeliveryRpc> rpc;
};

App::App(const config::v1::Config& config, const stage::Surroundings& surroundings, content::Store& content,
         const rpc::Authenticator& authenticator, net::IoPool& io)
    : config_(config), around_(surroundings), content_(content), authenticator_(authenticator), io_(io) {}

App::~App() { Drain(Duration{}); }

Status App::Start() {
  const config::v1::Delivery& delivery = config_.delivery();
  SEKISHO_TRY(mailauth::DkimSigner signer, MakeSigner(delivery.dkim()));
  auto parts = std::make_unique<Parts>(std::move(signer));
  SEKISHO_TRY(parts->routes, RouteTable::Make(delivery));
  SEKISHO_TRY(auto passwords, ReadPasswords(parts->routes));
  SEKISHO_TRY(parts->resolver, MakeResolver(delivery.dns()));
  SearchOptions search;
  search.hostname = config_.organization().hostname();
  search.connect_timeout = FromProto(delivery.connect_timeout());
  search.reply_timeout = FromProto(delivery.reply_timeout());
  SEKISHO_TRY(search.tls, net::TlsContext::ForClient(delivery.tls_trust_file()));
  parts->outlets = std::make_unique<SmtpOutlets>(std::move(search), parts->routes, std::move(passwords),
                                                 *parts->resolver, io_, around_.clock, parts->metrics);
  Engine::Options options;
  options.routes = parts->routes;
  options.schedule = ScheduleOf(delivery);
  options.limits = LimitsOf(delivery);
  options.alive = FromProto(delivery.lease());
  options.notices = notice::OptionsOf(config_.organization());
  parts->engine = std::make_unique<Engine>(std::move(options), around_, content_, parts->signer, *parts->outlets,
                                           observe::Metrics::Global());
  parts->rpc = std::make_unique<DeliveryRpc>(around_, authenticator_, parts->engine->dispatcher());
  parts_ = std::move(parts);
  return parts_->engine->Start();
}

void App::Drain(Duration limit) {
  if (!parts_) return;
  parts_->engine->Drain(limit);
  parts_->resolver->Stop();
}

std::vector<grpc::Service*> App::rpcs() { return {parts_->rpc.get()}; }
stage::Stage& App::stage() { return parts_->engine->stage(); }

std::unique_ptr<runtime::Service> MakeService(const runtime::Environment& environment) {
  return std::make_unique<App>(environment.config, environment.surroundings, environment.content,
                               environment.authenticator, environment.io);
}

}  // namespace sekisho::delivery

#include "services/intake/adapters/smtp_door.h"

#include "services/intake/adapters/smtp_receiver.h"
#include "shared/config/sekisho.h"
#include "shared/observe/log.h"
#include "shared/observe/metrics.h"
#include "shared/stage/proto_time.h"

namespace sekisho::intake {
namespace {

constexpr size_t kBlockingQueue = 256;

using config::v1::SmtpListener;

smtp::ServerOptions OptionsOf(const config::v1::Config& config, const SmtpListener& listener,
                              std::shared_ptr<smtp::LoginGuard> logins) {
  const config::v1::Limits& limits = config.intake().limits();
  smtp::ServerOptions options;
  options.address = listener.address();
  options.hostname = config.organization().hostname();
  options.auth = options.auth_required = listener.kind() != SmtpListener::RELAY;
  options.normalize_bare_lf = listener.relay().normalize_bare_lf();
  options.max_size = limits.message_size();
  options.max_recipients = limits.recipients();
  options.max_errors = limits.smtp_errors();
  options.max_connections = limits.connections();
  options.max_connections_per_address = limits.connections_per_address();
  options.min_bytes_per_second = limits.min_bytes_per_second();
  options.logins = std::move(logins);
  options.idle_timeout = FromProto(limits.idle());
  options.command_timeout = FromProto(limits.command_timeout());
  return options;
}

}  // namespace

struct SmtpDoor::Listener {
  Door door;
  std::unique_ptr<smtp::Server> server;  // last: it ends before what its connections use
};

SmtpDoor::SmtpDoor(const config::v1::Config& config, const Clock& clock, Acceptor& acceptor,
                   directory::Directory& directory, std::shared_ptr<smtp::LoginGuard> logins, net::IoPool& io)
    : config_(config),
      clock_(clock),
      acceptor_(acceptor),
      directory_(directory),
      logins_(std::move(logins)),
      io_(io),
      blocking_("blocking", config.intake().max_auth_verifiers() + 2, kBlockingQueue) {}

SmtpDoor::~SmtpDoor() { Close(Duration{}); }

Status SmtpDoor::Open() {
  for (const SmtpListener& listener : config_.intake().listeners()) {
    if (const Status opened = OpenListener(listener); !opened.ok()) {
      return Annotate(opened.error(), "listener '" + listener.name() + "'");
    }
  }
  ExposeCounts();
  return Ok();
}

Status SmtpDoor::OpenListener(const SmtpListener& listener) {
  const bool is_relay = listener.kind() == SmtpListener::RELAY;
  RelayRules relay;
  if (is_relay) {
    const auto& domains = config_.organization().domains();
    SEKISHO_TRY(relay, RelayRules::Make(listener.relay(), {domains.begin(), domains.end()}));
  }
  smtp::ServerOptions options = OptionsOf(config_, listener, logins_);
  if (listener.has_tls()) {
    SEKISHO_TRY(options.tls_context,
                net::TlsContext::ForServer({listener.tls().certificate_file(), listener.tls().key_file(),
                                            listener.tls().client_ca_file(), relay.MayProveItself()}));
    options.tls = listener.kind() == SmtpListener::SUBMISSIONS ? smtp::ServerOptions::Tls::kImplicit
                                                               : smtp::ServerOptions::Tls::kStartTls;
  }
  auto opened = std::unique_ptr<Listener>(new Listener{
      Door{listener.name(), is_relay ? mail::v1::Submitter::KIND_RELAY : mail::v1::Submitter::KIND_SUBMISSION,
           listener.allow_demo_logins(), std::move(relay), config_.organization().default_language(),
           config_.storage().small_content(), acceptor_, directory_, blocking_},
      nullptr});
  Door& door = opened->door;
  SEKISHO_TRY(opened->server, smtp::Server::Start(
                                  std::move(options),
                                  [&door](const smtp::Peer& peer) -> Result<std::unique_ptr<smtp::Receiver>> {
                                    if (door.kind == mail::v1::Submitter::KIND_RELAY && !door.relay.MayProveItself() &&
                                        !door.relay.MayConnect(peer.address, "")) {
                                      return MakeError(Code::kPermission, "this host is not listed for this relay");
                                    }
                                    return std::unique_ptr<smtp::Receiver>(std::make_unique<SmtpReceiver>(door));
                                  },
                                  io_, clock_));
  observe::Log(observe::Level::kInfo, "smtp.listening",
               {{"listener", listener.name()}, {"address", opened->server->address()}});
  listeners_.push_back(std::move(opened));
  return Ok();
}

void SmtpDoor::ExposeCounts() {
  metrics_ = observe::Metrics::Global().OnCollect([this] {
    auto& metrics = observe::Metrics::Global();
    for (const auto& listener : listeners_) {
      const smtp::ServerCounts counts = listener->server->counts();
      const observe::Labels labels = {{"listener", listener->door.name}};
      const auto set = [&](const char* name, const char* help, uint64_t value) {
        metrics.GetGauge(name, help, labels).Set(static_cast<double>(value));
      };
      set("sekisho_smtp_connections_open", "Connections now", counts.connections_open);
      set("sekisho_smtp_connections", "Connections since the start", counts.connections);
      set("sekisho_smtp_connections_refused", "Connections refused since the start", counts.connections_refused);
      set("sekisho_smtp_logins_failed", "Failed logins since the start", counts.logins_failed);
      set("sekisho_smtp_timeouts", "Connections that were idle or too slow", counts.timeouts);
      set("sekisho_smtp_mails_accepted", "Mails accepted since the start", counts.mails_accepted);
      set("sekisho_smtp_mails_refused", "Mails refused since the start", counts.mails_refused);
    }
  });
}

void SmtpDoor::Close(Duration limit) {
  if (metrics_ != 0) observe::Metrics::Global().Forget(std::exchange(metrics_, 0));
  for (const auto& listener : listeners_) listener->server->Stop(limit);
  blocking_.Stop();
}

}  // namespace sekisho::intake

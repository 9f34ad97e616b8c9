#include "services/standalone/app.h"

#include "services/approval/app.h"
#include "services/delivery/app.h"
#include "services/encryption/app.h"
#include "services/intake/app.h"
#include "services/ledger/app.h"
#include "services/policy/app.h"
#include "services/standalone/sink/sink.h"
#include "shared/bus/local.h"
#include "shared/bus/tail.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/net/io_pool.h"
#include "shared/runtime/host.h"
#include "shared/stage/topology.h"
#include "shared/store/sqlite.h"

namespace sekisho::standalone {
namespace {

Result<runtime::BackEnds> OpenLocal(const config::v1::Config& config, const Clock& clock) {
  runtime::BackEnds back;
  const config::v1::Keys& ring = config.keys();
  SEKISHO_TRY(back.keys, ring.mounted() ? keys::OpenMountedRing(ring.ring_file(), clock)
                                        : keys::OpenFileRing(ring.ring_file(), ring.create(), clock));
  store::SqliteOptions store_options;
  store_options.folder = config.storage().folder();
  SEKISHO_TRY(back.database, store::OpenSqlite(store_options));
  SEKISHO_TRY(back.bus, bus::OpenLocal(*back.database, stage::ConsumerGroups()));
  back.open_tail = [database = back.database.get()](bus::Topic topic, size_t newest) {
    return bus::OpenLocalTail(*database, topic, newest);
  };
  content::LocalOptions content_options;
  content_options.folder = config.storage().folder() + "/content";
  content_options.small_limit = config.storage().small_content();
  content_options.min_free = config.storage().min_free();
  SEKISHO_TRY(back.content, content::OpenLocal(content_options, *back.database, *back.keys, clock));
  return back;
}

// The demo's outside world beside the checkpoint.
class WithSink final : public runtime::App {
 public:
  WithSink(const config::v1::Sink& config, std::unique_ptr<runtime::App> host)
      : config_(config), host_(std::move(host)) {}
  ~WithSink() override { Drain({}); }

  Status Start() override {
    SEKISHO_TRY(sink_, Sink::Start(config_, io_, clock_));
    return host_->Start();
  }
  void Drain(Duration limit) override {
    host_->Drain(limit);
    sink_.reset();
    io_.Stop();
  }

 private:
  const config::v1::Sink config_;
  SystemClock clock_;
  net::IoPool io_{1};
  std::unique_ptr<runtime::App> host_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace

Result<std::unique_ptr<runtime::App>> MakeApp(const config::v1::Config& config) {
  runtime::HostOptions options;
  options.sandbox = true;
  options.services = {{"intake", intake::MakeService},     {"policy", policy::MakeService},
                      {"approval", approval::MakeService}, {"encryption", encryption::MakeService},
                      {"delivery", delivery::MakeService}, {"ledger", ledger::MakeService}};
  options.open = OpenLocal;
  std::unique_ptr<runtime::App> host = runtime::MakeHost(config, std::move(options));
  if (!config.has_sink()) return host;
  return std::unique_ptr<runtime::App>(std::make_unique<WithSink>(config.sink(), std::move(host)));
}

}  // namespace sekisho::standalone

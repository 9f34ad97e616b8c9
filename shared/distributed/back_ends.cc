#include "shared/distributed/back_ends.h"

#include "shared/bus/kafka.h"
#include "shared/config/loader.h"
#include "shared/content/s3/distributed.h"
#include "shared/distributed/shard_lock.h"
#include "shared/distributed/unpublished.h"
#include "shared/keys/file_ring.h"
#include "shared/stage/proto_time.h"
#include "shared/store/postgres.h"

namespace sekisho::distributed {
namespace {

// The secret that a configuration key names; empty without a file.
Result<Secret<std::string>> ReadSecret(const std::string& file, const std::string& key) {
  if (file.empty()) return Secret<std::string>();
  auto octets = config::ReadSecretFile(file);
  if (!octets.ok()) return Annotate(octets.error(), key);
  return Secret<std::string>(*std::move(octets));
}

// As a value of libpq's connection string (PostgreSQL 15, 34.1.1.1).
std::string Quoted(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

// libpq's, with the password.
Result<Secret<std::string>> ConnectionTo(const config::v1::Postgres& config) {
  SEKISHO_TRY(const Secret<std::string> password, ReadSecret(config.password_file(), "storage.postgres.password_file"));
  if (password.Reveal().empty()) return Secret<std::string>(config.conninfo());
  return Secret<std::string>(config.conninfo() + " password=" + Quoted(password.Reveal()));
}

Result<std::unique_ptr<store::Database>> OpenDatabase(const config::v1::Postgres& config,
                                                      const Secret<std::string>& conninfo) {
  store::PostgresOptions options;
  options.conninfo = conninfo;
  options.writers = config.writers();
  options.readers = config.readers();
  return store::OpenPostgres(std::move(options));
}

// The process that publishes a shard isn't told of rows that another replica wrote: it looks for them.
constexpr Duration kLookForReplicas = std::chrono::milliseconds(20);

// Several entries for the service, or one that any number of named processes take.
bool MayHaveReplicas(const config::v1::Config& config, const config::v1::Service& own) {
  size_t of_service = 0;
  bool listed = false;
  for (const config::v1::Service& other : config.services()) {
    if (other.name() != own.name()) continue;
    ++of_service;
    listed = listed || other.instance() == own.instance();
  }
  return of_service > 1 || !listed;
}

Result<bus::KafkaOptions> OptionsOf(const config::v1::Config& all, const config::v1::Service& own) {
  const config::v1::Kafka& config = all.bus().kafka();
  bus::KafkaOptions options;
  options.connection.servers = config.servers();
  options.connection.ca_file = config.ca_file();
  options.connection.certificate_file = config.certificate_file();
  options.connection.key_file = config.key_file();
  options.connection.user = config.user();
  SEKISHO_TRY(options.connection.password, ReadSecret(config.password_file(), "bus.kafka.password_file"));
  options.connection.mechanism = config.mechanism();
  options.topics.create = config.topics().create();
  options.topics.partitions = static_cast<int>(config.topics().partitions());
  options.topics.replication = static_cast<int>(config.topics().replication());
  options.topics.min_insync = static_cast<int>(config.topics().min_insync());
  options.topics.retention = FromProto(config.topics().retention());
  options.prefix = config.prefix();
  options.instance = own.instance();
  options.schemas = {own.name()};
  options.shards = static_cast<int>(config.outbox_shards());
  options.session = FromProto(config.session());
  if (MayHaveReplicas(all, own)) options.look = kLookForReplicas;
  return options;
}

Result<std::unique_ptr<content::Store>> OpenContent(const config::v1::Config& config, runtime::BackEnds& back,
                                                    const Clock& clock) {
  const config::v1::S3& s3 = config.storage().s3();
  content::DistributedOptions options;
  options.s3.endpoint = s3.endpoint();
  options.s3.bucket = s3.bucket();
  options.s3.ca_file = s3.ca_file();
  options.s3.signer.access_key_id = s3.access_key();
  options.s3.signer.region = s3.region();
  SEKISHO_TRY(options.s3.signer.secret_access_key, ReadSecret(s3.secret_key_file(), "storage.s3.secret_key_file"));
  options.prefix = s3.prefix();
  options.small_limit = config.storage().small_content();
  return content::OpenDistributed(options, *back.database, *back.keys, clock);
}

}  // namespace

Result<runtime::BackEnds> Open(const config::v1::Config& config, const config::v1::Service& own, const Clock& clock) {
  runtime::BackEnds back;
  const config::v1::Keys& ring = config.keys();
  SEKISHO_TRY(back.keys, ring.mounted() ? keys::OpenMountedRing(ring.ring_file(), clock)
                                        : keys::OpenFileRing(ring.ring_file(), ring.create(), clock));
  SEKISHO_TRY(const Secret<std::string> conninfo, ConnectionTo(config.storage().postgres()));
  SEKISHO_TRY(back.database, OpenDatabase(config.storage().postgres(), conninfo));
  SEKISHO_TRY(bus::KafkaOptions options, OptionsOf(config, own));
  const auto shard_lock = std::make_shared<PostgresShardLock>(conninfo);
  options.shard_lock = shard_lock.get();
  back.guards.push_back(shard_lock);
  SEKISHO_TRY(std::unique_ptr<bus::KafkaBus> bus, bus::OpenKafka(*back.database, options));
  back.unpublished = Unpublished(*bus);
  back.bus = std::move(bus);
  back.open_tail = [options](bus::Topic topic, size_t newest) { return bus::OpenKafkaTail(options, topic, newest); };
  SEKISHO_TRY(back.content, OpenContent(config, back, clock));
  return back;
}

}  // namespace sekisho::distributed

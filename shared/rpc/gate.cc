#include "shared/rpc/gate.h"

#include <array>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "shared/net/address_key.h"
#include "shared/net/listener.h"
#include "shared/net/stream.h"
#include "shared/observe/log.h"
#include "shared/observe/metrics.h"
#include "shared/rpc/http2_check.h"
#include "shared/rpc/peers.h"

namespace sekisho::rpc {
namespace {

constexpr size_t kThreads = 2;
constexpr size_t kPiece = 32 << 10;
constexpr auto kHandshakeLimit = std::chrono::seconds(30);  // until the client's first octets

}  // namespace

struct Gate::Impl : std::enable_shared_from_this<Gate::Impl> {
  class Connection;

  Impl(GateOptions its_options, HandOver its_hand_over)
      : options(std::move(its_options)), hand_over(std::move(its_hand_over)), tls(options.tls) {}

  bool Enter(const std::string& key) {
    const std::scoped_lock lock(mutex);
    size_t& of_address = open_by_address[key];
    if (of_address < options.max_connections_per_address && open < options.max_connections) {
      ++of_address;
      ++open;
      return true;
    }
    if (of_address == 0) open_by_address.erase(key);
    return false;
  }
  void Leave(const std::string& key) {
    const std::scoped_lock lock(mutex);
    --open;
    const auto found = open_by_address.find(key);
    if (--found->second == 0) open_by_address.erase(found);
  }
  void Accept(net::Stream stream);
  static void CountRefused(const std::string& why) {
    observe::Metrics::Global()
        .GetCounter("sekisho_rpc_connections_refused_total", "gRPC connections that were refused or cut",
                    {{"why", why}})
        .Add();
  }

  std::shared_ptr<net::TlsContext> Tls() {
    const std::scoped_lock lock(mutex);
    return tls;
  }

  const GateOptions options;
  const HandOver hand_over;
  std::mutex mutex;
  std::shared_ptr<net::TlsContext> tls;
  size_t open = 0;
  std::map<std::string, size_t> open_by_address;

  // One set for each loop, touched on it alone.
  std::array<std::set<std::shared_ptr<Connection>>, kThreads> connections;
  net::IoPool pool{kThreads};  // operations that it drops in the end are of connections
  std::unique_ptr<net::Listener> listener;
};

// A client and its socket at the server's. Lives in the gate's set, on one loop.
class Gate::Impl::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Impl& gate, net::Stream client, std::string key)
      : gate_(gate),
        loop_(client.loop()),
        key_(std::move(key)),
        client_(*this, std::move(client)),
        server_(*this, net::Stream(loop_)) {}
  ~Connection() {
    Peers::Global().Remove(name_);
    gate_.Leave(key_);
  }

  void Start() {
    client_.Own();
    client_.stream.SetDeadline(kHandshakeLimit);
    tls_ = gate_.Tls();
    if (tls_ == nullptr) return Join();
    client_.stream.SecureAsServer(*tls_);
  }

 private:
  // One of the two sockets. What comes in by it goes out by the other before more is read.
  struct Side final : net::Stream::Owner {
    Side(Connection& its_parent, net::Stream its_stream) : parent(its_parent), stream(std::move(its_stream)) {}
    void Own() { stream.SetOwner(std::shared_ptr<net::Stream::Owner>(parent.shared_from_this(), this)); }
    void Read() { stream.Read(piece.data(), piece.size()); }

    void OnOpen(Status) override {}
    void OnSecure(Status status) override { status.ok() ? parent.Join() : parent.End("handshake"); }
    void OnRead(Result<size_t> octets) override {
      if (!octets.ok() || *octets == 0) return parent.Closed(*this);
      parent.PassOn(*this, std::string_view(piece.data(), *octets));
    }
    void OnWritten(Status status) override {
      if (status.ok()) return parent.Other(*this).Read();
      // A server that takes no more may still have something to say, and ends it itself.
      if (this != &parent.server_) parent.End("");
    }
    void OnDeadline() override { parent.End("silent"); }

    Connection& parent;
    net::Stream stream;
    std::array<char, kPiece> piece;
  };

  Side& Other(const Side& side) { return &side == &client_ ? server_ : client_; }

  void Join() {
    name_ = Peers::Global().NewName();
    auto pair = net::Stream::MakePair(loop_, name_);
    if (!pair.ok()) return End("exhausted");
    server_.stream = std::move(pair->stream);
    server_.Own();
    Peers::Global().Add(name_, {client_.stream.remote_address(), client_.stream.PeerNames()});
    gate_.hand_over(pair->other);
    client_.Read();
    server_.Read();
  }

  void PassOn(Side& from, std::string_view octets) {
    if (&from == &client_) {
      client_.stream.ClearDeadline();
      const Status checked = check_.Check(octets, std::chrono::steady_clock::now());
      if (!checked.ok()) return End(checked.error().code == Code::kLimit ? "flood" : "not_http2");
    }
    const std::array<std::string_view, 1> pieces = {octets};
    Other(from).stream.Write(pieces);
  }

  // What the server said last has been written: it shall arrive.
  void Closed(const Side& side) {
    if (&side == &server_) net::Stream::Finish(std::exchange(client_.stream, net::Stream(loop_)));
    End("");
  }

  // `why`: for the metric; empty when either side closed.
  void End(const std::string& why) {
    if (!why.empty()) CountRefused(why);
    if (why == "flood") observe::Log(observe::Level::kWarn, "rpc.flood");
    Peers::Global().Remove(name_);
    client_.stream = net::Stream(loop_);  // closed
    server_.stream = net::Stream(loop_);
    gate_.connections[loop_.index()].erase(shared_from_this());
  }

  Impl& gate_;
  net::Loop& loop_;
  const std::string key_;
  std::string name_;                      // of the socket at the server's
  std::shared_ptr<net::TlsContext> tls_;  // as it was when the client came
  Http2Check check_;
  Side client_, server_;
};

void Gate::Impl::Accept(net::Stream stream) {
  std::string key = net::AddressKey(stream.remote_address());
  if (!Enter(key)) return CountRefused("too_many");
  const size_t loop = stream.loop().index();
  const auto connection = std::make_shared<Connection>(*this, std::move(stream), std::move(key));
  connections[loop].insert(connection);
  connection->Start();
}

Gate::Gate(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Gate>> Gate::Open(GateOptions options, HandOver hand_over) {
  auto impl = std::make_shared<Impl>(std::move(options), std::move(hand_over));
  SEKISHO_TRY(impl->listener,
              net::Listener::Open(impl->pool, impl->options.address,
                                  [&gate = *impl](net::Stream stream) { gate.Accept(std::move(stream)); }));
  return std::unique_ptr<Gate>(new Gate(std::move(impl)));
}

Gate::~Gate() {
  Close();
  impl_->pool.Stop();
  for (auto& connections : impl_->connections) connections.clear();
}

int Gate::port() const { return impl_->listener->port(); }
void Gate::Close() { impl_->listener->Close(); }

void Gate::UseTls(std::shared_ptr<net::TlsContext> tls) {
  const std::scoped_lock lock(impl_->mutex);
  impl_->tls = std::move(tls);
}

}  // namespace sekisho::rpc

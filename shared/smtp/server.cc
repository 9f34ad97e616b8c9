#include "shared/smtp/server.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "shared/net/listener.h"
#include "shared/net/stream.h"
#include "shared/smtp/server_session.h"

namespace sekisho::smtp {
namespace {

constexpr size_t kReadSize = 32 * 1024;
constexpr auto kRateGrace = std::chrono::seconds(30);
constexpr auto kRateWindow = std::chrono::minutes(1);
constexpr size_t kMostKeys = 100'000;

// Failed logins of the last minute, by address and by login.
class LoginRates {
 public:
  explicit LoginRates(size_t limit) : limit_(limit) {}

  bool Allowed(const std::string& key, std::chrono::steady_clock::time_point now) {
    const std::scoped_lock lock(mutex_);
    const auto found = counts_.find(key);
    return found == counts_.end() || now - found->second.first >= kRateWindow || found->second.second < limit_;
  }
  void Failed(const std::string& key, std::chrono::steady_clock::time_point now) {
    const std::scoped_lock lock(mutex_);
    if (counts_.size() >= kMostKeys) counts_.clear();
    auto& [since, count] = counts_[key];
    if (now - since >= kRateWindow) {
      since = now;
      count = 0;
    }
    ++count;
  }

 private:
  const size_t limit_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::pair<std::chrono::steady_clock::time_point, size_t>> counts_;
};

// An IPv6 host has a whole /64 to call from.
std::string LimitKey(const std::string& address) {
  if (address.find(':') == std::string::npos) return address;
  size_t end = 0;
  for (int groups = 0; groups < 4 && end != std::string::npos; ++groups) end = address.find(':', end + (groups > 0 ? 1 : 0));
  return address.substr(0, end);
}

struct Counters {
  std::atomic<uint64_t> open{0}, all{0}, refused{0}, handshakes_failed{0}, logins_failed{0}, logins_limited{0}, timeouts{0},
      accepted{0}, mails_refused{0};
};

}  // namespace

void Receiver::OnAuth(const Peer&, std::string, Secret<std::string>, Answer answer) {
  answer(Reply(504, "5.5.4", "logins are not taken here"));
}

namespace {

class Connection;

}  // namespace

struct Server::Impl {
  Impl(ServerOptions o, MakeReceiver m, net::IoPool& p, const Clock& c)
      : options(std::move(o)), make(std::move(m)), pool(p), clock(c), rates(options.login_failures_per_minute) {}

  ServerOptions options;
  MakeReceiver make;
  net::IoPool& pool;
  const Clock& clock;
  LoginRates rates;
  Counters counters;
  std::unique_ptr<net::Listener> listener;

  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::shared_ptr<Connection>> connections;
  std::map<std::string, size_t> by_address;
  bool stopping = false;
  bool stopped = false;
};

namespace {

// One client. Everything happens on its stream's loop.
class Connection final : public net::Stream::Owner, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Server::Impl> server, net::Stream stream) : holder_(std::move(server)), server_(*holder_), loop_(stream.loop()), stream_(std::move(stream)) {
    peer_.address = stream_->remote_address();
    peer_.loopback = stream_->remote_is_loopback();
  }

  const std::string& address() const { return peer_.address; }
  net::Loop& loop() const { return loop_; }

  // On the loop. The first words, or the handshake.
  void Start() {
    stream_->SetOwner(this);
    if (server_.options.tls == ServerOptions::Tls::kImplicit) {
      stream_->SetDeadline(server_.options.command_timeout);
      stream_->SecureAsServer(*server_.options.tls_context);
      return;
    }
    Begin(false);
  }
  void Refuse(const Reply& reply) {
    stream_->SetOwner(this);
    ++server_.counters.refused;
    MakeSession(false).Close(reply);
    session_->TakeOutput();  // no greeting: the refusal stands in its place
    out_ = FormatReply(reply);
    closing_ = true;
    Flush();
  }
  // The server stops: at once when no mail is under way.
  void AskToEnd() {
    if (!stream_) return;
    ending_ = true;
    if (waiting_for_input_ && session_ && session_->idle()) SayGoodbye();
  }
  void CutOff() { End(); }

  void OnOpen(Status) override {}
  void OnSecure(Status status) override {
    if (!status.ok()) {
      ++server_.counters.handshakes_failed;
      return End();
    }
    peer_.tls = stream_->tls();
    peer_.certificate_sha256 = stream_->PeerCertificateSha256();
    if (session_) {
      session_->TlsStarted();
      Turn();
    } else {
      Begin(true);
    }
  }
  void OnRead(Result<size_t> octets) override {
    waiting_for_input_ = false;
    if (!octets.ok() || *octets == 0) return End();
    session_->Feed({buffer_.data(), *octets});
    if (session_->in_content()) NoteRate(*octets);
    Turn();
  }
  void OnWritten(Status status) override {
    writing_ = false;
    out_.clear();
    if (!status.ok()) return End();
    if (closing_) return Finish();
    if (handshake_next_) {
      handshake_next_ = false;
      stream_->SetDeadline(server_.options.command_timeout);
      stream_->SecureAsServer(*server_.options.tls_context);
      return;
    }
    ReadMore();
  }
  void OnDeadline() override {
    ++server_.counters.timeouts;
    if (writing_ || !session_ || !waiting_for_input_) return End();
    waiting_for_input_ = false;  // the read under way ends with the stream
    session_->Close(Reply(421, "4.4.2", "too long without a word; closing"));
    Turn();
  }

 private:
  ServerSession& MakeSession(bool tls) {
    const ServerOptions& from = server_.options;
    SessionOptions options;
    options.hostname = from.hostname;
    options.starttls = from.tls == ServerOptions::Tls::kStartTls;
    options.auth = from.auth;
    options.auth_required = from.auth_required;
    options.max_size = from.max_size;
    options.max_recipients = from.max_recipients;
    options.max_errors = from.max_errors;
    options.normalize_bare_lf = from.normalize_bare_lf;
    return session_.emplace(std::move(options), tls);
  }

  void Begin(bool tls) {
    auto receiver = server_.make(peer_);
    if (!receiver.ok()) return Refuse(ReplyTo(receiver.error()));
    receiver_ = *std::move(receiver);
    MakeSession(tls);
    Turn();
  }

  // Goes on until the session wants input or an answer is awaited. An answer that comes at once goes on in the same loop, so that a
  // pipelined batch is one write, and the stack stays flat.
  void Turn() {
    if (turning_) return;
    turning_ = true;
    const std::shared_ptr<Connection> self = shared_from_this();
    while (stream_ && !awaiting_ && !writing_ && !waiting_for_input_ && !handshake_next_) {
      Act(session_->Next());
      if (stop_turn_) break;
    }
    stop_turn_ = false;
    turning_ = false;
  }

  void Act(Action action) {
    using Kind = Action::Kind;
    peer_.hello = session_->client_name();
    peer_.extended = session_->extended();
    switch (action.kind) {
      case Kind::kNeedInput:
        stop_turn_ = true;
        if (ending_ && session_->idle()) return SayGoodbye();
        out_ = session_->TakeOutput();
        return out_.empty() ? ReadMore() : Flush();
      case Kind::kStartTls:
        stop_turn_ = true;
        handshake_next_ = true;
        out_ = session_->TakeOutput();
        return Flush();
      case Kind::kClose:
        stop_turn_ = true;
        closing_ = true;
        out_ = session_->TakeOutput();
        return out_.empty() ? Finish() : Flush();
      case Kind::kAuth: return Login(std::move(action));
      case Kind::kMail:
        peer_.login = session_->login();
        return Ask([&](auto answer) { receiver_->OnMail(peer_, action.mail, std::move(answer)); }, &Connection::CountRefusal);
      case Kind::kRcpt: return Ask([&](auto answer) { receiver_->OnRcpt(action.rcpt, std::move(answer)); }, nullptr);
      case Kind::kBeginContent:
        rate_since_ = server_.clock.Steady();
        rate_octets_ = 0;
        return Ask([&](auto answer) { receiver_->OnBegin(std::move(answer)); }, &Connection::CountRefusal);
      case Kind::kContent: return Give(action.content);
      case Kind::kEndContent: return Ask([&](auto answer) { receiver_->OnEnd(std::move(answer)); }, &Connection::CountEnd);
      case Kind::kAbort: return receiver_->OnAbort();
    }
  }

  void CountRefusal(const Reply& reply) {
    if (!reply.positive()) ++server_.counters.mails_refused;
  }
  void CountEnd(const Reply& reply) { ++(reply.positive() ? server_.counters.accepted : server_.counters.mails_refused); }

  // What an owner's answer holds. When the last copy is dropped uncalled, that is an answer too.
  class Promise {
   public:
    Promise(std::weak_ptr<Connection> to, net::Loop& loop, uint64_t turn) : to_(std::move(to)), loop_(loop), turn_(turn) {}
    ~Promise() {
      if (!kept_.exchange(true)) Send(Reply(451, "4.3.0", "a failure on our side; try again later"));
    }
    void Keep(Reply reply) {
      if (!kept_.exchange(true)) Send(std::move(reply));
    }

   private:
    void Send(Reply reply) {
      if (loop_.IsCurrent()) {
        if (const auto connection = to_.lock()) connection->Answered(turn_, reply);
        return;
      }
      loop_.Post([to = to_, turn = turn_, reply = std::move(reply)] {
        if (const auto connection = to.lock()) connection->Answered(turn, reply);
      });
    }
    const std::weak_ptr<Connection> to_;
    net::Loop& loop_;
    const uint64_t turn_;
    std::atomic<bool> kept_{false};
  };

  template <typename Call>
  void Ask(Call call, void (Connection::*count)(const Reply&)) {
    awaiting_ = true;
    count_ = count;
    stream_->ClearDeadline();  // we are the ones who take long now
    const auto promise = std::make_shared<Promise>(weak_from_this(), loop_, ++turn_);
    call(Receiver::Answer([promise](Reply reply) { promise->Keep(std::move(reply)); }));
  }

  void Answered(uint64_t turn, const Reply& reply) {
    if (!stream_ || !awaiting_ || turn != turn_) return;
    awaiting_ = false;
    if (count_ != nullptr) (this->*count_)(reply);
    session_->Answer(reply);
    Turn();
  }

  void Give(std::string_view content) {
    awaiting_ = true;
    const uint64_t turn = ++turn_;
    receiver_->OnContent(content, [weak = weak_from_this(), &loop = loop_, turn](Status status) {
      const auto done = [weak, turn, status] {
        const auto connection = weak.lock();
        if (!connection || !connection->stream_ || turn != connection->turn_) return;
        connection->awaiting_ = false;
        if (!status.ok()) {
          ++connection->server_.counters.mails_refused;
          connection->session_->RefuseContent(ReplyTo(status.error()));
        }
        connection->Turn();
      };
      if (loop.IsCurrent()) done();
      else loop.Post(done);
    });
  }

  void Login(Action action) {
    const auto now = server_.clock.Steady();
    if (!server_.rates.Allowed("a:" + peer_.address, now) || !server_.rates.Allowed("l:" + action.login, now)) {
      ++server_.counters.logins_limited;
      session_->Answer(Reply(454, "4.7.0", "too many failed logins; wait a minute"));
      return;
    }
    asked_login_ = action.login;
    Ask([&](auto answer) { receiver_->OnAuth(peer_, std::move(action.login), std::move(action.password), std::move(answer)); },
        &Connection::CountLogin);
  }
  void CountLogin(const Reply& reply) {
    if (reply.code != 535) return;
    ++server_.counters.logins_failed;
    const auto now = server_.clock.Steady();
    server_.rates.Failed("a:" + peer_.address, now);
    server_.rates.Failed("l:" + asked_login_, now);
  }

  // A client that sends its mail octet by octet holds a place for ever.
  void NoteRate(size_t octets) {
    rate_octets_ += octets;
    const auto passed = server_.clock.Steady() - rate_since_;
    if (passed < kRateGrace) return;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(passed).count();
    if (rate_octets_ >= static_cast<uint64_t>(seconds) * server_.options.min_bytes_per_second) return;
    ++server_.counters.timeouts;
    session_->Close(Reply(421, "4.4.2", "the mail comes too slowly; closing"));
  }

  void ReadMore() {
    if (!stream_ || waiting_for_input_) return;
    if (buffer_.empty()) buffer_.resize(kReadSize);
    waiting_for_input_ = true;
    stream_->SetDeadline(session_->in_content() ? server_.options.command_timeout : server_.options.idle_timeout);
    stream_->Read(buffer_.data(), buffer_.size());
  }
  void Flush() {
    writing_ = true;
    stream_->SetDeadline(server_.options.command_timeout);
    const std::string_view piece = out_;
    stream_->Write({&piece, 1});
  }
  void SayGoodbye() {
    if (writing_ || closing_) return;
    closing_ = true;
    out_ = session_->TakeOutput() + FormatReply(Reply(421, "4.3.2", "the server is stopping; try again later"));
    Flush();
  }
  void Finish() {
    if (!stream_) return;
    net::Stream stream = std::move(*stream_);
    stream_.reset();
    net::Stream::Finish(std::move(stream));
    Forget();
  }
  void End() {
    if (!stream_) return;
    stream_.reset();
    Forget();
  }
  void Forget();

  const std::shared_ptr<Server::Impl> holder_;  // Stop returns when the last is forgotten, not when it is destroyed
  Server::Impl& server_;
  net::Loop& loop_;
  std::optional<net::Stream> stream_;
  Peer peer_;
  std::optional<ServerSession> session_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<char> buffer_;
  std::string out_, asked_login_;
  void (Connection::*count_)(const Reply&) = nullptr;
  uint64_t turn_ = 0;
  bool awaiting_ = false, writing_ = false, waiting_for_input_ = false, closing_ = false, ending_ = false;
  bool handshake_next_ = false, turning_ = false, stop_turn_ = false;
  std::chrono::steady_clock::time_point rate_since_{};
  uint64_t rate_octets_ = 0;
};

void Connection::Forget() {
  receiver_.reset();
  --server_.counters.open;
  const std::scoped_lock lock(server_.mutex);
  const auto count = server_.by_address.find(LimitKey(peer_.address));
  if (count != server_.by_address.end() && --count->second == 0) server_.by_address.erase(count);
  server_.connections.erase(shared_from_this());
  server_.changed.notify_all();
}

// On the connection's loop.
void Accept(const std::shared_ptr<Server::Impl>& server, net::Stream stream) {
  auto connection = std::make_shared<Connection>(server, std::move(stream));
  std::optional<Reply> refusal;
  {
    const std::scoped_lock lock(server->mutex);
    size_t& from_here = server->by_address[LimitKey(connection->address())];
    if (server->stopping) refusal = Reply(421, "4.3.2", "the server is stopping; try again later");
    else if (server->connections.size() >= server->options.max_connections) refusal = Reply(421, "4.7.0", "too many connections; try again later");
    else if (from_here >= server->options.max_connections_per_address) {
      refusal = Reply(421, "4.7.0", "too many connections from your address; try again later");
    }
    ++from_here;
    server->connections.insert(connection);
  }
  ++server->counters.open;
  ++server->counters.all;
  if (refusal) connection->Refuse(*refusal);
  else connection->Start();
}

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, MakeReceiver make, net::IoPool& pool, const Clock& clock) {
  auto impl = std::make_shared<Impl>(std::move(options), std::move(make), pool, clock);
  SEKISHO_TRY(impl->listener, net::Listener::Open(pool, impl->options.address, [weak = std::weak_ptr(impl)](net::Stream stream) {
                if (const auto server = weak.lock()) Accept(server, std::move(stream));
              }));
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() { Stop(Duration{}); }

std::string Server::address() const { return impl_->listener->address(); }
uint16_t Server::port() const { return impl_->listener->port(); }

ServerCounts Server::counts() const {
  const Counters& from = impl_->counters;
  return {from.open, from.all, from.refused, from.handshakes_failed, from.logins_failed,
          from.logins_limited, from.timeouts, from.accepted, from.mails_refused};
}

void Server::Stop(Duration limit) {
  {
    const std::scoped_lock lock(impl_->mutex);
    if (std::exchange(impl_->stopped, true)) return;
    impl_->stopping = true;
  }
  impl_->listener->Close();
  const auto each = [&](void (Connection::*what)()) {
    const std::scoped_lock lock(impl_->mutex);
    for (const auto& connection : impl_->connections) {
      connection->loop().Post([connection, what] { (connection.get()->*what)(); });
    }
  };
  each(&Connection::AskToEnd);
  const auto empty = [&] { return impl_->connections.empty(); };
  std::unique_lock lock(impl_->mutex);
  if (impl_->changed.wait_for(lock, limit, empty)) return;
  lock.unlock();
  each(&Connection::CutOff);
  lock.lock();
  impl_->changed.wait(lock, empty);
}

}  // namespace sekisho::smtp

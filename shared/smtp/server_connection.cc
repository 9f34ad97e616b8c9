#include "shared/smtp/server_connection.h"

#include <algorithm>

#include "shared/base/bytes.h"
#include "shared/net/address_key.h"

namespace sekisho::smtp {
namespace {

using Kind = ServerSession::Kind;

constexpr auto kRateGrace = std::chrono::seconds(10);

ServerSession::Options SessionOptions(const ServerOptions& options) {
  return {.hostname = options.hostname,
          .starttls = options.tls == ServerOptions::Tls::kStartTls,
          .auth = options.auth,
          .auth_required = options.auth_required,
          .normalize_bare_lf = options.normalize_bare_lf,
          .max_size = options.max_size,
          .max_recipients = options.max_recipients,
          .max_errors = options.max_errors};
}

Reply Stopping() { return {421, "4.3.2", "the server is stopping; try again later"}; }
Reply Dropped(Reply*) { return {451, "4.3.0", "a failure on our side; try again later"}; }
Status Dropped(Status*) { return MakeError(Code::kInternal, "an answer was dropped"); }

}  // namespace

// What the receiver owes. It holds the connection, and with it the octets of content that the receiver may still be
// reading.
template <typename T>
class ServerConnection::Question {
 public:
  explicit Question(std::shared_ptr<ServerConnection> asker) : asker_(std::move(asker)) {}
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;
  ~Question() { Answer(Dropped(static_cast<T*>(nullptr))); }

  void Answer(T answer) {
    const std::shared_ptr<ServerConnection> asker = std::move(asker_);
    if (asker == nullptr) return;  // answered before
    if (asker->loop_.IsCurrent()) return asker->Answered(std::move(answer));
    asker->loop_.Post([asker, answer = std::move(answer)]() mutable { asker->Answered(std::move(answer)); });
  }

 private:
  std::shared_ptr<ServerConnection> asker_;
};

template <>
std::optional<Reply>& ServerConnection::at_once() {
  return reply_at_once_;
}
template <>
std::optional<Status>& ServerConnection::at_once() {
  return taken_at_once_;
}

ServerConnection::ServerConnection(std::shared_ptr<ServerCore> core, net::Stream stream)
    : core_(std::move(core)), loop_(stream.loop()), stream_(std::move(stream)) {
  peer_.address = stream_.remote_address();
  peer_.loopback = stream_.remote_is_loopback();
  address_key_ = net::AddressKey(peer_.address);
}

void ServerConnection::Start() {
  stream_.SetOwner(weak_from_this());
  core_->Add(shared_from_this());
  ++core_->counters.connections;
  entered_ = core_->Enter(address_key_);
  if (!entered_) return Refuse(Reply(421, "4.7.0", "too many connections; try again later"));
  auto receiver = core_->make(peer_);
  if (!receiver.ok()) return Refuse(ReplyTo(receiver.error()));
  receiver_ = *std::move(receiver);
  if (core_->options.tls == ServerOptions::Tls::kImplicit) return Secure();
  session_.emplace(SessionOptions(core_->options), false);
  Run();
}

// Without a greeting: who waits for a handshake would not understand a word, and is closed.
void ServerConnection::Refuse(const Reply& reply) {
  ++core_->counters.connections_refused;
  if (core_->options.tls == ServerOptions::Tls::kImplicit) return End();
  AppendReply(reply, writing_);
  doing_ = Doing::kWriting;
  after_write_ = After::kFinish;
  stream_.SetDeadline(core_->options.command_timeout);
  const std::string_view piece = writing_;
  stream_.Write({&piece, 1});
}

void ServerConnection::Drain() {
  draining_ = true;
  if (doing_ == Doing::kSecuring) return End();
  if (doing_ != Doing::kReading || !session_->idle()) return;  // seen to when it next needs input
  session_->Close(Stopping());
  Run();
}

void ServerConnection::Abort() { End(); }

void ServerConnection::End() {
  if (!std::exchange(open_, false)) return;
  const auto self = shared_from_this();
  if (session_) {
    const ServerSession::Counts counts = session_->TakeCounts();
    core_->counters.mails_accepted += counts.accepted;
    core_->counters.mails_refused += counts.refused;
  }
  receiver_.reset();
  { const net::Stream closed = std::move(stream_); }
  if (entered_) core_->Leave(address_key_);
  if (!login_entered_.empty()) core_->LeaveLogin(login_entered_);
  core_->Remove(self);
}

// ---- The session's turns

void ServerConnection::Run() {
  while (open_ && Handle(session_->Next())) {
  }
}

// True when the session may go on at once.
bool ServerConnection::Handle(const ServerSession::Action& action) {
  switch (action.kind) {
    case Kind::kNeedInput:
      if (draining_ && session_->idle()) {
        session_->Close(Stopping());
        return true;
      }
      Flush(After::kRead);
      return false;
    case Kind::kStartTls:
      Flush(After::kSecure);
      return false;
    case Kind::kClose:
      Flush(After::kFinish);
      return false;
    case Kind::kAbort:
      receiver_->OnAbort();
      return true;
    case Kind::kAuth:
      return AskForLogin(action);
    case Kind::kMail:
      return Ask<Reply>([&](auto answer) { receiver_->OnMail(CurrentPeer(), *action.mail, std::move(answer)); });
    case Kind::kRcpt:
      return Ask<Reply>([&](auto answer) { receiver_->OnRcpt(*action.rcpt, std::move(answer)); });
    case Kind::kBegin:
      content_waited_ = {};
      content_came_ = 0;
      return Ask<Reply>([&](auto answer) { receiver_->OnBegin(std::move(answer)); });
    case Kind::kContent:
      return Ask<Status>([&](auto taken) { receiver_->OnContent(action.content, std::move(taken)); });
    case Kind::kEnd:
      return Ask<Reply>([&](auto answer) { receiver_->OnEnd(std::move(answer)); });
  }
  return false;
}

bool ServerConnection::AskForLogin(const ServerSession::Action& action) {
  login_tried_ = *action.login;
  if (!core_->logins->Allows(address_key_, login_tried_, core_->clock.Steady())) {
    ++core_->counters.logins_limited;
    login_tried_.clear();
    session_->Answer(Reply(454, "4.7.0", "too many failed logins; try again in a minute"));
    return true;
  }
  return Ask<Reply>(
      [&](auto answer) { receiver_->OnAuth(CurrentPeer(), login_tried_, *action.password, std::move(answer)); });
}

// True when the receiver answered at once.
template <typename T, typename Call>
bool ServerConnection::Ask(Call call) {
  stream_.ClearDeadline();  // the receiver's time is not the client's
  doing_ = Doing::kAsking;
  const auto question = std::make_shared<Question<T>>(shared_from_this());
  calling_ = true;
  call([question](T answer) { question->Answer(std::move(answer)); });
  calling_ = false;
  std::optional<T>& answer = at_once<T>();
  if (!answer) return false;
  Settle(*std::exchange(answer, std::nullopt));
  return true;
}

void ServerConnection::Answered(Reply reply) {
  if (!open_) return;
  if (calling_) {
    reply_at_once_ = std::move(reply);
    return;
  }
  Settle(reply);
  Run();
}

void ServerConnection::Answered(Status taken) {
  if (!open_) return;
  if (calling_) {
    taken_at_once_ = std::move(taken);
    return;
  }
  Settle(taken);
  Run();
}

void ServerConnection::Settle(const Reply& reply) {
  bool one_too_many = false;
  if (!login_tried_.empty()) {
    if (reply.code == 535) {
      ++core_->counters.logins_failed;
      core_->logins->Failed(address_key_, login_tried_, core_->clock.Steady());
    } else if (reply.code == 235) {
      core_->logins->Succeeded(address_key_, login_tried_, core_->clock.Steady());
      std::string login = AsciiLower(login_tried_);
      one_too_many = !core_->EnterLogin(login);
      if (!one_too_many) login_entered_ = std::move(login);
    }
    login_tried_.clear();
  }
  session_->Answer(one_too_many ? Reply(454, "4.7.0", "too many connections of this login at once") : reply);
}

const Peer& ServerConnection::CurrentPeer() {
  peer_.hello = session_->hello();
  peer_.extended = session_->extended();
  peer_.login = session_->login();
  return peer_;
}

// ---- The stream's turns

void ServerConnection::Flush(After after) {
  const ServerSession::Counts counts = session_->TakeCounts();
  core_->counters.mails_accepted += counts.accepted;
  core_->counters.mails_refused += counts.refused;
  after_write_ = after;
  doing_ = Doing::kWriting;
  waiting_since_ = core_->clock.Steady();
  writing_ = session_->TakeOutput();
  if (writing_.empty()) return OnWritten(Ok());
  stream_.SetDeadline(core_->options.command_timeout);
  const std::string_view piece = writing_;
  stream_.Write({&piece, 1});
}

void ServerConnection::OnWritten(Status status) {
  if (!status.ok()) return End();
  switch (after_write_) {
    case After::kRead:
      return Read();
    case After::kSecure:
      return Secure();
    case After::kFinish:
      net::Stream::Finish(std::move(stream_));
      return End();
  }
}

void ServerConnection::Read() {
  doing_ = Doing::kReading;
  Duration limit = core_->options.idle_timeout;
  if (session_->in_content()) {
    limit = core_->options.command_timeout;
    if (const uint64_t rate = core_->options.min_bytes_per_second; rate > 0) {
      const auto left = kRateGrace + std::chrono::milliseconds(content_came_ * 1000 / rate) - content_waited_;
      limit = std::clamp(std::chrono::duration_cast<Duration>(left), Duration{}, limit);
    }
  }
  stream_.SetDeadline(limit);
  const std::span<char> space = session_->InputSpace();
  stream_.Read(space.data(), space.size());
}

void ServerConnection::OnRead(Result<size_t> octets) {
  if (doing_ != Doing::kReading) return;  // it is being closed
  if (!octets.ok() || *octets == 0) return End();
  if (session_->in_content()) {
    content_came_ += *octets;
    content_waited_ += core_->clock.Steady() - waiting_since_;
  }
  session_->AddInput(*octets);
  doing_ = Doing::kNothing;
  Run();
}

void ServerConnection::Secure() {
  doing_ = Doing::kSecuring;
  stream_.SetDeadline(core_->options.command_timeout);
  stream_.SecureAsServer(*core_->options.tls_context);
}

void ServerConnection::OnSecure(Status status) {
  if (!status.ok()) {
    ++core_->counters.handshakes_failed;
    return End();
  }
  peer_.tls = stream_.tls();
  peer_.certificate_sha256 = stream_.PeerCertificateSha256();
  doing_ = Doing::kNothing;
  if (session_)
    session_->TlsStarted();
  else
    session_.emplace(SessionOptions(core_->options), true);
  Run();
}

void ServerConnection::OnDeadline() {
  ++core_->counters.timeouts;
  if (doing_ != Doing::kReading) return End();  // it reads nothing, or is silent in the handshake
  session_->Close(Reply(421, "4.4.2", "you are too slow; closing"));
  Run();
}

}  // namespace sekisho::smtp

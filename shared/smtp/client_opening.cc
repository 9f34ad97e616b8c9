// What comes before a first mail: connecting, the greeting, EHLO, TLS, a login.

#include "shared/base/bytes.h"
#include "shared/smtp/client_connection.h"

namespace sekisho::smtp {

using Tls = ClientOptions::Tls;

void ClientConnection::Open(const std::string& address, uint16_t port, OpenDone done) {
  opened_ = std::move(done);
  stream_.emplace(loop_);
  stream_->SetOwner(weak_from_this());
  stream_->SetDeadline(options_.timeouts.connect);
  stream_->Connect(address, port);
}

void ClientConnection::OnOpen(Status status) {
  if (!status.ok()) return FailOpening(Stage::kConnect, std::nullopt, status.error());
  if (options_.tls == Tls::kImplicit) return Secure();
  stage_ = Stage::kGreeting;
  owed_ = 1;
  stream_->SetDeadline(options_.timeouts.greeting);
  Read();
}

void ClientConnection::Secure() {
  stage_ = Stage::kTls;
  stream_->SetDeadline(options_.timeouts.command);
  const bool verify = options_.tls == Tls::kRequired || options_.tls == Tls::kImplicit;
  stream_->SecureAsClient(*options_.tls_context, options_.host, verify);
}

void ClientConnection::OnSecure(Status status) {
  if (!status.ok()) return FailOpening(Stage::kTls, std::nullopt, status.error());
  facts_.tls = stream_->tls();
  facts_.verified = stream_->verified();
  if (options_.tls == Tls::kVerifiedBy) {
    if (const Status approved = options_.verify(stream_->PeerChain()); !approved.ok()) {
      return FailOpening(Stage::kTls, std::nullopt, approved.error());
    }
    facts_.verified = true;
  }
  secured_ = true;
  if (options_.tls == Tls::kImplicit) {
    stage_ = Stage::kGreeting;
    owed_ = 1;
    stream_->SetDeadline(options_.timeouts.greeting);
    return Read();
  }
  // Nothing that was said in the clear counts.
  facts_.extensions.clear();
  SayHello(true);
  Read();
}

void ClientConnection::OnOpeningReply(const Reply& reply) {
  switch (stage_) {
    case Stage::kGreeting:
      if (reply.code != 220) return FailOpening(stage_, reply, std::nullopt);
      return SayHello(true);
    case Stage::kHello:
      return OnHello(reply);
    case Stage::kTls:
      if (reply.code != 220) return FailOpening(stage_, reply, std::nullopt);
      return Secure();
    default:
      return OnLoginReply(reply);
  }
}

void ClientConnection::SayHello(bool extended) {
  stage_ = Stage::kHello;
  extended_ = extended;
  Say((extended ? "EHLO " : "HELO ") + options_.hello + "\r\n", 1, options_.timeouts.command);
}

bool ClientConnection::MustHaveTls() const {
  return options_.tls == Tls::kRequired || options_.tls == Tls::kVerifiedBy || !options_.login.empty();
}

void ClientConnection::OnHello(const Reply& reply) {
  if (reply.code != 250) {
    // An old server (RFC 5321 §3.2). HELO offers nothing, TLS neither.
    if (extended_ && reply.permanent() && !MustHaveTls()) return SayHello(false);
    return FailOpening(stage_, reply, std::nullopt);
  }
  if (extended_) facts_.extensions = ParseExtensions(reply);
  if (!secured_ && options_.tls != Tls::kNone && facts_.extensions.contains("STARTTLS")) {
    stage_ = Stage::kTls;
    return Say("STARTTLS\r\n", 1, options_.timeouts.command);
  }
  if (!secured_ && MustHaveTls()) {
    return FailOpening(Stage::kTls, std::nullopt, MakeError(Code::kUnsupported, "the peer does not offer STARTTLS"));
  }
  if (options_.login.empty()) return Ready();
  LogIn();
}

void ClientConnection::LogIn() {
  stage_ = Stage::kAuth;
  const auto offered = facts_.extensions.find("AUTH");
  const std::string mechanisms = offered == facts_.extensions.end() ? "" : " " + offered->second + " ";
  const std::string& password = options_.password.Reveal();
  if (mechanisms.find(" PLAIN ") != std::string::npos) {
    const Secret<std::string> response(std::string(1, '\0') + options_.login + std::string(1, '\0') + password);
    return Say("AUTH PLAIN " + Base64Encode(response.Reveal()) + "\r\n", 1, options_.timeouts.command);
  }
  if (mechanisms.find(" LOGIN ") == std::string::npos) {
    return FailOpening(Stage::kAuth, std::nullopt,
                       MakeError(Code::kUnsupported, "the peer offers neither AUTH PLAIN nor LOGIN"));
  }
  login_steps_ = {Base64Encode(password) + "\r\n", Base64Encode(options_.login) + "\r\n"};
  Say("AUTH LOGIN\r\n", 1, options_.timeouts.command);
}

void ClientConnection::OnLoginReply(const Reply& reply) {
  if (reply.code == 235) return Ready();
  if (reply.code != 334 || login_steps_.empty()) return FailOpening(Stage::kAuth, reply, std::nullopt);
  std::string step = std::move(login_steps_.back());
  login_steps_.pop_back();
  Say(std::move(step), 1, options_.timeouts.command);
}

void ClientConnection::Ready() {
  stage_ = Stage::kMail;
  stream_->ClearDeadline();
  healthy_ = true;
  std::exchange(opened_, nullptr)(std::nullopt);
}

void ClientConnection::FailOpening(Stage stage, std::optional<Reply> reply, std::optional<Error> error) {
  Drop();
  Client::Opened failure;
  failure.stage = stage;
  failure.reply = std::move(reply);
  failure.error = std::move(error);
  std::exchange(opened_, nullptr)(std::move(failure));
}

}  // namespace sekisho::smtp

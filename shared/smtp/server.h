#pragma once
// An SMTP server: listens, speaks the protocol, and asks its owner what to do with each connection, login and mail. It
// knows nothing of who may send, nor of what becomes of a mail.
//
// Threads: everything about one connection happens on one loop of the pool, never two things at once. Answers may be
// given from any thread, at once or later; the connection waits for each before it goes on, and reads nothing
// meanwhile.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/net/io_pool.h"
#include "shared/net/tls_context.h"
#include "shared/smtp/command.h"
#include "shared/smtp/login_guard.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

// What is known of a connection; grows as it goes on.
struct Peer {
  std::string address;  // an address literal: "192.0.2.1", "2001:db8::1"
  bool loopback = false;
  std::string hello;               // what the client calls itself in EHLO or HELO
  bool extended = false;           // EHLO
  std::string tls;                 // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty in the clear
  std::string certificate_sha256;  // of its client certificate, lower-case hex; empty without one
  std::string login;               // as authenticated
};

// What the owner decides about one connection. Made when it is accepted, destroyed on its loop when it ends, even while
// an answer is owed: so what goes on after OnEnd must not need this object. An answer that is dropped uncalled says
// 451.
class Receiver {
 public:
  using Answer = std::function<void(Reply)>;  // call once; positive() lets the client go on
  using Taken = std::function<void(Status)>;

  virtual ~Receiver() = default;

  // Under TLS only. A positive reply is 235, and the login counts from then on. 535 counts as a failed login. One may
  // override it only where ServerOptions::auth is set.
  virtual void OnAuth(const Peer& peer, std::string login, Secret<std::string> password, Answer answer);

  // A mail begins; `peer` and `mail` are valid during the call.
  virtual void OnMail(const Peer& peer, const MailFrom& mail, Answer answer) = 0;
  virtual void OnRcpt(const RcptTo& rcpt, Answer answer) = 0;
  // The recipients are final, at least one was accepted, the content comes next (DATA, BDAT). A refusal ends the mail:
  // OnAbort is not called after it.
  virtual void OnBegin(Answer answer) = 0;
  // A piece of the content, unstuffed; valid until `taken` is called. An error ends the mail, and is what the client
  // hears after the content; OnAbort is not called after it.
  virtual void OnContent(std::string_view octets, Taken taken) = 0;
  // The whole content came, with CRLF line ends, no NUL, no line over 998 octets, within the size. A positive reply is
  // the promise that the mail is durable.
  virtual void OnEnd(Answer answer) = 0;
  // The mail that OnMail accepted will not end: RSET, EHLO, QUIT, or content that is refused. When the connection is
  // lost, only the destructor tells.
  virtual void OnAbort() = 0;
};

struct ServerOptions {
  enum class Tls { kNone, kStartTls, kImplicit };

  std::string address;   // "127.0.0.1:5587"; port 0: any free one
  std::string hostname;  // in the greeting
  Tls tls = Tls::kNone;
  std::shared_ptr<net::TlsContext> tls_context;  // unless kNone
  bool auth = false;                             // AUTH PLAIN and LOGIN are offered, under TLS only
  bool auth_required = false;                    // before MAIL FROM
  bool normalize_bare_lf = false;                // printers: LF is taken for CRLF, but only CRLF.CRLF ends DATA
  uint64_t max_size = 50 << 20;
  size_t max_recipients = 500;
  size_t max_errors = 20;  // of a client since its last accepted mail; then 421
  size_t max_connections = 1000;
  size_t max_connections_per_address = 200;            // an IPv6 /64 counts as one address; also of one login
  size_t min_bytes_per_second = 500;                   // of content, after the first 10 seconds
  std::shared_ptr<LoginGuard> logins;                  // one for all doors; absent: its own, 10 failures a minute
  Duration idle_timeout = std::chrono::minutes(5);     // between commands
  Duration command_timeout = std::chrono::minutes(5);  // within one: content, handshake, a reply that isn't read
};

// Since the start, but for connections_open.
struct ServerCounts {
  uint64_t connections_open = 0;
  uint64_t connections = 0;
  uint64_t connections_refused = 0;  // by a limit, or by the owner
  uint64_t handshakes_failed = 0;
  uint64_t logins_failed = 0;
  uint64_t logins_limited = 0;  // not even asked, for the rate
  uint64_t timeouts = 0;        // idle or too slow
  uint64_t mails_accepted = 0;
  uint64_t mails_refused = 0;  // at MAIL, DATA or after the content
};

class Server {
 public:
  // Called on the loop for each connection. An error refuses it: the client hears ReplyTo(error) and the connection is
  // closed.
  using MakeReceiver = std::function<Result<std::unique_ptr<Receiver>>(const Peer& peer)>;

  // Listens from now on. `pool` and `clock` outlive the server. Errors: kInvalid, kUnavailable (address in use),
  // kPermission.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, MakeReceiver make, net::IoPool& pool,
                                               const Clock& clock);
  ~Server();  // Stop at once

  std::string address() const;  // as bound, with its port
  uint16_t port() const;
  ServerCounts counts() const;

  // Accepts no more; clients without a mail under way hear 421; the others may end theirs within `limit`, then are cut
  // off. Blocks until no receiver is left. Not to be called on a thread of the pool. Idempotent.
  void Stop(Duration limit);

 private:
  struct Impl;
  explicit Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace sekisho::smtp

#pragma once
// One connection to a next hop, for many mails one after another (RFC 5321 §3). The owner has found the host; it pools,
// retries and decides what a reply means. This says exactly what was answered, and how far it came.
//
// Threads: any may call; call-backs come on a loop of the pool, each once, and are then destroyed. Nothing blocks.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"
#include "shared/net/io_pool.h"
#include "shared/net/tls_context.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

// How far a connection or a mail came. Whether the final dot may have reached the peer is the question that decides
// about trying again: from kAfterDot on, it may.
enum class Stage { kConnect, kGreeting, kHello, kTls, kAuth, kMail, kRcpt, kData, kInData, kAfterDot, kDone };
std::string_view StageName(Stage stage);  // "connect", "greeting", …, for logs and metrics

struct ClientOptions {
  enum class Tls {
    kNone,           // never
    kOpportunistic,  // where offered, whatever the certificate; a handshake that fails is an error: connect again with
                     // kNone
    kRequired,       // and the certificate must lead from the trust file to `host`
    kVerifiedBy,     // and `verify` must approve (DANE)
    kImplicit,       // from the first octet on (port 465), verified as kRequired
  };
  std::string hello;  // our name in EHLO
  Tls tls = Tls::kOpportunistic;
  std::shared_ptr<net::TlsContext> tls_context;  // unless kNone
  std::string host;                              // SNI, and the name a certificate must have
  // For kVerifiedBy: the peer's chain in DER, its own certificate first.
  std::function<Status(const std::vector<std::string>& chain)> verify;
  std::string login;  // AUTH when not empty; needs TLS
  Secret<std::string> password;

  // RFC 5321 §4.5.3.2.
  struct Timeouts {
    Duration connect = std::chrono::seconds(30);
    Duration greeting = std::chrono::minutes(5);
    Duration command = std::chrono::minutes(5);     // EHLO, the handshake, AUTH, MAIL, RCPT
    Duration data = std::chrono::minutes(2);        // until 354; never longer than `command`
    Duration data_block = std::chrono::minutes(3);  // to write a piece
    Duration data_end = std::chrono::minutes(10);   // from the dot to its reply
    Duration quit = std::chrono::seconds(5);
  } timeouts;
};

// One mail. The octets that `content` names stay until `done` of Send was called; `keep` may hold them.
struct Transaction {
  struct Recipient {
    std::string address;
    std::string notify;    // "NEVER", "SUCCESS,FAILURE"; empty: none given
    std::string original;  // ORCPT, decoded: "rfc822;user@example.jp"; empty: none
  };
  std::string mail_from;  // empty: the null sender
  std::vector<Recipient> recipients;
  bool smtputf8 = false;
  bool require_tls = false;
  std::string envid;                      // decoded
  std::string ret;                        // "FULL", "HDRS"; empty: none
  std::vector<std::string_view> content;  // one after another: trace headers of ours, then the mail
  std::shared_ptr<const void> keep;
};

struct Sent {
  // Where it ended; kDone when the final reply was read. kMail, kRcpt and kData: that reply was negative, or `error`
  // came while it was awaited; nothing of the content was sent.
  Stage stage = Stage::kMail;
  std::optional<Reply> mail;                     // to MAIL FROM
  std::vector<std::optional<Reply>> recipients;  // to RCPT, in order; none where it wasn't read
  std::optional<Reply> final;                    // to the content, or to DATA when that was refused
  // What stopped it, where no reply did. kUnsupported: the peer lacks what the mail needs (8BITMIME, SMTPUTF8,
  // REQUIRETLS), found before anything was sent. kMalformed: the content has a bare CR, a bare LF, a NUL or a line over
  // 998 octets. kUnavailable, kTimeout: the connection.
  std::optional<Error> error;
  bool reusable = false;  // for another mail
  // The connection was found closed, or closing (421), before MAIL was answered otherwise: if it had been used before,
  // the mail may simply go by another one.
  bool unanswered = false;
};

class Client {
 public:
  struct Opened {
    std::unique_ptr<Client> client;  // null: it failed
    Stage stage = Stage::kConnect;   // where
    std::optional<Reply> reply;      // a negative one, if that was the reason
    std::optional<Error> error;      // otherwise
  };
  // Connects to `address`, an address literal, and does all that comes before a first mail.
  static void Open(net::IoPool& pool, std::string_view address, uint16_t port, ClientOptions options,
                   std::function<void(Opened)> done);
  ~Client();  // Close()
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // One at a time: the next after `done` of the one before. After Close, `done` hears kCancelled.
  void Send(Transaction mail, std::function<void(Sent)> done);

  // False once the peer has closed, said 421, or spoken out of turn. It may still be true for a moment after.
  bool IsHealthy() const;
  std::string tls() const;    // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty in the clear
  bool tls_verified() const;  // the certificate leads from the trust file to `host`, or `verify` approved it
  bool Offers(std::string_view extension) const;  // "SMTPUTF8", as the last EHLO said

  // Says QUIT if nothing is under way, and closes; the client may be destroyed meanwhile.
  void Quit();
  // Breaks off: a Send under way ends soon, with what is known.
  void Close();

 private:
  struct Impl;
  explicit Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

}  // namespace sekisho::smtp

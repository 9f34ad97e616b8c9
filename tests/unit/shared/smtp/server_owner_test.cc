// The server and its owner: answers from other threads, late, never; TLS, logins, limits of rate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <fstream>
#include <future>
#include <thread>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/base/worker_pool.h"
#include "shared/smtp/server.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/pki.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/smtp/collecting_receiver.h"
#include "tests/unit/shared/smtp/wire.h"

namespace sekisho::smtp {
namespace {

using namespace std::string_literals;
using sekisho::testing::FakeClock;
using sekisho::testing::TemporaryFolder;
using sekisho::testing::TestCa;
using testing::CollectingReceiver;
using testing::Collection;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::Wire;

constexpr char kMail[] = "EHLO c.example\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n";

class ServerOwnerTest : public ::testing::Test {
 protected:
  ServerOwnerTest() {
    options_.address = "127.0.0.1:0";
    options_.hostname = "gw.example.jp";
  }
  void Start(Server::MakeReceiver make) {
    auto started = Server::Start(options_, std::move(make), pool_, clock_);
    ASSERT_TRUE(started.ok()) << started.error().ToString();
    server_ = *std::move(started);
  }
  template <typename R = CollectingReceiver>
  void Start() {
    Start([this](const Peer&) -> Result<std::unique_ptr<Receiver>> {
      return std::unique_ptr<Receiver>(std::make_unique<R>(seen_));
    });
  }
  static std::string Converse(Wire& wire, std::string_view octets, int replies) {
    wire.Say(octets);
    std::string codes;
    for (int i = 0; i < replies; ++i) codes += wire.Hear().substr(0, 3) + " ";
    return codes;
  }

  ServerOptions options_;
  FakeClock clock_;
  Collection seen_;
  WorkerPool workers_{"test", 2, 100};
  net::IoPool pool_{2};
  std::unique_ptr<Server> server_;
};

// Answers everything from another thread.
class LateReceiver final : public CollectingReceiver {
 public:
  LateReceiver(Collection& collection, WorkerPool& workers) : CollectingReceiver(collection), workers_(workers) {}
  void OnMail(const Peer& peer, const MailFrom& mail, Answer answer) override {
    CollectingReceiver::OnMail(peer, mail, Later(answer));
  }
  void OnRcpt(const RcptTo& rcpt, Answer answer) override { CollectingReceiver::OnRcpt(rcpt, Later(answer)); }
  void OnBegin(Answer answer) override { CollectingReceiver::OnBegin(Later(answer)); }
  void OnContent(std::string_view octets, Taken taken) override {
    EXPECT_TRUE(workers_.TryPost([this, octets, taken] { CollectingReceiver::OnContent(octets, taken); }));
  }
  void OnEnd(Answer answer) override { CollectingReceiver::OnEnd(Later(answer)); }

 private:
  Answer Later(Answer answer) {
    return [this, answer](Reply reply) { EXPECT_TRUE(workers_.TryPost([answer, reply] { answer(reply); })); };
  }
  WorkerPool& workers_;
};

TEST_F(ServerOwnerTest, AnswersMayComeFromAnyThread) {
  Start([this](const Peer&) -> Result<std::unique_ptr<Receiver>> {
    return std::unique_ptr<Receiver>(std::make_unique<LateReceiver>(seen_, workers_));
  });
  std::string content;
  for (int i = 0; i < 30'000; ++i) content += "a line of the mail\r\n";
  Wire wire(server_->port());
  EXPECT_EQ(Converse(wire, kMail, 5), "220 250 250 250 354 ");
  EXPECT_EQ(Converse(wire, content + ".\r\nMAIL FROM:<a@example.jp>\r\nQUIT\r\n", 3), "250 250 221 ");
  ASSERT_THAT(seen_.mails(), SizeIs(1));
  EXPECT_EQ(seen_.mails()[0].content, content);
}

TEST_F(ServerOwnerTest, AnAnswerThatIsDroppedIsARefusalForNow) {
  class Forgetful final : public CollectingReceiver {
   public:
    using CollectingReceiver::CollectingReceiver;
    void OnRcpt(const RcptTo& rcpt, Answer answer) override {
      if (rcpt.path.mailbox.local_part != "lost") CollectingReceiver::OnRcpt(rcpt, std::move(answer));
    }
    void OnContent(std::string_view octets, Taken taken) override {
      if (octets.find("lost") == std::string_view::npos) CollectingReceiver::OnContent(octets, std::move(taken));
    }
  };
  Start<Forgetful>();
  Wire wire(server_->port());
  EXPECT_EQ(
      Converse(wire,
               "EHLO c\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<lost@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n",
               6),
      "220 250 250 451 250 354 ");
  EXPECT_EQ(Converse(wire, "lost\r\n.\r\nNOOP\r\n", 2), "451 250 ");
  EXPECT_THAT(seen_.mails(), IsEmpty());
}

TEST_F(ServerOwnerTest, AClientThatLeavesDoesNotUndoItsMail) {
  class Slow final : public CollectingReceiver {
   public:
    Slow(Collection& collection, std::shared_future<void> gate, std::promise<void>& asked, WorkerPool& workers)
        : CollectingReceiver(collection), gate_(std::move(gate)), asked_(asked), workers_(workers) {}
    void OnEnd(Answer answer) override {
      EXPECT_TRUE(workers_.TryPost([&collection = collection_, gate = gate_, mail = mail_, answer] {
        gate.wait();
        collection.Add(mail);
        answer(Reply(250, "2.0.0", "kept"));
      }));
      asked_.set_value();
    }

   private:
    std::shared_future<void> gate_;
    std::promise<void>& asked_;
    WorkerPool& workers_;
  };
  std::promise<void> gate, asked;
  Start([this, future = gate.get_future().share(), &asked](const Peer&) -> Result<std::unique_ptr<Receiver>> {
    return std::unique_ptr<Receiver>(std::make_unique<Slow>(seen_, future, asked, workers_));
  });
  {
    Wire wire(server_->port());
    Converse(wire, kMail, 5);
    wire.Say("kept all the same\r\n.\r\n");
    asked.get_future().wait();
  }
  server_->Stop(std::chrono::milliseconds(1));  // cuts it off while the answer is owed
  EXPECT_TRUE(seen_.WaitForEnded(1));
  gate.set_value();
  workers_.Stop();
  ASSERT_THAT(seen_.mails(), SizeIs(1));
  EXPECT_EQ(seen_.mails()[0].content, "kept all the same\r\n");
}

TEST_F(ServerOwnerTest, ContentStaysWhileItIsRead) {
  // The receiver reads a piece on another thread while the connection is cut off: for the sanitizer to judge.
  class Reader final : public CollectingReceiver {
   public:
    Reader(Collection& collection, std::shared_future<void> gate, std::promise<void>& asked, std::promise<size_t>& read,
           WorkerPool& workers)
        : CollectingReceiver(collection), gate_(std::move(gate)), asked_(asked), read_(read), workers_(workers) {}
    void OnContent(std::string_view octets, Taken taken) override {
      EXPECT_TRUE(workers_.TryPost([gate = gate_, &read = read_, octets, taken] {
        gate.wait();
        read.set_value(std::string(octets).size());
        taken(Ok());
      }));
      asked_.set_value();
    }

   private:
    std::shared_future<void> gate_;
    std::promise<void>& asked_;
    std::promise<size_t>& read_;
    WorkerPool& workers_;
  };
  std::promise<void> gate, asked;
  std::promise<size_t> read;
  Start([this, future = gate.get_future().share(), &asked, &read](const Peer&) -> Result<std::unique_ptr<Receiver>> {
    return std::unique_ptr<Receiver>(std::make_unique<Reader>(seen_, future, asked, read, workers_));
  });
  Wire wire(server_->port());
  Converse(wire, kMail, 5);
  wire.Say("some octets\r\n");
  asked.get_future().wait();
  server_->Stop(std::chrono::milliseconds(1));
  gate.set_value();
  EXPECT_EQ(read.get_future().get(), 13u);
}

TEST_F(ServerOwnerTest, TheOwnerMayRefuseAConnection) {
  Start([](const Peer& peer) -> Result<std::unique_ptr<Receiver>> {
    EXPECT_EQ(peer.address, "127.0.0.1");
    return MakeError(Code::kPermission, "this host is not listed");
  });
  Wire wire(server_->port());
  EXPECT_EQ(wire.Hear(), "550 5.7.1 this host is not listed\r\n");
  EXPECT_TRUE(wire.AtEnd());
  EXPECT_EQ(server_->counts().connections_refused, 1u);
}

TEST_F(ServerOwnerTest, AMailThatTricklesIsCutOff) {
  options_.min_bytes_per_second = 500;
  Start();
  Wire wire(server_->port());
  Converse(wire, kMail, 5);
  clock_.Advance(std::chrono::seconds(12));
  wire.Say("x");
  EXPECT_THAT(wire.Hear(), StartsWith("421 4.4.2"));
  EXPECT_TRUE(wire.AtEnd());
  EXPECT_EQ(server_->counts().timeouts, 1u);
}

TEST_F(ServerOwnerTest, AMailThatComesFastEnoughIsNot) {
  options_.min_bytes_per_second = 500;
  Start();
  Wire wire(server_->port());
  Converse(wire, kMail, 5);
  wire.Say("a\r\n" + std::string(900, 'x') + "\r\n" + std::string(900, 'y') + "\r\n");
  wire.Say("b\r\n");
  clock_.Advance(std::chrono::seconds(12));
  wire.Say("c\r\n.\r\n");
  EXPECT_THAT(wire.Hear(), StartsWith("250 2.0.0"));
}

TEST_F(ServerOwnerTest, CannotListenTwiceOnOneAddress) {
  Start();
  options_.address = server_->address();
  const auto second = Server::Start(
      options_, [](const Peer&) -> Result<std::unique_ptr<Receiver>> { return MakeError(Code::kInternal, ""); }, pool_,
      clock_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Code::kUnavailable);
  EXPECT_THAT(second.error().detail, HasSubstr(options_.address));
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "host.example:25", "::1:25"}) {
    options_.address = bad;
    EXPECT_EQ(Server::Start(options_, nullptr, pool_, clock_).error().code, Code::kInvalid) << bad;
  }
}

// ---- TLS

using SslContext = Handle<SSL_CTX, SSL_CTX_free>;
using Ssl = Handle<SSL, SSL_free>;

class ServerTlsTest : public ServerOwnerTest {
 protected:
  ServerTlsTest() {
    const TimePoint now = SystemClock().Now();
    const TestCa ca("server CA", now - std::chrono::hours(1), now + std::chrono::hours(24));
    sekisho::testing::CertificateRequest request;
    request.hosts = {"gw.example.jp"};
    request.common_name = "gw.example.jp";
    request.extended_key_usage = "serverAuth";
    request.not_before = now - std::chrono::hours(1);
    request.not_after = now + std::chrono::hours(24);
    const auto own = ca.Issue(request);
    Put("server.pem", own.certificate_pem);
    Put("server.key", own.key_pem);
    request.key_name = "client";
    request.extended_key_usage = "clientAuth";
    client_ = ca.Issue(request);
  }
  void Put(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  void UseTls(ServerOptions::Tls tls, bool ask_certificate = false) {
    auto context = net::TlsContext::ForServer({folder_ / "server.pem", folder_ / "server.key", "", ask_certificate});
    ASSERT_TRUE(context.ok()) << context.error().ToString();
    options_.tls_context = *context;
    options_.tls = tls;
    options_.auth = true;
  }

  TemporaryFolder folder_;
  sekisho::testing::IssuedCertificate client_;
};

// A blocking client under TLS.
class TlsWire {
 public:
  TlsWire(Wire& wire, const sekisho::testing::IssuedCertificate* own = nullptr, int max_version = 0)
      : context_(SSL_CTX_new(TLS_client_method())) {
    if (own != nullptr) {
      const Handle<BIO, BIO_free> certificate(BIO_new_mem_buf(own->certificate_pem.data(), -1)),
          key(BIO_new_mem_buf(own->key_pem.data(), -1));
      const Handle<X509, X509_free> x509(PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr));
      const Handle<EVP_PKEY, EVP_PKEY_free> private_key(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr));
      SSL_CTX_use_certificate(context_.get(), x509.get());
      SSL_CTX_use_PrivateKey(context_.get(), private_key.get());
      unsigned char digest[32];
      X509_digest(x509.get(), EVP_sha256(), digest, nullptr);
      fingerprint = HexEncode({reinterpret_cast<const char*>(digest), 32});
    }
    SSL_CTX_set_security_level(context_.get(), 0);
    if (max_version != 0) SSL_CTX_set_max_proto_version(context_.get(), max_version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), wire.socket());
    secured = SSL_connect(ssl_.get()) == 1;
  }
  std::string Ask(const std::string& command) {
    if (!command.empty()) SSL_write(ssl_.get(), (command + "\r\n").data(), static_cast<int>(command.size() + 2));
    std::string reply;
    char c = 0;
    size_t line = 0;
    while (SSL_read(ssl_.get(), &c, 1) == 1) {
      reply += c;
      if (c != '\n') continue;
      if (reply[line + 3] != '-') return reply;
      line = reply.size();
    }
    return reply;
  }
  bool secured = false;
  std::string fingerprint;

 private:
  SslContext context_;
  Ssl ssl_;
};

TEST_F(ServerTlsTest, StartTlsThenALoginAndAMail) {
  UseTls(ServerOptions::Tls::kStartTls);
  Start();
  Wire wire(server_->port());
  EXPECT_EQ(Converse(wire, "EHLO clear.example\r\nSTARTTLS\r\n", 3), "220 250 220 ");
  TlsWire tls(wire);
  ASSERT_TRUE(tls.secured);
  EXPECT_THAT(tls.Ask("MAIL FROM:<a@example.jp>"), StartsWith("503"));
  EXPECT_THAT(tls.Ask("EHLO tls.example"), HasSubstr("AUTH PLAIN LOGIN"));
  EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0hanako\0wrong"s)), StartsWith("535"));
  EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0hanako\0secret"s)), StartsWith("235"));
  tls.Ask("MAIL FROM:<a@example.jp>");
  tls.Ask("RCPT TO:<b@x.example>");
  tls.Ask("DATA");
  EXPECT_THAT(tls.Ask("x\r\n."), StartsWith("250"));
  EXPECT_THAT(tls.Ask("QUIT"), StartsWith("221"));
  ASSERT_THAT(seen_.mails(), SizeIs(1));
  const Peer peer = seen_.mails()[0].peer;
  EXPECT_EQ(peer.login, "hanako");
  EXPECT_EQ(peer.hello, "tls.example");
  EXPECT_THAT(peer.tls, StartsWith("TLSv1.3 "));
  EXPECT_EQ(peer.certificate_sha256, "");
  EXPECT_EQ(server_->counts().logins_failed, 1u);
}

TEST_F(ServerTlsTest, ImplicitTlsWithAClientCertificate) {
  UseTls(ServerOptions::Tls::kImplicit, true);
  Start();
  Wire wire(server_->port());
  TlsWire tls(wire, &client_);
  ASSERT_TRUE(tls.secured);
  EXPECT_THAT(tls.Ask(""), StartsWith("220 "));
  tls.Ask("EHLO c");
  tls.Ask("MAIL FROM:<a@example.jp>");
  tls.Ask("RCPT TO:<b@x.example>");
  tls.Ask("DATA");
  tls.Ask("x\r\n.");
  ASSERT_THAT(seen_.mails(), SizeIs(1));
  EXPECT_EQ(seen_.mails()[0].peer.certificate_sha256, tls.fingerprint);
}

TEST_F(ServerTlsTest, OldVersionsAndPlainTextFail) {
  UseTls(ServerOptions::Tls::kImplicit);
  Start();
  Wire old(server_->port());
  EXPECT_FALSE(TlsWire(old, nullptr, TLS1_1_VERSION).secured);
  Wire plain(server_->port());
  plain.Say("EHLO c\r\n");
  plain.Hear();
  EXPECT_TRUE(plain.AtEnd());
  EXPECT_EQ(server_->counts().handshakes_failed, 2u);
}

TEST_F(ServerTlsTest, GuessingPasswordsIsSlow) {
  UseTls(ServerOptions::Tls::kImplicit);
  options_.logins = std::make_shared<LoginGuard>(3);
  Start();
  Wire wire(server_->port());
  TlsWire tls(wire);
  tls.Ask("");
  tls.Ask("EHLO c");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0hanako\0guess"s)), StartsWith("535"));
  EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0hanako\0secret"s)), StartsWith("454"))
      << "not even the right one now";
  EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0jiro\0guess"s)), StartsWith("454"))
      << "nor another login from here";
  EXPECT_EQ(server_->counts().logins_limited, 2u);
  clock_.Advance(std::chrono::minutes(1));
  EXPECT_THAT(tls.Ask("AUTH PLAIN " + Base64Encode("\0hanako\0secret"s)), StartsWith("235"));
}

TEST_F(ServerTlsTest, FilesThatAreWrongAreNamed) {
  const auto absent = net::TlsContext::ForServer({folder_ / "none.pem", folder_ / "server.key", "", false});
  EXPECT_THAT(absent.error().detail, HasSubstr("none.pem"));
  Put("other.key", sekisho::testing::TestKeyPem("P-256", "other"));
  const auto mismatched = net::TlsContext::ForServer({folder_ / "server.pem", folder_ / "other.key", "", false});
  EXPECT_EQ(mismatched.error().code, Code::kInvalid);
  EXPECT_THAT(net::TlsContext::ForClient(folder_ / "none.pem").error().detail, HasSubstr("none.pem"));
}

}  // namespace
}  // namespace sekisho::smtp

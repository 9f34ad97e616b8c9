// The client against peers that refuse, lack, lie, and go away, at every stage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "shared/smtp/client.h"
#include "shared/testing/smtp_peer.h"

namespace sekisho::smtp {
namespace {

using namespace std::string_literals;
using sekisho::testing::SmtpPeer;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Tls = ClientOptions::Tls;

std::future<Sent> SendLater(Client& client, Transaction mail) {
  auto promise = std::make_shared<std::promise<Sent>>();
  client.Send(std::move(mail), [promise](Sent sent) { promise->set_value(std::move(sent)); });
  return promise->get_future();
}

class ClientPeerTest : public ::testing::Test {
 protected:
  ClientPeerTest() {
    options_.hello = "gw.example.jp";
    options_.tls = Tls::kNone;
    options_.host = "mx.test";
  }
  SmtpPeer& Peer(SmtpPeer::Options options = {}) {
    peer_ = std::make_unique<SmtpPeer>(std::move(options));
    if (!peer_->certificate_file().empty())
      options_.tls_context = *net::TlsContext::ForClient(peer_->certificate_file());
    return *peer_;
  }
  Client::Opened Open() {
    std::promise<Client::Opened> promise;
    Client::Open(pool_, "127.0.0.1", static_cast<uint16_t>(peer_->port()), options_,
                 [&](Client::Opened opened) { promise.set_value(std::move(opened)); });
    Client::Opened opened = promise.get_future().get();
    client_ = std::move(opened.client);
    return opened;
  }
  static Transaction Mail(std::vector<std::string> recipients = {"b@partner.example"}) {
    Transaction mail;
    mail.mail_from = "a@example.jp";
    for (const std::string& recipient : recipients) mail.recipients.push_back({recipient, "", ""});
    mail.content = {"Received: by gw\r\n", "Subject: x\r\n\r\n.dot\r\n"};
    return mail;
  }
  Sent Send(Transaction mail) { return SendLater(*client_, std::move(mail)).get(); }
  // Opens to a peer that answers a line that begins with `verb` by `act`, and sends one mail.
  Sent SendTo(const std::string& verb, SmtpPeer::Act act, Transaction mail = Mail(), bool pipelining = true) {
    SmtpPeer::Options options;
    if (!pipelining) std::erase(options.extensions, "PIPELINING");
    options.on_line = [verb, act](const std::string& line) {
      const bool it = verb == "." ? line == "." : line.starts_with(verb);
      return it ? std::optional(act) : std::nullopt;
    };
    Peer(options);
    EXPECT_FALSE(Open().error);
    return Send(std::move(mail));
  }

  net::IoPool pool_{1};
  ClientOptions options_;
  std::unique_ptr<SmtpPeer> peer_;
  std::unique_ptr<Client> client_;
};

// ---- Opening

TEST_F(ClientPeerTest, NobodyListens) {
  Peer();
  const int port = peer_->port();
  peer_.reset();
  std::promise<Client::Opened> promise;
  Client::Open(pool_, "127.0.0.1", static_cast<uint16_t>(port), options_,
               [&](Client::Opened opened) { promise.set_value(std::move(opened)); });
  const Client::Opened opened = promise.get_future().get();
  EXPECT_EQ(opened.client, nullptr);
  EXPECT_EQ(opened.stage, Stage::kConnect);
  EXPECT_EQ(opened.error->code, Code::kUnavailable);
}

TEST_F(ClientPeerTest, AGreetingThatRefuses) {
  SmtpPeer::Options options;
  options.greeting = "554 5.7.1 not you";
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kGreeting);
  EXPECT_EQ(opened.reply->code, 554);
  EXPECT_EQ(opened.reply->enhanced, "5.7.1");
}

TEST_F(ClientPeerTest, AMutePeer) {
  SmtpPeer::Options options;
  options.greeting = "";
  options_.timeouts.greeting = std::chrono::milliseconds(50);
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kGreeting);
  EXPECT_EQ(opened.error->code, Code::kTimeout);
}

TEST_F(ClientPeerTest, APeerThatSpeaksNoSmtp) {
  SmtpPeer::Options options;
  options.greeting = "220-SSH\r\nSSH-2.0-OpenSSH";
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kGreeting);
  EXPECT_EQ(opened.error->code, Code::kUnavailable) << "no fault of any mail";
}

TEST_F(ClientPeerTest, APeerThatAnswersBeforeItIsAsked) {
  SmtpPeer::Options options;
  options.greeting = "220 mx.test\r\n250 you are welcome";
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kGreeting);
  EXPECT_THAT(opened.error->detail, HasSubstr("out of turn"));
}

TEST_F(ClientPeerTest, AnOldServerIsGreetedTheOldWay) {
  SmtpPeer::Options options;
  options.on_line = [](const std::string& line) {
    return line.starts_with("EHLO") ? std::optional(SmtpPeer::Act{"502 5.5.1 what", false}) : std::nullopt;
  };
  options_.tls = Tls::kOpportunistic;
  Peer(options);
  EXPECT_FALSE(Open().error);
  EXPECT_THAT(peer_->lines(), ElementsAre("EHLO gw.example.jp", "HELO gw.example.jp"));
  EXPECT_EQ(Send(Mail()).stage, Stage::kDone);
  EXPECT_THAT(peer_->lines(), Contains("MAIL FROM:<a@example.jp>")) << "without parameters";
}

// ---- TLS

class ClientTlsTest : public ClientPeerTest {
 protected:
  static SmtpPeer::Options WithTls() {
    SmtpPeer::Options options;
    options.tls = true;
    return options;
  }
};

TEST_F(ClientTlsTest, IsUsedWhereOffered) {
  options_.tls = Tls::kOpportunistic;
  options_.host = "other.test";
  Peer(WithTls());
  EXPECT_FALSE(Open().error);
  EXPECT_THAT(client_->tls(), StartsWith("TLSv1."));
  EXPECT_FALSE(client_->tls_verified()) << "the certificate names another host";
  EXPECT_EQ(Send(Mail()).stage, Stage::kDone);
  EXPECT_TRUE(peer_->mails()[0].tls);
  EXPECT_EQ(peer_->mails()[0].content, "Received: by gw\r\nSubject: x\r\n\r\n.dot\r\n");
  EXPECT_THAT(peer_->lines(), SizeIs(6)) << "EHLO again under TLS";
}

TEST_F(ClientTlsTest, RequiredMeansProved) {
  options_.tls = Tls::kRequired;
  Peer(WithTls());
  EXPECT_FALSE(Open().error);
  EXPECT_TRUE(client_->tls_verified());

  options_.host = "other.test";
  auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_EQ(opened.error->code, Code::kUnauthenticated);

  options_.host = "mx.test";
  options_.tls_context = *net::TlsContext::ForClient("");
  opened = Open();
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_EQ(opened.error->code, Code::kUnauthenticated) << "nobody we trust vouches for it";

  Peer();
  opened = Open();
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_EQ(opened.error->code, Code::kUnsupported) << "stripped, or never there";
}

TEST_F(ClientTlsTest, TheOwnerMayJudgeTheCertificate) {
  options_.tls = Tls::kVerifiedBy;
  options_.host = "other.test";
  size_t certificates = 0;
  options_.verify = [&](const std::vector<std::string>& chain) {
    certificates = chain.size();
    return Ok();
  };
  Peer(WithTls());
  EXPECT_FALSE(Open().error);
  EXPECT_TRUE(client_->tls_verified());
  EXPECT_EQ(certificates, 1u);
  options_.verify = [](const auto&) -> Status { return MakeError(Code::kUnauthenticated, "no TLSA record fits"); };
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_EQ(opened.error->code, Code::kUnauthenticated);
}

TEST_F(ClientTlsTest, WhatIsSaidInTheClearBehindStartTlsIsAnAttack) {
  options_.tls = Tls::kRequired;
  SmtpPeer::Options options = WithTls();
  options.inject_before_tls = "250-mx.test\r\n250 AUTH PLAIN\r\n";
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.client, nullptr);
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_EQ(opened.error->code, Code::kUnavailable);
}

TEST_F(ClientTlsTest, AHandshakeThatFails) {
  options_.tls = Tls::kOpportunistic;
  SmtpPeer::Options options = WithTls();
  options.tls_broken = true;
  Peer(options);
  const auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kTls);
  EXPECT_TRUE(opened.error.has_value());
}

// ---- AUTH

TEST_F(ClientTlsTest, LogsIn) {
  options_.tls = Tls::kRequired;
  options_.login = "hanako";
  options_.password = Secret<std::string>("secret");
  SmtpPeer::Options options = WithTls();
  options.extensions.push_back("AUTH LOGIN PLAIN");
  Peer(options);
  EXPECT_FALSE(Open().error);
  EXPECT_THAT(peer_->lines(), Contains("AUTH PLAIN AGhhbmFrbwBzZWNyZXQ="));

  options.extensions.back() = "AUTH LOGIN";
  options.on_line = [](const std::string& line) -> std::optional<SmtpPeer::Act> {
    if (line == "AUTH LOGIN") return SmtpPeer::Act{"334 VXNlcm5hbWU6", false};
    if (line == "aGFuYWtv") return SmtpPeer::Act{"334 UGFzc3dvcmQ6", false};
    if (line == "c2VjcmV0") return SmtpPeer::Act{"235 2.7.0 welcome", false};
    return std::nullopt;
  };
  Peer(options);
  EXPECT_FALSE(Open().error);
  EXPECT_EQ(Send(Mail()).stage, Stage::kDone);

  options.on_line = [](const std::string& line) {
    return line.starts_with("AUTH") ? std::optional(SmtpPeer::Act{"535 5.7.8 no", false}) : std::nullopt;
  };
  Peer(options);
  auto opened = Open();
  EXPECT_EQ(opened.stage, Stage::kAuth);
  EXPECT_EQ(opened.reply->code, 535);

  options.extensions.back() = "AUTH GSSAPI";
  Peer(options);
  opened = Open();
  EXPECT_EQ(opened.stage, Stage::kAuth);
  EXPECT_EQ(opened.error->code, Code::kUnsupported);
}

TEST_F(ClientTlsTest, APasswordNeverGoesInTheClear) {
  options_.login = "hanako";
  options_.password = Secret<std::string>("secret");
  for (const Tls tls : {Tls::kNone, Tls::kOpportunistic}) {
    options_.tls = tls;
    SmtpPeer::Options options;
    options.extensions.push_back("AUTH PLAIN");
    Peer(options);
    EXPECT_EQ(Open().stage, Stage::kTls);
    EXPECT_THAT(peer_->lines(), Not(Contains(StartsWith("AUTH"))));
  }
}

// ---- A mail

TEST_F(ClientPeerTest, SaysOnlyWhatIsOffered) {
  Transaction mail = Mail();
  mail.recipients[0].notify = "SUCCESS,FAILURE";
  mail.recipients[0].original = "rfc822;b+c@partner.example";
  mail.envid = "id=1";
  mail.ret = "HDRS";
  mail.content = {"Subject: 関所\r\n\r\n"};
  SmtpPeer::Options options;
  Peer(options);
  Open();
  EXPECT_EQ(Send(mail).stage, Stage::kDone);
  EXPECT_THAT(peer_->lines(), Contains("MAIL FROM:<a@example.jp> SIZE=19 BODY=8BITMIME RET=HDRS ENVID=id+3D1"));
  EXPECT_THAT(peer_->lines(),
              Contains("RCPT TO:<b@partner.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@partner.example"));

  options.extensions = {"8BITMIME"};
  Peer(options);
  Open();
  EXPECT_EQ(Send(mail).stage, Stage::kDone);
  EXPECT_THAT(peer_->lines(), Contains("MAIL FROM:<a@example.jp> BODY=8BITMIME"));
  EXPECT_THAT(peer_->lines(), Contains("RCPT TO:<b@partner.example>"));
}

TEST_F(ClientPeerTest, AMailThatThePeerCannotTakeIsNotTried) {
  SmtpPeer::Options options;
  options.extensions = {"PIPELINING"};
  Peer(options);
  Open();
  Transaction eight_bit = Mail();
  eight_bit.content = {"Subject: 関所\r\n\r\n"};
  Transaction utf8 = Mail();
  utf8.smtputf8 = true;
  Transaction secret = Mail();
  secret.require_tls = true;
  for (const Transaction& mail : {eight_bit, utf8, secret}) {
    const Sent sent = Send(mail);
    EXPECT_EQ(sent.stage, Stage::kMail);
    EXPECT_EQ(sent.error->code, Code::kUnsupported);
    EXPECT_TRUE(sent.reusable);
    EXPECT_FALSE(sent.unanswered);
  }
  EXPECT_THAT(peer_->lines(), SizeIs(1)) << "EHLO alone";
  EXPECT_EQ(Send(Mail()).stage, Stage::kDone);
}

TEST_F(ClientPeerTest, AnEnvelopeThatWouldSayMoreIsNotSaid) {
  Peer();
  Open();
  std::vector<Transaction> mails(7, Mail());
  mails[0].mail_from = "a@example.jp> SIZE=1";
  mails[1].recipients[0].address = "b@x.example>\r\nRCPT TO:<c@x.example";
  mails[2].recipients[0].address = "";
  mails[3].recipients[0].notify = "NEVER\r\nDATA";
  mails[4].recipients[0].original = "rfc822\r\nDATA;x";
  mails[5].ret = "FULL\r\nDATA";
  mails[6].recipients[0].address = "花子@example.jp";  // without SMTPUTF8
  for (const Transaction& mail : mails) {
    const Sent sent = Send(mail);
    EXPECT_EQ(sent.error->code, Code::kMalformed);
    EXPECT_TRUE(sent.reusable);
  }
  EXPECT_THAT(peer_->lines(), SizeIs(1));
}

TEST_F(ClientPeerTest, WithAndWithoutPipelining) {
  for (const bool pipelining : {true, false}) {
    const Sent sent = SendTo("RCPT TO:<no", {"550 5.1.1 nobody", false},
                             Mail({"no@x.example", "b@x.example", "no2@x.example"}), pipelining);
    EXPECT_EQ(sent.stage, Stage::kDone);
    EXPECT_EQ(sent.recipients[0]->code, 550);
    EXPECT_EQ(sent.recipients[1]->code, 250);
    EXPECT_EQ(sent.recipients[2]->enhanced, "5.1.1");
    EXPECT_EQ(sent.final->code, 250);
    EXPECT_TRUE(sent.reusable);
    EXPECT_THAT(peer_->mails(), SizeIs(1));
  }
}

TEST_F(ClientPeerTest, RefusalsAtEachStageLeaveAConnectionThatServes) {
  struct Case {
    const char* verb;
    Stage stage;
  };
  for (const bool pipelining : {true, false}) {
    for (const Case& one :
         {Case{"MAIL", Stage::kMail}, {"RCPT", Stage::kRcpt}, {"DATA", Stage::kData}, {".", Stage::kDone}}) {
      auto refusing = std::make_shared<std::atomic<bool>>(true);
      SmtpPeer::Options options;
      if (!pipelining) std::erase(options.extensions, "PIPELINING");
      options.on_line = [verb = std::string(one.verb), refusing](const std::string& line) {
        const bool it = *refusing && (verb == "." ? line == "." : line.starts_with(verb));
        return it ? std::optional(SmtpPeer::Act{"451 4.7.1 later", false}) : std::nullopt;
      };
      Peer(options);
      Open();
      const Sent sent = Send(Mail());
      SCOPED_TRACE(one.verb);
      EXPECT_EQ(sent.stage, one.stage);
      EXPECT_FALSE(sent.error);
      EXPECT_TRUE(sent.reusable);
      const Reply reply = one.stage == Stage::kMail   ? *sent.mail
                          : one.stage == Stage::kRcpt ? *sent.recipients[0]
                                                      : *sent.final;
      EXPECT_EQ(reply.code, 451);
      *refusing = false;
      EXPECT_EQ(Send(Mail()).stage, Stage::kDone);
      EXPECT_THAT(peer_->mails().back().content, HasSubstr("Subject"));
      const bool within = one.stage == Stage::kRcpt || one.stage == Stage::kData;
      EXPECT_EQ(std::ranges::count(peer_->lines(), "RSET"), within ? 1 : 0);
    }
  }
}

TEST_F(ClientPeerTest, DataThatIsTakenForNobodyGetsNothing) {
  SmtpPeer::Options options;
  options.on_line = [](const std::string& line) -> std::optional<SmtpPeer::Act> {
    if (line.starts_with("RCPT")) return SmtpPeer::Act{"550 5.1.1 nobody", false};
    if (line == "DATA") return SmtpPeer::Act{"354 all the same", false};
    return std::nullopt;
  };
  Peer(options);
  Open();
  const Sent sent = Send(Mail());
  EXPECT_EQ(sent.stage, Stage::kRcpt);
  EXPECT_EQ(sent.recipients[0]->code, 550);
  EXPECT_FALSE(sent.final) << "what is said of an empty mail is not said of this one";
  ASSERT_THAT(peer_->mails(), SizeIs(1));
  EXPECT_EQ(peer_->mails()[0].content, "");
  EXPECT_TRUE(sent.reusable);
}

TEST_F(ClientPeerTest, WhereAConnectionIsLost) {
  struct Case {
    const char* verb;
    Stage stage;
    bool unanswered;
  };
  for (const bool pipelining : {true, false}) {
    for (const Case& one : {Case{"MAIL", Stage::kMail, true},
                            {"RCPT", Stage::kRcpt, false},
                            {"DATA", Stage::kData, false},
                            {".", Stage::kAfterDot, false}}) {
      const Sent sent = SendTo(one.verb, {"", true}, Mail(), pipelining);
      SCOPED_TRACE(one.verb);
      EXPECT_EQ(sent.stage, one.stage);
      EXPECT_EQ(sent.error->code, Code::kUnavailable);
      EXPECT_EQ(sent.unanswered, one.unanswered);
      EXPECT_FALSE(sent.reusable);
      EXPECT_FALSE(client_->IsHealthy());
      EXPECT_EQ(Send(Mail()).unanswered, true) << "it is closed";
    }
  }
}

TEST_F(ClientPeerTest, APeerThatEndsTheConnectionPolitely) {
  for (const bool pipelining : {true, false}) {
    const Sent at_mail = SendTo("MAIL", {"421 4.3.2 going down", true}, Mail(), pipelining);
    EXPECT_EQ(at_mail.mail->code, 421);
    EXPECT_TRUE(at_mail.unanswered);
    EXPECT_FALSE(at_mail.reusable);
    const Sent at_rcpt = SendTo("RCPT TO:<c", {"421 4.3.2 going down", true},
                                Mail({"b@x.example", "c@x.example", "d@x.example"}), pipelining);
    EXPECT_EQ(at_rcpt.stage, Stage::kRcpt);
    EXPECT_EQ(at_rcpt.recipients[1]->code, 421);
    EXPECT_FALSE(at_rcpt.recipients[2]);
    EXPECT_TRUE(at_rcpt.error.has_value());
    EXPECT_FALSE(at_rcpt.unanswered);
    EXPECT_FALSE(at_rcpt.reusable);
    const Sent at_end = SendTo(".", {"421 4.3.2 going down", true}, Mail(), pipelining);
    EXPECT_EQ(at_end.stage, Stage::kDone);
    EXPECT_EQ(at_end.final->code, 421);
    EXPECT_FALSE(at_end.reusable);
  }
}

TEST_F(ClientPeerTest, MuteAtEachStage) {
  options_.timeouts.command = options_.timeouts.data = options_.timeouts.data_end = std::chrono::milliseconds(50);
  for (const auto& [verb, stage] : {std::pair{"MAIL", Stage::kMail}, {"DATA", Stage::kData}, {".", Stage::kAfterDot}}) {
    const Sent sent = SendTo(verb, {"", false}, Mail(), false);
    EXPECT_EQ(sent.stage, stage) << verb;
    EXPECT_EQ(sent.error->code, Code::kTimeout);
    EXPECT_FALSE(sent.reusable);
  }
}

TEST_F(ClientPeerTest, LostWithinTheContent) {
  SmtpPeer::Options options;
  options.close_in_content = 100'000;
  Peer(options);
  Open();
  std::string large;
  for (int i = 0; i < 2'000'000; ++i) large += "a line\r\n";
  Transaction mail = Mail();
  mail.content = {large};
  const Sent sent = Send(mail);
  EXPECT_EQ(sent.stage, Stage::kInData) << "the dot never went";
  EXPECT_TRUE(sent.error.has_value());
  EXPECT_FALSE(sent.final);
}

TEST_F(ClientPeerTest, ClosedByItsOwner) {
  SendTo("NEVER", {});
  client_->Close();
  Sent sent = Send(Mail());
  EXPECT_EQ(sent.error->code, Code::kCancelled);
  EXPECT_FALSE(sent.unanswered);

  SmtpPeer::Options mute;
  mute.on_line = [](const std::string& line) { return line == "DATA" ? std::optional(SmtpPeer::Act{}) : std::nullopt; };
  Peer(mute);
  Open();
  auto pending = SendLater(*client_, Mail());
  client_->Close();
  sent = pending.get();
  EXPECT_EQ(sent.error->code, Code::kCancelled);
}

TEST_F(ClientPeerTest, QuitIsSaidEvenWhenTheClientIsGone) {
  std::promise<void> heard;
  SmtpPeer::Options options;
  options.on_line = [&](const std::string& line) -> std::optional<SmtpPeer::Act> {
    if (line == "QUIT") heard.set_value();
    return std::nullopt;
  };
  Peer(options);
  Open();
  client_->Quit();
  client_.reset();
  EXPECT_EQ(heard.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace sekisho::smtp

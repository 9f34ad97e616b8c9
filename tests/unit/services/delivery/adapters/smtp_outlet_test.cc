// Connections to real peers on loopback: how a host is found, and what its answers mean.

#include "services/delivery/adapters/smtp_outlet.h"

#include <gtest/gtest.h>

#include <future>

#include "shared/observe/metrics.h"
#include "shared/testing/dns_peer.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/smtp_peer.h"

namespace sekisho::delivery {
namespace {

using Kind = Disposition::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SmtpPeer;

class SmtpOutletTest : public ::testing::Test {
 protected:
  // A search for hosts of a domain: the peers have ports of their own, MX has one; so the domain's hosts are all at
  // `port`.
  SmtpOutlets& Outlets(int port = 0) {
    SearchOptions options;
    options.hostname = "gate.example.jp";
    options.tls = trust_file_.empty() ? *net::TlsContext::ForClient("") : *net::TlsContext::ForClient(trust_file_);
    options.connect_timeout = seconds(10);
    options.reply_timeout = reply_timeout_;
    options.lookup_timeout = seconds(10);
    options.mx_port = static_cast<uint16_t>(port);
    options.allow_loopback = allow_loopback_;
    routes_ = *RouteTable::Make(config_);
    resolver_ = *dns::MakeUnbound({.forwarders = {dns_.forwarder()}, .trust_anchor_file = anchor_file_});
    outlets_ =
        std::make_unique<SmtpOutlets>(std::move(options), routes_, passwords_, *resolver_, pool_, clock_, metrics_);
    return *outlets_;
  }
  config::v1::Route& AddRoute(const SmtpPeer& peer, const std::string& host = "127.0.0.1") {
    auto* route = config_.add_routes();
    route->add_domains("*");
    route->set_name("peer");
    route->set_next_hop(host + ":" + std::to_string(peer.port()));
    return *route;
  }
  static DestinationName ByRoute(bool require_tls = false) {
    return {DestinationName::Kind::kRoute, "peer", require_tls};
  }
  static DestinationName ByDomain(const std::string& domain, bool require_tls = false) {
    return {DestinationName::Kind::kDomain, domain, require_tls};
  }

  OutletMaker::Opened Open(OutletMaker& outlets, const DestinationName& destination) {
    std::promise<OutletMaker::Opened> opened;
    outlets.Open(destination, [&](OutletMaker::Opened got) { opened.set_value(std::move(got)); });
    return opened.get_future().get();
  }
  Outlet::Sent Send(Outlet& outlet, const std::shared_ptr<Batch>& batch) {
    std::promise<Outlet::Sent> sent;
    outlet.Send(batch, [&](Outlet::Sent got) { sent.set_value(std::move(got)); });
    return sent.get_future().get();
  }
  std::shared_ptr<Batch> Mail(const std::vector<std::string>& recipients = {"yamada@customer.example"}) {
    auto batch = std::make_shared<Batch>(Batch{MailId::Generate(clock_.Now()),
                                               ParcelId::Generate(clock_.Now()),
                                               {},
                                               keys::MailKey(Secret<std::string>(), ""),
                                               "",
                                               ByRoute(),
                                               {},
                                               {},
                                               0});
    batch->about.mutable_envelope()->set_mail_from("hanako@example.jp");
    for (const std::string& recipient : recipients) {
      QueuedRecipient queued;
      queued.recipient.set_address(recipient);
      queued.index = static_cast<int32_t>(batch->recipients.size());
      batch->recipients.push_back(std::move(queued));
    }
    batch->prepared.prefix = "Received: by gate\r\n";
    batch->prepared.content = std::make_shared<const std::string>("Subject: x\r\n\r\nHello.\r\n");
    return batch;
  }
  // Opens by route, sends one mail.
  Outlet::Sent Try(const SmtpPeer& peer, const std::shared_ptr<Batch>& batch) {
    AddRoute(peer);
    auto opened = Open(Outlets(), ByRoute());
    EXPECT_NE(opened.outlet, nullptr) << opened.failure.disposition.text;
    if (opened.outlet == nullptr) return {};
    outlet_ = std::move(opened.outlet);
    return Send(*outlet_, batch);
  }
  static SmtpPeer::Options Saying(const std::string& verb, SmtpPeer::Act act) {
    SmtpPeer::Options options;
    options.on_line = [verb, act](const std::string& line) {
      return line.starts_with(verb) && (verb != "." || line == ".") ? std::optional(act) : std::nullopt;
    };
    return options;
  }

  testing::FakeClock clock_;
  observe::Metrics registry_;
  Metrics metrics_{registry_};
  testing::DnsPeer dns_;
  net::IoPool pool_{1};
  config::v1::Delivery config_;
  RouteTable routes_;
  std::map<std::string, Secret<std::string>> passwords_;
  std::string trust_file_, anchor_file_;
  bool allow_loopback_ = true;
  Duration reply_timeout_ = seconds(10);
  std::unique_ptr<dns::Resolver> resolver_;
  std::unique_ptr<SmtpOutlets> outlets_;
  std::unique_ptr<Outlet> outlet_;
};

TEST_F(SmtpOutletTest, DeliversAsItIs) {
  SmtpPeer peer;
  const auto sent = Try(peer, Mail({"a@customer.example", "b@customer.example"}));
  for (const auto& disposition : sent.report.dispositions) {
    EXPECT_EQ(disposition.kind, Kind::kDelivered);
    EXPECT_EQ(disposition.text, "250 2.0.0 taken");
  }
  EXPECT_TRUE(sent.reusable);
  EXPECT_EQ(sent.report.host, "127.0.0.1");
  EXPECT_TRUE(sent.report.dsn_passed_on);
  EXPECT_EQ(peer.mails().at(0).content, "Received: by gate\r\nSubject: x\r\n\r\nHello.\r\n");
}

struct ReplyCase {
  const char* verb;
  const char* reply;
  Kind kind;
  const char* status;
};
class PeerReplyTest : public SmtpOutletTest, public ::testing::WithParamInterface<ReplyCase> {};

TEST_P(PeerReplyTest, Means) {
  for (const bool pipelining : {true, false}) {
    config_.Clear();
    SmtpPeer::Options options = Saying(GetParam().verb, {GetParam().reply, false});
    if (!pipelining) std::erase(options.extensions, "PIPELINING");
    SmtpPeer peer(options);
    const auto sent = Try(peer, Mail());
    EXPECT_EQ(sent.report.dispositions.at(0).kind, GetParam().kind);
    EXPECT_EQ(sent.report.dispositions.at(0).status, GetParam().status);
    EXPECT_FALSE(sent.report.dispositions.at(0).ambiguous);
    EXPECT_FALSE(sent.unanswered);
    outlet_.reset();
  }
}

INSTANTIATE_TEST_SUITE_P(All, PeerReplyTest,
                         ::testing::Values(ReplyCase{"MAIL", "451 4.3.0 later", Kind::kDefer, "4.3.0"},
                                           ReplyCase{"MAIL", "553 5.1.8 who are you", Kind::kBounce, "5.1.8"},
                                           ReplyCase{"RCPT", "550 5.1.1 unknown", Kind::kBounce, "5.1.1"},
                                           ReplyCase{"RCPT", "450 4.2.1 busy", Kind::kDefer, "4.2.1"},
                                           ReplyCase{"DATA", "554 5.7.1 no", Kind::kBounce, "5.7.1"},
                                           ReplyCase{"DATA", "421 4.3.2 down", Kind::kDefer, "4.3.2"},
                                           ReplyCase{".", "554 5.7.1 spam", Kind::kBounce, "5.7.1"},
                                           ReplyCase{".", "452 4.3.1 full", Kind::kDefer, "4.3.1"}));

TEST_F(SmtpOutletTest, EachRecipientHasItsOwnReply) {
  SmtpPeer peer(Saying("RCPT TO:<b@", {"550 5.1.1 unknown", false}));
  const auto sent = Try(peer, Mail({"a@x.example", "b@x.example", "c@x.example"}));
  EXPECT_EQ(sent.report.dispositions.at(0).kind, Kind::kDelivered);
  EXPECT_EQ(sent.report.dispositions.at(1).kind, Kind::kBounce);
  EXPECT_EQ(sent.report.dispositions.at(2).kind, Kind::kDelivered);
}

TEST_F(SmtpOutletTest, TooManyRecipientsAreTriedAgainAtOnce) {
  SmtpPeer peer(Saying("RCPT TO:<b@", {"452 4.5.3 too many recipients", false}));
  const auto sent = Try(peer, Mail({"a@x.example", "b@x.example"}));
  EXPECT_EQ(sent.report.dispositions.at(0).kind, Kind::kDelivered);
  EXPECT_TRUE(sent.report.dispositions.at(1).at_once);
}

TEST_F(SmtpOutletTest, SilenceAfterTheDotIsAmbiguous) {
  SmtpPeer peer(Saying(".", {"", true}));
  const auto sent = Try(peer, Mail({"a@x.example", "b@x.example"}));
  for (const auto& disposition : sent.report.dispositions) {
    EXPECT_EQ(disposition.kind, Kind::kDefer);
    EXPECT_TRUE(disposition.ambiguous);
  }
  EXPECT_FALSE(sent.reusable);
}

TEST_F(SmtpOutletTest, AConnectionThatEndsInTheContentIsNot) {
  SmtpPeer::Options options;
  options.close_in_content = 1000;
  SmtpPeer peer(options);
  auto batch = Mail();
  std::string text = "Subject: x\r\n\r\n";
  while (text.size() < (20U << 20)) text += std::string(900, 'x') + "\r\n";
  batch->prepared.content = std::make_shared<const std::string>(std::move(text));
  const auto sent = Try(peer, batch);
  EXPECT_EQ(sent.report.dispositions.at(0).kind, Kind::kDefer);
  EXPECT_FALSE(sent.report.dispositions.at(0).ambiguous);
}

TEST_F(SmtpOutletTest, AMutePeerDefers) {
  reply_timeout_ = milliseconds(50);
  SmtpPeer peer(Saying("MAIL", {"", false}));
  const auto sent = Try(peer, Mail());
  EXPECT_EQ(sent.report.dispositions.at(0).kind, Kind::kDefer);
  EXPECT_FALSE(sent.report.dispositions.at(0).ambiguous);
  EXPECT_FALSE(sent.reusable);
  EXPECT_FALSE(sent.unanswered);
}

TEST_F(SmtpOutletTest, AConnectionThatWasClosedMeanwhileAnswersNothing) {
  SmtpPeer peer(Saying(".", {"250 2.0.0 taken", true}));
  EXPECT_EQ(Try(peer, Mail()).report.dispositions.at(0).kind, Kind::kDelivered);
  EXPECT_TRUE(Send(*outlet_, Mail()).unanswered);
}

TEST_F(SmtpOutletTest, CloseBreaksOff) {
  std::promise<void> heard;
  SmtpPeer::Options options;
  options.on_line = [&](const std::string& line) -> std::optional<SmtpPeer::Act> {
    if (!line.starts_with("MAIL")) return std::nullopt;
    heard.set_value();
    return SmtpPeer::Act{"", false};
  };
  SmtpPeer peer(options);
  AddRoute(peer);
  auto opened = Open(Outlets(), ByRoute());
  ASSERT_NE(opened.outlet, nullptr);
  std::promise<Outlet::Sent> sent;
  opened.outlet->Send(Mail(), [&](Outlet::Sent got) { sent.set_value(std::move(got)); });
  heard.get_future().wait();
  opened.outlet->Close();
  EXPECT_EQ(sent.get_future().get().report.dispositions.at(0).kind, Kind::kDefer);
}

TEST_F(SmtpOutletTest, NothingIsConverted) {
  SmtpPeer::Options options;
  options.extensions = {"PIPELINING"};
  SmtpPeer peer(options);
  auto eight_bit = Mail();
  eight_bit->prepared.content = std::make_shared<const std::string>("Subject: x\r\n\r\n\xe6\x9c\xac\xe6\x96\x87\r\n");
  eight_bit->prepared.has_8bit = true;
  auto sent = Try(peer, eight_bit);
  EXPECT_EQ(sent.report.dispositions.at(0).status, "5.6.3");
  EXPECT_TRUE(sent.reusable);

  auto international = Mail({"yamada@customer.example", "山田@customer.example"});
  sent = Send(*outlet_, international);
  EXPECT_EQ(sent.report.dispositions.at(0).kind, Kind::kDelivered) << "who doesn't need SMTPUTF8 gets the mail";
  EXPECT_EQ(sent.report.dispositions.at(1).status, "5.6.7");

  international = Mail();
  international->about.mutable_envelope()->set_mail_from("花子@example.jp");
  EXPECT_EQ(Send(*outlet_, international).report.dispositions.at(0).status, "5.6.7");

  international = Mail();
  international->about.mutable_envelope()->set_smtputf8(true);
  EXPECT_EQ(Send(*outlet_, international).report.dispositions.at(0).kind, Kind::kDelivered)
      << "asked for and not needed";
  EXPECT_EQ(peer.mails().size(), 2U);
}

TEST_F(SmtpOutletTest, ParametersArePassedOn) {
  SmtpPeer peer;
  auto batch = Mail();
  batch->about.mutable_envelope()->set_dsn_envid("QQ314");
  batch->about.mutable_envelope()->set_dsn_ret(mail::v1::Envelope::DSN_RETURN_HEADERS);
  batch->recipients[0].recipient.add_notify(mail::v1::Recipient::NOTIFY_SUCCESS);
  batch->recipients[0].recipient.add_notify(mail::v1::Recipient::NOTIFY_FAILURE);
  batch->recipients[0].recipient.set_original_recipient("rfc822;yamada@old.example");
  Try(peer, batch);
  const auto mail = peer.mails().at(0);
  EXPECT_NE(mail.from.find(" RET=HDRS"), std::string::npos);
  EXPECT_NE(mail.from.find(" ENVID=QQ314"), std::string::npos);
  EXPECT_NE(mail.recipients.at(0).find(" NOTIFY=SUCCESS,FAILURE"), std::string::npos);
  EXPECT_NE(mail.recipients.at(0).find(" ORCPT=rfc822;yamada@old.example"), std::string::npos);
}

TEST_F(SmtpOutletTest, FindsHostsByMxInOrder) {
  SmtpPeer peer;
  dns_.AddMx("customer.example", 10, "dead.customer.example");  // no address
  dns_.AddMx("customer.example", 20, "mx.customer.example");
  dns_.AddA("mx.customer.example", "127.0.0.1");
  auto opened = Open(Outlets(peer.port()), ByDomain("customer.example"));
  ASSERT_NE(opened.outlet, nullptr) << opened.failure.disposition.text;
  EXPECT_EQ(Send(*opened.outlet, Mail()).report.host, "mx.customer.example");
}

TEST_F(SmtpOutletTest, TriesTheNextAddress) {
  SmtpPeer peer;
  dns_.AddMx("customer.example", 10, "mx.customer.example");
  dns_.AddAaaa("mx.customer.example", "::1");  // nobody listens there
  dns_.AddA("mx.customer.example", "127.0.0.1");
  EXPECT_NE(Open(Outlets(peer.port()), ByDomain("customer.example")).outlet, nullptr);
}

TEST_F(SmtpOutletTest, WhatDnsSaysDecides) {
  SmtpPeer peer;
  dns_.AddMx("null.example", 0, ".");
  dns_.AddMx("ours.example", 10, "gate.example.jp");
  dns_.AddMx("noaddress.example", 10, "mx.noaddress.example");
  dns_.AddTxt("mx.noaddress.example", {"nothing"});
  dns_.Answer("broken.example", 2);
  dns_.AddMx("halfbroken.example", 10, "mx.broken.example");
  dns_.Answer("mx.broken.example", 2);
  auto& outlets = Outlets(peer.port());
  const auto of = [&](const std::string& domain) { return Open(outlets, ByDomain(domain)).failure.disposition; };
  EXPECT_EQ(of("nowhere.example").status, "5.1.2");
  EXPECT_EQ(of("nowhere.example").kind, Kind::kBounce);
  EXPECT_EQ(of("null.example").status, "5.1.10");
  EXPECT_EQ(of("ours.example").status, "5.4.6");
  EXPECT_EQ(of("noaddress.example").status, "5.4.4");
  EXPECT_EQ(of("noaddress.example").kind, Kind::kBounce);
  EXPECT_EQ(of("broken.example").kind, Kind::kDefer);
  EXPECT_EQ(of("broken.example").status, "4.4.3");
  EXPECT_EQ(of("halfbroken.example").kind, Kind::kDefer);
  EXPECT_EQ(of("not a domain").kind, Kind::kBounce);
  EXPECT_EQ(of("").kind, Kind::kBounce);
}

TEST_F(SmtpOutletTest, AnMxCannotLeadToThisMachine) {
  allow_loopback_ = false;
  SmtpPeer peer;
  dns_.AddMx("evil.example", 10, "mx.evil.example");
  for (const char* address : {"127.0.0.1", "127.9.9.9", "0.0.0.0"}) dns_.AddA("mx.evil.example", address);
  for (const char* address : {"::1", "::", "::ffff:127.0.0.1"}) dns_.AddAaaa("mx.evil.example", address);
  auto& outlets = Outlets(peer.port());
  EXPECT_EQ(Open(outlets, ByDomain("evil.example")).failure.disposition.kind, Kind::kBounce);
  EXPECT_EQ(Open(outlets, ByDomain("[127.0.0.1]")).failure.disposition.kind, Kind::kBounce);
  EXPECT_EQ(peer.connections(), 0);
}

TEST_F(SmtpOutletTest, ARoutesHostThatIsNotFoundIsOursToMend) {
  SmtpPeer peer;
  AddRoute(peer, "relay.nowhere.example");
  const auto failure = Open(Outlets(), ByRoute()).failure.disposition;
  EXPECT_EQ(failure.kind, Kind::kDefer);
  EXPECT_EQ(failure.status, "4.4.4");
}

TEST_F(SmtpOutletTest, ADoorThatIsClosedDefersOrBounces) {
  for (const auto& [greeting, kind] :
       {std::pair{"554 5.3.2 not now", Kind::kDefer}, {"421 4.7.0 busy", Kind::kDefer}, {"521 never", Kind::kBounce}}) {
    config_.Clear();
    SmtpPeer::Options options;
    options.greeting = greeting;
    SmtpPeer peer(options);
    AddRoute(peer);
    const auto opened = Open(Outlets(), ByRoute());
    EXPECT_EQ(opened.outlet, nullptr);
    EXPECT_EQ(opened.failure.disposition.kind, kind) << greeting;
    EXPECT_EQ(opened.failure.host, "127.0.0.1");
  }
}

TEST_F(SmtpOutletTest, TlsThatFailsIsDoneWithoutWhenOpportunistic) {
  SmtpPeer::Options options;
  options.tls = options.tls_broken = true;
  SmtpPeer peer(options);
  EXPECT_EQ(Try(peer, Mail()).report.dispositions.at(0).kind, Kind::kDelivered);
  EXPECT_FALSE(peer.mails().at(0).tls);
  EXPECT_EQ(peer.connections(), 2) << "on a fresh connection";
}

TEST_F(SmtpOutletTest, TlsIsUsedWhenOffered) {
  SmtpPeer::Options options;
  options.tls = true;
  SmtpPeer peer(options);
  EXPECT_EQ(Try(peer, Mail()).report.dispositions.at(0).kind, Kind::kDelivered);
  EXPECT_TRUE(peer.mails().at(0).tls);
}

TEST_F(SmtpOutletTest, RequiredTlsIsNeverDoneWithout) {
  SmtpPeer::Options broken;
  broken.tls = broken.tls_broken = true;
  for (const auto& options : {SmtpPeer::Options{}, broken}) {
    config_.Clear();
    SmtpPeer peer(options);
    AddRoute(peer).set_tls(config::v1::Route::REQUIRED);
    const auto opened = Open(Outlets(), ByRoute());
    EXPECT_EQ(opened.outlet, nullptr);
    EXPECT_EQ(opened.failure.disposition.kind, Kind::kDefer);
    EXPECT_TRUE(peer.mails().empty());
  }
}

TEST_F(SmtpOutletTest, RequiredTlsIsVerified) {
  SmtpPeer::Options options;
  options.tls = true;
  options.tls_name = "localhost";
  SmtpPeer peer(options);
  dns_.AddA("relay.test.example", "127.0.0.1");
  trust_file_ = peer.certificate_file();
  AddRoute(peer, "relay.test.example").set_tls(config::v1::Route::REQUIRED);
  EXPECT_EQ(Open(Outlets(), ByRoute()).outlet, nullptr) << "the certificate is of another host";
}

TEST_F(SmtpOutletTest, RequireTlsNeedsAPeerThatPromisesIt) {
  SmtpPeer::Options options;
  options.tls = true;
  options.tls_name = "relay.test.example";
  const auto require = [&] {
    auto batch = Mail();
    batch->about.mutable_envelope()->set_require_tls(true);
    return batch;
  };
  dns_.AddA("relay.test.example", "127.0.0.1");
  for (const bool promises : {false, true}) {
    config_.Clear();
    if (promises) options.extensions.push_back("REQUIRETLS");
    SmtpPeer peer(options);
    trust_file_ = peer.certificate_file();
    AddRoute(peer, "relay.test.example");
    auto opened = Open(Outlets(), ByRoute(true));
    ASSERT_NE(opened.outlet, nullptr) << opened.failure.disposition.text;
    const auto sent = Send(*opened.outlet, require());
    EXPECT_EQ(sent.report.dispositions.at(0).kind, promises ? Kind::kDelivered : Kind::kBounce);
    if (promises) {
      EXPECT_NE(peer.mails().at(0).from.find(" REQUIRETLS"), std::string::npos);
    } else {
      EXPECT_EQ(sent.report.dispositions.at(0).status, "5.7.30");
    }
  }
  config_.Clear();
  trust_file_.clear();  // it went with its peer
  SmtpPeer in_clear;
  AddRoute(in_clear);
  EXPECT_EQ(Open(Outlets(), ByRoute(true)).failure.disposition.status, "5.7.30");
}

TEST_F(SmtpOutletTest, RequireTlsByMxNeedsDnssec) {
  SmtpPeer peer;
  dns_.AddMx("customer.example", 10, "mx.customer.example");
  dns_.AddA("mx.customer.example", "127.0.0.1");
  EXPECT_EQ(Open(Outlets(peer.port()), ByDomain("customer.example", true)).failure.disposition.status, "5.7.30");
  EXPECT_EQ(peer.connections(), 0);
}

TEST_F(SmtpOutletTest, ASearchThatOutlivesItsMakerEndsQuietly) {
  dns_.Mute("mute.example");
  auto& outlets = Outlets(25);
  bool called = false;
  outlets.Open(ByDomain("mute.example"), [&](OutletMaker::Opened) { called = true; });
  outlets_.reset();
  resolver_->Stop();
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace sekisho::delivery

#include "shared/dns/resolver.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "shared/dns/mail_hosts.h"
#include "shared/dns/records.h"
#include "shared/testing/dns_peer.h"

namespace sekisho::dns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ResolverTest : public ::testing::Test {
 protected:
  // Made on first use, when the peer has its records.
  Resolver& resolver() {
    if (resolver_ == nullptr) {
      auto made = MakeUnbound({.forwarders = {peer_.forwarder()}, .trust_anchor_file = trust_anchor_file_});
      EXPECT_TRUE(made.ok()) << made.error().ToString();
      resolver_ = *std::move(made);
    }
    return *resolver_;
  }

  Result<Answer> Ask(const std::string& name, Type type, Duration limit = seconds(20)) {
    std::promise<Result<Answer>> answer;
    resolver().Lookup(name, type, limit, [&](Result<Answer> got) { answer.set_value(std::move(got)); });
    return answer.get_future().get();
  }

  Result<MailHosts> AskHosts(const std::string& domain) {
    std::promise<Result<MailHosts>> answer;
    FindMailHosts(resolver(), domain, "gate.example.jp", seconds(20),
                  [&](Result<MailHosts> got) { answer.set_value(std::move(got)); });
    return answer.get_future().get();
  }

  Result<Addresses> AskAddresses(const std::string& host) {
    std::promise<Result<Addresses>> answer;
    FindAddresses(resolver(), host, seconds(20), [&](Result<Addresses> got) { answer.set_value(std::move(got)); });
    return answer.get_future().get();
  }

  void Trust(const std::string& anchor) {
    char path[] = "/tmp/sekisho-anchor-XXXXXX";
    const int file = mkstemp(path);
    ASSERT_GE(file, 0);
    ASSERT_EQ(write(file, anchor.data(), anchor.size()), static_cast<ssize_t>(anchor.size()));
    close(file);
    trust_anchor_file_ = path;
  }

  ~ResolverTest() override {
    if (!trust_anchor_file_.empty()) unlink(trust_anchor_file_.c_str());
  }

  testing::DnsPeer peer_;
  std::string trust_anchor_file_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, GivesRecordsWithTheirTtl) {
  peer_.AddMx("customer.example", 10, "mx1.customer.example");
  const auto answer = Ask("customer.example", Type::kMx);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_EQ(answer->kind, Answer::Kind::kRecords);
  ASSERT_EQ(answer->rdata.size(), 1U);
  EXPECT_EQ(*ReadMx(answer->rdata[0]), (Mx{10, "mx1.customer.example"}));
  EXPECT_GT(answer->ttl, seconds(200));
  EXPECT_LE(answer->ttl, seconds(300));
  EXPECT_FALSE(answer->secure);
}

TEST_F(ResolverTest, TellsNoDataFromNoName) {
  peer_.AddA("customer.example", "192.0.2.1");
  EXPECT_EQ(Ask("customer.example", Type::kTxt)->kind, Answer::Kind::kNoData);
  EXPECT_EQ(Ask("nowhere.example", Type::kTxt)->kind, Answer::Kind::kNxDomain);
}

TEST_F(ResolverTest, ServersThatFailAreUnavailable) {
  peer_.Answer("broken.example", 2);
  peer_.Answer("refused.example", 5);
  for (const char* name : {"broken.example", "refused.example"}) {
    const auto answer = Ask(name, Type::kMx);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, Code::kUnavailable);
    EXPECT_EQ(answer.error().retry, Retry::kLater);
  }
}

TEST_F(ResolverTest, AMuteServerIsATimeout) {
  peer_.Mute("mute.example");
  const auto answer = Ask("mute.example", Type::kMx, milliseconds(200));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Code::kTimeout);
  EXPECT_EQ(answer.error().retry, Retry::kLater);
}

TEST_F(ResolverTest, CancelAnswersTheCaller) {
  peer_.Mute("mute.example");
  std::promise<Result<Answer>> answer;
  const auto ticket = resolver().Lookup("mute.example", Type::kMx, seconds(60),
                                        [&](Result<Answer> got) { answer.set_value(std::move(got)); });
  resolver().Cancel(ticket);
  resolver().Cancel(ticket);  // already answered: nothing happens
  EXPECT_EQ(answer.get_future().get().error().code, Code::kCancelled);
}

TEST_F(ResolverTest, StopAnswersEveryoneAndRefusesMore) {
  peer_.Mute("mute.example");
  int cancelled = 0;
  for (int i = 0; i < 5; ++i) {
    resolver().Lookup("mute.example", Type::kMx, seconds(60),
                      [&](Result<Answer> got) { cancelled += got.error().code == Code::kCancelled; });
  }
  resolver().Stop();
  EXPECT_EQ(cancelled, 5);
  EXPECT_EQ(Ask("customer.example", Type::kMx).error().code, Code::kCancelled);
}

TEST_F(ResolverTest, LookupsAtOnceAreBounded) {
  peer_.Mute("mute.example");
  resolver_ = *MakeUnbound({.forwarders = {peer_.forwarder()}, .trust_anchor_file = {}, .max_lookups = 1});
  resolver().Lookup("mute.example", Type::kMx, seconds(60), [](Result<Answer>) {});
  EXPECT_EQ(Ask("customer.example", Type::kMx).error().code, Code::kExhausted);
}

TEST_F(ResolverTest, RefusesWhatIsNotAName) {
  EXPECT_EQ(Ask("", Type::kMx).error().code, Code::kInvalid);
  EXPECT_EQ(Ask("a..example", Type::kMx).error().code, Code::kInvalid);
  EXPECT_EQ(Ask(std::string(64, 'a') + ".example", Type::kMx).error().code, Code::kInvalid);
  EXPECT_EQ(Ask("a b.example", Type::kMx).error().code, Code::kInvalid);
}

TEST_F(ResolverTest, ASignedZoneIsSecure) {
  peer_.AddMx("partner.example", 10, "mx.partner.example");
  Trust(peer_.Sign("partner.example"));
  const auto answer = Ask("partner.example", Type::kMx);
  ASSERT_TRUE(answer.ok()) << answer.error().ToString();
  EXPECT_TRUE(answer->secure);
  EXPECT_EQ(answer->rdata.size(), 1U);
}

TEST_F(ResolverTest, AWrongSignatureIsAnErrorThatMayPass) {
  peer_.AddMx("partner.example", 10, "mx.partner.example");
  Trust(peer_.Sign("partner.example"));
  peer_.BreakSignatures();
  const auto answer = Ask("partner.example", Type::kMx);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, Code::kCorrupt);
  EXPECT_EQ(answer.error().retry, Retry::kLater);
}

TEST_F(ResolverTest, FollowsAliases) {
  peer_.AddCname("www.customer.example", "host.customer.example");
  peer_.AddTxt("host.customer.example", {"v=spf1 ", "-all"});
  const auto answer = Ask("www.customer.example", Type::kTxt);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->canonical_name, "host.customer.example");
  EXPECT_EQ(*ReadTxt(answer->rdata.at(0)), "v=spf1 -all");
}

TEST_F(ResolverTest, WrongConfigurationIsToldAtStart) {
  EXPECT_EQ(MakeUnbound({.forwarders = {"not an address"}, .trust_anchor_file = {}}).error().code, Code::kInvalid);
  EXPECT_EQ(MakeUnbound({.forwarders = {}, .trust_anchor_file = "/nonexistent/anchor"}).error().code, Code::kNotFound);
  Trust("this is no trust anchor\n");
  EXPECT_EQ(MakeUnbound({.forwarders = {}, .trust_anchor_file = trust_anchor_file_}).error().code, Code::kInvalid);
}

TEST_F(ResolverTest, MailHostsComeByPreference) {
  peer_.AddMx("customer.example", 20, "backup.customer.example");
  peer_.AddMx("customer.example", 10, "mx.customer.example");
  const auto hosts = AskHosts("customer.example");
  ASSERT_TRUE(hosts.ok());
  EXPECT_EQ(hosts->names, (std::vector<std::string>{"mx.customer.example", "backup.customer.example"}));
  EXPECT_FALSE(hosts->implicit);
}

TEST_F(ResolverTest, ADomainWithoutMxIsItsOwnHost) {
  peer_.AddA("host.example", "192.0.2.7");
  const auto hosts = AskHosts("host.example");
  ASSERT_TRUE(hosts.ok());
  EXPECT_TRUE(hosts->implicit);
  EXPECT_EQ(hosts->names, std::vector<std::string>{"host.example"});
}

TEST_F(ResolverTest, DomainsThatTakeNoMail) {
  peer_.AddMx("null.example", 0, ".");
  peer_.AddMx("ours.example", 10, "gate.example.jp");
  peer_.Answer("broken.example", 2);
  EXPECT_EQ(AskHosts("null.example").error().code, Code::kUnsupported);
  EXPECT_EQ(AskHosts("ours.example").error().code, Code::kPrecondition);
  EXPECT_EQ(AskHosts("nowhere.example").error().code, Code::kNotFound);
  EXPECT_EQ(AskHosts("broken.example").error().code, Code::kUnavailable);
  EXPECT_EQ(AskHosts("[192.0.2.300]").error().code, Code::kInvalid);
}

TEST_F(ResolverTest, AnAddressLiteralNeedsNoLookup) {
  EXPECT_EQ(AskHosts("[192.0.2.1]")->names, std::vector<std::string>{"192.0.2.1"});
  EXPECT_EQ(AskAddresses("192.0.2.1")->addresses, std::vector<std::string>{"192.0.2.1"});
}

TEST_F(ResolverTest, AddressesOfBothFamilies) {
  peer_.AddA("mx.customer.example", "192.0.2.1");
  peer_.AddA("mx.customer.example", "192.0.2.2");
  peer_.AddAaaa("mx.customer.example", "2001:db8::1");
  const auto found = AskAddresses("mx.customer.example");
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->addresses.size(), 3U);
  EXPECT_EQ(found->addresses[0], "2001:db8::1");
}

TEST_F(ResolverTest, AHostWithoutAddressIsNotFound) {
  peer_.AddTxt("mx.customer.example", {"nothing else"});
  EXPECT_EQ(AskAddresses("mx.customer.example").error().code, Code::kNotFound);
  EXPECT_EQ(AskAddresses("nowhere.example").error().code, Code::kNotFound);
  peer_.Answer("broken.example", 2);
  EXPECT_EQ(AskAddresses("broken.example").error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace sekisho::dns

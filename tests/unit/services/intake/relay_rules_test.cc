#include "services/intake/domain/relay_rules.h"

#include <gtest/gtest.h>

namespace sekisho::intake {
namespace {

config::v1::Relay Relay(std::initializer_list<const char*> hosts, std::initializer_list<const char*> senders = {}) {
  config::v1::Relay relay;
  for (const char* host : hosts) relay.add_hosts(host);
  for (const char* sender : senders) relay.add_senders(sender);
  return relay;
}

TEST(RelayRulesTest, KnowsHostsByAddressAndBlock) {
  const auto rules = RelayRules::Make(Relay({"127.0.0.1", "192.0.2.64/26", "2001:db8::/33"}), {"example.jp"});
  ASSERT_TRUE(rules.ok());
  for (const char* in : {"127.0.0.1", "192.0.2.64", "192.0.2.127", "2001:db8:7fff::1"})
    EXPECT_TRUE(rules->MayConnect(in, "")) << in;
  for (const char* out : {"127.0.0.2", "192.0.2.63", "192.0.2.128", "2001:db8:8000::1", "", "::1"}) {
    EXPECT_FALSE(rules->MayConnect(out, "")) << out;
  }
}

TEST(RelayRulesTest, ACertificateProvesAHostAnywhere) {
  config::v1::Relay relay;
  relay.add_certificate_sha256("AA:" + std::string(62, 'b'));
  const auto rules = RelayRules::Make(relay, {"example.jp"});
  ASSERT_TRUE(rules.ok());
  EXPECT_TRUE(rules->MayConnect("203.0.113.9", "aa" + std::string(62, 'b')));
  EXPECT_FALSE(rules->MayConnect("203.0.113.9", ""));
  EXPECT_FALSE(rules->MayConnect("203.0.113.9", std::string(64, 'c')));
}

TEST(RelayRulesTest, SendsAsListedAddressesOnly) {
  const auto listed = RelayRules::Make(Relay({"127.0.0.1"}, {"Scanner@Example.jp", "@sub.example.jp"}), {"example.jp"});
  EXPECT_TRUE(listed->MaySendAs("scanner@example.JP"));
  EXPECT_TRUE(listed->MaySendAs("any@sub.example.jp"));
  EXPECT_FALSE(listed->MaySendAs("hanako@example.jp"));
  EXPECT_FALSE(listed->MaySendAs("x@notsub.example.jp"));
  const auto all = RelayRules::Make(Relay({"127.0.0.1"}), {"example.jp"});
  EXPECT_TRUE(all->MaySendAs("hanako@example.jp"));
  EXPECT_FALSE(all->MaySendAs("hanako@evil.example.jp"));
  EXPECT_FALSE(all->MaySendAs("hanako@evilexample.jp"));
}

TEST(RelayRulesTest, RefusesWrongEntries) {
  for (const char* host : {"printer.local", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "2001:db8::/129"}) {
    EXPECT_FALSE(RelayRules::Make(Relay({host}), {}).ok()) << host;
  }
}

}  // namespace
}  // namespace sekisho::intake

#include "services/delivery/domain/route_table.h"

#include <gtest/gtest.h>

#include <set>

namespace sekisho::delivery {
namespace {

config::v1::Route* AddRoute(config::v1::Delivery& config, std::initializer_list<const char*> domains,
                            const char* next_hop, const char* name = "") {
  config::v1::Route* route = config.add_routes();
  for (const char* domain : domains) route->add_domains(domain);
  route->set_next_hop(next_hop);
  route->set_name(name);
  return route;
}

TEST(RouteTableTest, TheFirstMatchWins) {
  config::v1::Delivery config;
  AddRoute(config, {"Example.JP", ".example.jp"}, "127.0.0.1:5825", "inside");
  AddRoute(config, {"partner.example"}, "mx.partner.example");
  AddRoute(config, {"*"}, "[::1]:2525", "rest");
  const auto table = RouteTable::Make(config);
  ASSERT_TRUE(table.ok()) << table.error().ToString();
  EXPECT_EQ(table->Find("example.jp")->name, "inside");
  EXPECT_EQ(table->Find("sales.example.jp")->name, "inside");
  EXPECT_EQ(table->Find("notexample.jp")->name, "rest");
  EXPECT_EQ(table->Find("partner.example")->name, "mx.partner.example");
  EXPECT_EQ(table->Find("sub.partner.example")->name, "rest");
}

TEST(RouteTableTest, ASubdomainPatternLeavesTheDomainItselfOut) {
  config::v1::Delivery config;
  AddRoute(config, {".example.jp"}, "relay:25");
  const auto table = RouteTable::Make(config);
  EXPECT_EQ(table->Find("example.jp"), nullptr);
  EXPECT_EQ(table->Find(".example.jp"), nullptr);
  EXPECT_NE(table->Find("a.example.jp"), nullptr);
}

TEST(RouteTableTest, ReadsNextHops) {
  config::v1::Delivery config;
  AddRoute(config, {"a"}, "127.0.0.1:5825");
  AddRoute(config, {"b"}, "relay.example");
  AddRoute(config, {"c"}, "[::1]:25");
  AddRoute(config, {"d"}, "[2001:db8::1]");
  AddRoute(config, {"e"}, "[192.0.2.1]:587");
  const auto table = RouteTable::Make(config);
  ASSERT_TRUE(table.ok()) << table.error().ToString();
  const auto& routes = table->routes();
  EXPECT_EQ(routes[0].host + "/" + std::to_string(routes[0].port), "127.0.0.1/5825");
  EXPECT_EQ(routes[1].host + "/" + std::to_string(routes[1].port), "relay.example/25");
  EXPECT_EQ(routes[2].host + "/" + std::to_string(routes[2].port), "::1/25");
  EXPECT_EQ(routes[3].host + "/" + std::to_string(routes[3].port), "2001:db8::1/25");
  EXPECT_EQ(routes[4].host + "/" + std::to_string(routes[4].port), "192.0.2.1/587");
}

TEST(RouteTableTest, RefusesWrongNextHops) {
  for (const char* wrong :
       {"", ":25", "host:", "host:0", "host:65536", "host:25x", "[::1", "[::1]25", "[::1]:", "[]"}) {
    config::v1::Delivery config;
    AddRoute(config, {"*"}, wrong);
    const auto table = RouteTable::Make(config);
    ASSERT_FALSE(table.ok()) << wrong;
    EXPECT_EQ(table.error().code, Code::kInvalid);
    EXPECT_NE(table.error().detail.find("routes[0]: next_hop"), std::string::npos);
  }
}

TEST(RouteTableTest, RefusesARouteWithoutDomainsAndTwoOfOneName) {
  config::v1::Delivery none;
  AddRoute(none, {}, "relay:25");
  EXPECT_FALSE(RouteTable::Make(none).ok());
  config::v1::Delivery twice;
  AddRoute(twice, {"a"}, "relay:25");
  AddRoute(twice, {"b"}, "relay:25");
  EXPECT_FALSE(RouteTable::Make(twice).ok());
}

TEST(RouteTableTest, APasswordIsNotSentInClear) {
  config::v1::Delivery config;
  auto* route = AddRoute(config, {"*"}, "relay.example:587");
  route->set_user("gate");
  EXPECT_FALSE(RouteTable::Make(config).ok());  // no password
  route->set_password_file("secret");
  EXPECT_FALSE(RouteTable::Make(config).ok());  // opportunistic: may be stripped
  route->set_tls(config::v1::Route::REQUIRED);
  EXPECT_TRUE(RouteTable::Make(config).ok());
  route->set_tls(config::v1::Route::NONE);
  EXPECT_FALSE(RouteTable::Make(config).ok());
}

TEST(RouteTableTest, DestinationsAreRoutesOrDomains) {
  config::v1::Delivery config;
  AddRoute(config, {"example.jp"}, "127.0.0.1:5825", "customer.example");
  const auto table = RouteTable::Make(config);
  const auto of = [&](const char* address, bool require_tls) { return DestinationOf(*table, address, require_tls); };
  EXPECT_EQ(of("hanako@Example.jp", false),
            (DestinationName{DestinationName::Kind::kRoute, "customer.example", false}));
  EXPECT_EQ(of("\"a@b\"@customer.example", true),
            (DestinationName{DestinationName::Kind::kDomain, "customer.example", true}));
  EXPECT_EQ(DomainOf("no-at-sign"), "");
}

TEST(RouteTableTest, NoTwoDestinationsShareAKey) {
  std::set<std::string> keys;
  for (const auto kind : {DestinationName::Kind::kRoute, DestinationName::Kind::kDomain}) {
    for (const bool require_tls : {false, true})
      keys.insert(DestinationName{kind, "customer.example", require_tls}.Key());
  }
  EXPECT_EQ(keys.size(), 4U);
}

}  // namespace
}  // namespace sekisho::delivery

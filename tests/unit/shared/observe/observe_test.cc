#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "shared/base/secret.h"
#include "shared/observe/endpoint.h"
#include "shared/observe/log.h"
#include "shared/observe/metrics.h"
#include "shared/observe/traceparent.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::observe {
namespace {

static_assert(!std::is_constructible_v<Field, std::string_view, Secret<std::string>>,
              "a secret must not become a field");

TEST(LogTest, WritesOneJsonObjectALine) {
  testing::TemporaryFolder folder;
  ASSERT_TRUE(OpenLog("info", folder / "log").ok());
  Log(Level::kDebug, "not.shown");
  Log(Level::kWarn, "some.event", {{"text", "two\nlines \"quoted\" \x80"}, {"count", 3}, {"yes", true}});
  std::ifstream in(folder / "log");
  std::stringstream all;
  all << in.rdbuf();
  const std::string text = all.str();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  EXPECT_NE(text.find(R"("event":"some.event","text":"two\nlines \"quoted\" )"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("count":3,"yes":true)"), std::string::npos);
  EXPECT_EQ(OpenLog("loud", "").error().code, Code::kInvalid);
}

TEST(MetricsTest, ExposesAndBoundsItsSeries) {
  Metrics metrics;
  for (int i = 0; i < 10; ++i) {
    metrics.GetCounter("sekisho_probe_total", "Probes", {{"destination", std::to_string(i)}}, 3).Add();
  }
  int collected = 0;
  const int id = metrics.OnCollect([&] { ++collected; });
  metrics.GetHistogram("sekisho_probe_seconds", "Time").Observe(0.002);
  const std::string text = metrics.Expose();
  EXPECT_NE(text.find("sekisho_probe_total{destination=\"2\"} 1"), std::string::npos) << text;
  EXPECT_EQ(text.find("destination=\"3\""), std::string::npos);
  EXPECT_NE(text.find("sekisho_probe_total{destination=\"other\"} 7"), std::string::npos) << text;
  EXPECT_NE(text.find("sekisho_metrics_overflow_total{family=\"sekisho_probe_total\"} 7"), std::string::npos);
  metrics.Forget(id);
  metrics.Expose();
  EXPECT_EQ(collected, 1);
}

TEST(TraceParentTest, ParsesWhatItWrites) {
  const TraceParent trace = NewTrace();
  const auto parsed = ParseTraceParent(trace.ToString());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->trace_id, trace.trace_id);
  EXPECT_EQ(trace.Child().trace_id, trace.trace_id);
  EXPECT_NE(trace.Child().span_id, trace.span_id);
  for (const char* bad : {"", "00-0-0-0", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"}) {
    EXPECT_FALSE(ParseTraceParent(bad).ok()) << bad;
  }
}

std::string Get(uint16_t port, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0) answer.append(buffer, static_cast<size_t>(got));
  close(fd);
  return answer;
}

TEST(EndpointTest, AnswersHealthAndMetrics) {
  Metrics metrics;
  metrics.GetGauge("sekisho_probe", "A probe").Set(4);
  bool ready = false;
  const auto endpoint = Endpoint::Start("127.0.0.1", 0, metrics, {[] { return true; }, [&] { return ready; }});
  ASSERT_TRUE(endpoint.ok());
  const uint16_t port = (*endpoint)->port();
  EXPECT_NE(Get(port, "GET /metrics HTTP/1.1\r\n\r\n").find("sekisho_probe 4"), std::string::npos);
  EXPECT_TRUE(Get(port, "GET /livez HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(Get(port, "GET /readyz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 503 "));
  ready = true;
  EXPECT_TRUE(Get(port, "GET /readyz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(Get(port, "GET /etc/passwd HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(Get(port, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
  EXPECT_TRUE(Get(port, "GET /" + std::string(5000, 'a')).starts_with("HTTP/1.1 431 "));
  EXPECT_FALSE(Endpoint::Start("127.0.0.1", port, metrics, {}).ok()) << "the address is taken";
}

}  // namespace
}  // namespace sekisho::observe

// What SMTP itself costs: finding the end of DATA, a whole session without sockets, and a mail over loopback through
// our client and our server (the CPU of both).
#include <benchmark/benchmark.h>

#include <future>

#include "shared/smtp/client.h"
#include "shared/smtp/data_decoder.h"
#include "shared/smtp/dot_stuffer.h"
#include "shared/smtp/server.h"
#include "shared/smtp/server_session.h"

namespace {

using namespace sekisho;
using namespace sekisho::smtp;

std::string MailOf(size_t size) {
  std::string mail = "From: a@example.jp\r\nTo: b@partner.example\r\nSubject: x\r\n\r\n";
  while (mail.size() < size)
    mail += "A line of an ordinary mail has about seventy-six octets, as this line has it.\r\n";
  return mail;
}

void DecodeData(benchmark::State& state) {
  const std::string wire = MailOf(1 << 20) + ".\r\n";
  for (auto _ : state) {
    DataDecoder decoder(false);
    for (std::string_view rest = wire; !rest.empty();) {
      std::string_view window = rest.substr(0, 64 * 1024);
      const size_t size = window.size();
      while (!window.empty()) benchmark::DoNotOptimize(decoder.Next(window));
      rest.remove_prefix(size);
    }
    SEKISHO_CHECK(decoder.defect().ok());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * wire.size()));
}
BENCHMARK(DecodeData);

void StuffData(benchmark::State& state) {
  const std::string mail = MailOf(1 << 20);
  std::vector<std::string_view> pieces;
  for (auto _ : state) {
    auto stuffer = DotStuffer::Make({mail});
    while (stuffer->Next(pieces)) benchmark::DoNotOptimize(pieces.data());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * mail.size()));
}
BENCHMARK(StuffData);

void SessionTakesAMail(benchmark::State& state) {
  ServerSession session({.hostname = "gw.example.jp"}, false);
  const std::string commands = "EHLO c.example\r\nMAIL FROM:<a@example.jp>\r\nRCPT TO:<b@partner.example>\r\nDATA\r\n";
  const std::string content = MailOf(10 * 1024) + ".\r\n";
  using Kind = ServerSession::Kind;
  const auto feed = [&](std::string_view octets) {
    const std::span<char> space = session.InputSpace();
    SEKISHO_CHECK(octets.size() <= space.size());
    std::copy(octets.begin(), octets.end(), space.begin());
    session.AddInput(octets.size());
    for (;;) {
      const ServerSession::Action action = session.Next();
      if (action.kind == Kind::kNeedInput) break;
      if (action.kind == Kind::kContent)
        session.Take(Ok());
      else
        session.Answer(Reply(250, "2.0.0", "ok"));
    }
    benchmark::DoNotOptimize(session.TakeOutput());
  };
  for (auto _ : state) {
    feed(commands);
    feed(content);
  }
}
BENCHMARK(SessionTakesAMail);

class Taker final : public Receiver {
 public:
  void OnMail(const Peer&, const MailFrom&, Answer answer) override { answer(Reply(250, "2.1.0", "ok")); }
  void OnRcpt(const RcptTo&, Answer answer) override { answer(Reply(250, "2.1.5", "ok")); }
  void OnBegin(Answer answer) override { answer(Reply(354, "", "")); }
  void OnContent(std::string_view, Taken taken) override { taken(Ok()); }
  void OnEnd(Answer answer) override { answer(Reply(250, "2.0.0", "taken")); }
  void OnAbort() override {}
};

// One connection, one mail after another: the CPU of the process for each.
void AMailOverLoopback(benchmark::State& state) {
  SystemClock clock;
  net::IoPool pool(2);
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.hostname = "gw.example.jp";
  auto server = *Server::Start(
      options,
      [](const Peer&) -> Result<std::unique_ptr<Receiver>> {
        return std::unique_ptr<Receiver>(std::make_unique<Taker>());
      },
      pool, clock);
  ClientOptions client_options;
  client_options.hello = "c.example";
  client_options.tls = ClientOptions::Tls::kNone;
  std::promise<std::unique_ptr<Client>> opened;
  Client::Open(pool, "127.0.0.1", server->port(), client_options,
               [&](Client::Opened result) { opened.set_value(std::move(result.client)); });
  const std::unique_ptr<Client> client = opened.get_future().get();
  const std::string content = MailOf(10 * 1024);
  // From call-back to call-back, so that no thread of the benchmark's own is woken for each mail.
  constexpr int kMails = 2000;
  for (auto _ : state) {
    std::promise<void> done;
    int left = kMails;
    std::function<void(Sent)> next = [&](Sent sent) {
      SEKISHO_CHECK(sent.stage == Stage::kDone);
      if (--left == 0) return done.set_value();
      client->Send({.mail_from = "a@example.jp",
                    .recipients = {{"b@partner.example", "", ""}},
                    .smtputf8 = false,
                    .require_tls = false,
                    .envid = "",
                    .ret = "",
                    .content = {"Received: by gw\r\n", content},
                    .keep = nullptr},
                   next);
    };
    ++left;
    next({.stage = Stage::kDone,
          .mail = {},
          .recipients = {},
          .final = {},
          .error = {},
          .reusable = true,
          .unanswered = false});
    done.get_future().wait();
  }
  state.SetItemsProcessed(state.iterations() * kMails);
}
BENCHMARK(AMailOverLoopback)->MeasureProcessCPUTime()->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();

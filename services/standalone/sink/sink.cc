#include "services/standalone/sink/sink.h"

#include "services/standalone/sink/maildir.h"
#include "shared/base/worker_pool.h"
#include "shared/observe/log.h"
#include "shared/smtp/server.h"

namespace sekisho::standalone {
namespace {

constexpr auto kSlowness = std::chrono::seconds(5);

bool Asks(const smtp::Mailbox& mailbox, std::string_view behaviour) {
  const std::string_view local = mailbox.local_part;
  return local == behaviour || (local.starts_with(behaviour) && local.substr(behaviour.size()).starts_with("-"));
}

// Takes one connection's mails and keeps them.
class Keeper final : public smtp::Receiver {
 public:
  Keeper(std::string folder, WorkerPool& writers, net::Loop& loop)
      : folder_(std::move(folder)), writers_(writers), loop_(loop) {}

  void OnMail(const smtp::Peer&, const smtp::MailFrom& mail, Answer answer) override {
    mail_from_ = mail.path.null ? "" : mail.path.mailbox.ToString();
    recipients_.clear();
    content_.clear();
    refuse_ = slow_ = false;
    answer(smtp::Reply(250, "2.1.0", "ok"));
  }
  void OnRcpt(const smtp::RcptTo& rcpt, Answer answer) override {
    const smtp::Mailbox& mailbox = rcpt.path.mailbox;
    if (Asks(mailbox, "reject")) return answer(smtp::Reply(550, "5.1.1", "nobody by that name"));
    if (Asks(mailbox, "defer")) return answer(smtp::Reply(451, "4.3.0", "come back later"));
    refuse_ = refuse_ || Asks(mailbox, "refuse");
    slow_ = slow_ || Asks(mailbox, "slow");
    recipients_.push_back(mailbox.ToString());
    answer(smtp::Reply(250, "2.1.5", "ok"));
  }
  void OnBegin(Answer answer) override { answer(smtp::Reply(354, "", "go ahead")); }
  void OnContent(std::string_view octets, Taken taken) override {
    content_ += octets;
    taken(Ok());
  }
  void OnEnd(Answer answer) override {
    if (slow_) {
      answer = [&loop = loop_, answer = std::move(answer)](smtp::Reply reply) {
        loop.PostAfter(kSlowness, [answer, reply = std::move(reply)] { answer(reply); });
      };
    }
    if (refuse_) return answer(smtp::Reply(554, "5.7.1", "not wanted here"));
    const bool posted = writers_.TryPost([folder = folder_, mail_from = std::move(mail_from_),
                                          recipients = std::move(recipients_), content = std::move(content_), answer] {
      for (const std::string& recipient : recipients) {
        const std::string top = "Return-Path: <" + mail_from + ">\r\nDelivered-To: " + recipient + "\r\n";
        const Status stored = StoreInMaildir(folder + "/" + FolderName(recipient), {top, content});
        if (stored.ok()) continue;
        observe::Log(observe::Level::kError, "sink.failed", {{"error", stored.error()}});
        return answer(smtp::ReplyTo(stored.error()));
      }
      answer(smtp::Reply(250, "2.0.0", "kept"));
    });
    if (!posted) answer(smtp::Reply(451, "4.3.0", "busy"));
  }
  void OnAbort() override { content_.clear(); }

 private:
  const std::string folder_;
  WorkerPool& writers_;
  net::Loop& loop_;  // for what must wait
  std::string mail_from_, content_;
  std::vector<std::string> recipients_;
  bool refuse_ = false, slow_ = false;
};

}  // namespace

struct Sink::Parts {
  WorkerPool writers{"sink", 2, 1000};
  std::vector<std::unique_ptr<smtp::Server>> servers;  // inside, outside
};

Sink::Sink(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Sink::~Sink() {
  for (const auto& server : parts_->servers) server->Stop(std::chrono::seconds(1));
}

std::string Sink::inside_address() const { return parts_->servers[0]->address(); }
std::string Sink::outside_address() const { return parts_->servers[1]->address(); }

Result<std::unique_ptr<Sink>> Sink::Start(const config::v1::Sink& config, net::IoPool& io, const Clock& clock) {
  auto parts = std::make_unique<Parts>();
  for (const auto& [address, side] :
       {std::pair{config.inside_address(), "inside"}, {config.outside_address(), "outside"}}) {
    smtp::ServerOptions options;
    options.address = address;
    options.hostname = std::string(side) + ".sink";
    auto server = smtp::Server::Start(
        options,
        [folder = config.folder() + "/" + side, &writers = parts->writers,
         &io](const smtp::Peer&) -> Result<std::unique_ptr<smtp::Receiver>> {
          return std::unique_ptr<smtp::Receiver>(std::make_unique<Keeper>(folder, writers, io.Next()));
        },
        io, clock);
    if (!server.ok()) return Annotate(server.error(), "sink");
    parts->servers.push_back(*std::move(server));
  }
  return std::unique_ptr<Sink>(new Sink(std::move(parts)));
}

}  // namespace sekisho::standalone

#pragma once
// Drives a ServerSession without sockets: octets in, what it says and does out. For tests and fuzzing.

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/smtp/server_session.h"

namespace sekisho::smtp::testing {

class Conversation {
 public:
  using Kind = ServerSession::Kind;

  explicit Conversation(ServerSession::Options options = Default(), bool tls = false)
      : session_(std::move(options), tls) {
    Run();
  }

  static ServerSession::Options Default() {
    ServerSession::Options options;
    options.hostname = "gw.example.jp";
    options.starttls = options.auth = true;
    return options;
  }

  // Feeds `octets`, at most `step` at a time, and returns what the session says.
  std::string Say(std::string_view octets, size_t step = SIZE_MAX) {
    while (!octets.empty() && !closed_) {
      const std::span<char> space = session_.InputSpace();
      const size_t size = std::min({octets.size(), space.size(), step});
      std::copy_n(octets.begin(), size, space.begin());
      session_.AddInput(size);
      octets.remove_prefix(size);
      Run();
    }
    return TakeOutput();
  }
  std::string TakeOutput() { return std::exchange(output_, {}); }
  // The codes alone: "250 250 354".
  std::string Codes(std::string_view octets, size_t step = SIZE_MAX) {
    const std::string said = Say(octets, step);
    std::string codes;
    for (size_t at = 0; at < said.size(); at = said.find('\n', at) + 1) {
      if (said[at + 3] == ' ') codes += (codes.empty() ? "" : " ") + said.substr(at, 3);
    }
    return codes;
  }

  ServerSession& session() { return session_; }
  bool closed() const { return closed_; }

  // The owner's part. By default all is taken, but a recipient "nobody".
  std::function<Reply(Kind)> answer;
  Status taken = Ok();
  struct Mail {
    std::string from, content, login;
    std::vector<std::string> recipients;
    bool tls = false;
  };
  std::vector<Mail> mails;
  std::vector<std::string> logins;  // "login:password"
  int aborted = 0, begun = 0;

 private:
  void Run() {
    for (;;) {
      const ServerSession::Action action = session_.Next();
      switch (action.kind) {
        case Kind::kNeedInput:
          return Flush();
        case Kind::kStartTls:
          Flush();
          session_.TlsStarted();
          break;
        case Kind::kClose:
          Flush();
          closed_ = true;
          return;
        case Kind::kAbort:
          ++aborted;
          break;
        case Kind::kContent:
          mail_.content += action.content;
          session_.Take(taken);
          break;
        case Kind::kAuth:
          logins.push_back(*action.login + ":" + action.password->Reveal());
          session_.Answer(Answered(action.kind, Reply(235, "2.7.0", "welcome")));
          break;
        case Kind::kMail:
          mail_ = {action.mail->path.null ? "" : action.mail->path.mailbox.ToString(),
                   "",
                   session_.login(),
                   {},
                   session_.tls()};
          session_.Answer(Answered(action.kind, Reply(250, "2.1.0", "ok")));
          break;
        case Kind::kRcpt: {
          const bool nobody = action.rcpt->path.mailbox.local_part == "nobody";
          if (!nobody) mail_.recipients.push_back(action.rcpt->path.mailbox.ToString());
          session_.Answer(nobody ? Reply(550, "5.1.1", "no") : Answered(action.kind, Reply(250, "2.1.5", "ok")));
          break;
        }
        case Kind::kBegin:
          ++begun;
          session_.Answer(Answered(action.kind, Reply(354, "", "")));
          break;
        case Kind::kEnd: {
          const Reply reply = Answered(action.kind, Reply(250, "2.0.0", "kept"));
          if (reply.positive()) mails.push_back(mail_);
          session_.Answer(reply);
          break;
        }
      }
    }
  }
  Reply Answered(Kind kind, const Reply& usual) { return answer ? answer(kind) : usual; }
  void Flush() { output_ += session_.TakeOutput(); }

  ServerSession session_;
  std::string output_;
  Mail mail_;
  bool closed_ = false;
};

}  // namespace sekisho::smtp::testing

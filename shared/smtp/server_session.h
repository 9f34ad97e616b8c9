#pragma once
// The server's side of one connection as a state machine without I/O: octets in; replies and actions out. The owner
// feeds it, does what each action asks, and answers before it asks for the next. Pure; one thread.
//
//   for (;;) {
//     const Action action = session.Next();
//     kNeedInput: write TakeOutput(), read into InputSpace(), AddInput()   kMail, kRcpt, …: … Answer(reply)
//   }
//
// Commands that came together are answered together: output is only due when input is needed, TLS starts, or it closes
// (PIPELINING). Standards: RFC 5321; 1870 SIZE, 2034, 2920, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN, 4954 AUTH, 6152,
// 6531, 8689.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "shared/base/secret.h"
#include "shared/smtp/command.h"
#include "shared/smtp/content_checker.h"
#include "shared/smtp/data_decoder.h"
#include "shared/smtp/input_buffer.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

class ServerSession {
 public:
  struct Options {
    std::string hostname;        // in the greeting and in EHLO
    bool starttls = false;       // offered in the clear
    bool auth = false;           // offered under TLS only
    bool auth_required = false;  // before MAIL
    bool normalize_bare_lf = false;
    uint64_t max_size = 50 << 20;
    size_t max_recipients = 500;
    size_t max_errors = 20;  // since the last accepted mail; then 421
  };

  enum class Kind {
    kNeedInput,  // write the output, read
    kStartTls,   // write the output, do the handshake, TlsStarted
    kAuth,       // `login`, `password`; Answer
    kMail,       // `mail`; Answer
    kRcpt,       // `rcpt`; Answer
    kBegin,      // the recipients are final; Answer, positively if the content may come
    kContent,    // a piece of it; Take
    kEnd,        // all of it came; Answer
    kAbort,      // the mail that was accepted by the answer to kMail will not end
    kClose,      // write the output, close
  };
  // What the pointers and views name is valid until the answer.
  struct Action {
    Kind kind = Kind::kNeedInput;
    const std::string* login = nullptr;
    const Secret<std::string>* password = nullptr;
    const MailFrom* mail = nullptr;
    const RcptTo* rcpt = nullptr;
    std::string_view content = {};
  };

  // `tls`: the connection is under TLS already. The greeting is the first output.
  ServerSession(Options options, bool tls);

  Action Next();
  void Answer(const Reply& reply);
  // The owner took the piece of content. An error refuses the mail; the client hears of it after the content.
  void Take(const Status& taken);
  void TlsStarted();
  // Says `reply` and closes, whatever is under way: 421 when a time has run out or the server stops.
  void Close(const Reply& reply);

  std::span<char> InputSpace() { return input_.Space(); }
  void AddInput(size_t size) { input_.Add(size); }
  std::string TakeOutput() { return std::exchange(output_, {}); }

  bool tls() const { return tls_; }
  bool extended() const { return extended_; }
  const std::string& hello() const { return hello_; }
  const std::string& login() const { return login_; }            // empty: not authenticated
  bool idle() const { return !mail_ && state_ < State::kData; }  // no mail is under way
  // Mails that ended since the last call, for metrics.
  struct Counts {
    uint64_t accepted = 0, refused = 0;
  };
  Counts TakeCounts() { return std::exchange(counts_, {}); }
  bool in_content() const { return state_ == State::kData || state_ == State::kChunk; }

 private:
  enum class State { kCommand, kAuthPlain, kAuthLogin, kAuthPassword, kData, kChunk, kContentEnd };
  using MaybeAction = std::optional<Action>;  // none: go on

  MaybeAction OnLine();
  MaybeAction OnCommand(const Command& command);
  void OnHello(const Ehlo& hello);
  MaybeAction OnStartTls();
  MaybeAction OnAuth(const Auth& auth);
  MaybeAction OnAuthLine(std::string_view line);
  MaybeAction OnPlain(const std::string& response);
  MaybeAction AskPassword(std::string login, std::string password);
  MaybeAction OnMail(const MailFrom& mail);
  MaybeAction OnRcpt(const RcptTo& rcpt);
  MaybeAction OnDataCommand();
  MaybeAction OnBdat(const Bdat& bdat);
  MaybeAction OnData();
  MaybeAction OnChunk();
  MaybeAction OnContentEnd();

  MaybeAction Ask(Kind kind);
  MaybeAction GiveContent(std::string_view octets);
  std::optional<std::string_view> TakeLine();
  void Say(const Reply& reply) { AppendReply(reply, output_); }
  void Fail(const Reply& reply);         // Say, and count the client's error
  void DropMail();                       // the owner hears kAbort if it has one
  void RefuseContent(const Reply& why);  // the rest is swallowed
  void CountContent(uint64_t octets);
  Reply TooLarge() const;

  const Options options_;
  State state_ = State::kCommand;
  Kind asked_ = Kind::kNeedInput;  // what Answer answers
  bool tls_ = false, extended_ = false;
  bool abort_due_ = false, close_due_ = false;
  std::string hello_, login_;
  std::string asked_login_;
  Secret<std::string> asked_password_;
  size_t errors_ = 0;
  InputBuffer input_;
  std::string output_;
  ParsedCommand parsed_;  // the last one: actions point into it

  struct Mail {
    bool smtputf8 = false;
    size_t recipients = 0;
    bool chunked = false;  // BDAT has begun
  };
  std::optional<Mail> mail_;      // accepted by the answer to kMail, and not ended
  std::optional<Reply> refusal_;  // of the content that is being swallowed
  std::optional<DataDecoder> decoder_;
  ContentChecker checker_;  // of chunks
  Bdat chunk_;              // size: what is still to come
  uint64_t content_octets_ = 0;
  Counts counts_;
};

}  // namespace sekisho::smtp

#pragma once
// The server's side of one connection as a state machine without I/O: octets in, actions and reply octets out. The owner feeds it,
// does what each action asks, and answers. Pure; one thread.
//
//   for (;;) switch (auto action = session.Next(); action.kind) {
//     case kNeedInput: write TakeOutput(), read, session.Feed(…)
//     case kAuth:      … session.Answer(reply)      …and so on
//
// Standards: RFC 5321; 1870 SIZE, 2034, 2920 PIPELINING, 3030 CHUNKING, 3207 STARTTLS, 3461 DSN, 4954 AUTH, 6152, 6531, 8689.

#include <optional>
#include <string>
#include <string_view>

#include "shared/base/secret.h"
#include "shared/smtp/command.h"
#include "shared/smtp/data_decoder.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

struct SessionOptions {
  std::string hostname;             // in the greeting and EHLO
  bool starttls = false;            // offered while the connection is in the clear
  bool auth = false;                // offered, under TLS only
  bool auth_required = false;       // before MAIL
  bool smtputf8 = true;
  uint64_t max_size = 50 << 20;
  size_t max_recipients = 500;
  size_t max_errors = 20;           // then 421
  bool normalize_bare_lf = false;
};

struct Action {
  enum class Kind {
    kNeedInput,     // write the output, read, Feed
    kStartTls,      // write the output, then do the handshake and call TlsStarted
    kAuth,          // check `login` and `password`; Answer
    kMail,          // `mail`; Answer
    kRcpt,          // `rcpt`; Answer
    kBeginContent,  // the recipients are final; Answer with 354's kin (any 3xx) to take it, or a refusal
    kContent,       // `content`, in pieces; a refusal is said with RefuseContent
    kEndContent,    // all of it came; Answer
    kAbort,         // the mail under way is dropped: RSET, a new EHLO, a defect
    kClose,         // write the output, close
  };
  Kind kind = Kind::kNeedInput;
  std::string login;
  Secret<std::string> password;
  MailFrom mail;
  RcptTo rcpt;
  std::string_view content;         // valid until the next call
};

class ServerSession {
 public:
  explicit ServerSession(SessionOptions options, bool tls);

  Action Next();
  void Feed(std::string_view octets) { input_ += octets; }
  void Answer(const Reply& reply);
  // The owner will not take the content under way: it is swallowed, and `reply` is said at its end. No kAbort follows.
  void RefuseContent(const Reply& reply);
  void TlsStarted();
  // Ends the session with `reply` at the next action: 421 when the server stops, a time runs out, a limit is hit.
  void Close(const Reply& reply);
  std::string TakeOutput() { return std::exchange(output_, {}); }

  bool tls() const { return tls_; }
  bool in_content() const { return state_ == State::kContent || state_ == State::kChunk; }
  bool idle() const { return !mail_ && input_.empty(); }  // no mail is under way
  bool extended() const { return extended_; }
  const std::string& client_name() const { return client_name_; }
  const std::string& login() const { return login_; }     // empty: not authenticated

 private:
  enum class State { kCommand, kAuthPlain, kAuthLoginName, kAuthLoginPassword, kContent, kChunk, kClosed };
  enum class Pending { kNone, kAuth, kMail, kRcpt, kBegin, kEnd };

  std::optional<std::string_view> TakeLine();
  std::optional<Action> OnLine(std::string_view line);
  std::optional<Action> OnCommand(const Command& command);
  std::optional<Action> OnHello(const Ehlo& hello);
  std::optional<Action> OnStartTls();
  std::optional<Action> OnAuth(const Auth& auth);
  std::optional<Action> OnAuthLine(std::string_view line);
  std::optional<Action> OnMail(const MailFrom& mail);
  std::optional<Action> OnRcpt(const RcptTo& rcpt);
  std::optional<Action> OnContentStart(std::optional<Bdat> bdat);
  std::optional<Action> OnContent();
  std::optional<Action> OnChunk();
  std::optional<Action> GivePiece(const Status& defect);
  Action EndContent();
  Action AskPassword(std::string login, std::string password);
  std::optional<Action> DropMail(bool tell);
  void Say(const Reply& reply);
  void Fail(const Reply& reply);    // Say, and count the error
  void ResetMail();
  void Compact();

  const SessionOptions options_;
  State state_ = State::kCommand;
  Pending pending_ = Pending::kNone;
  bool tls_;
  bool greeted_ = false, extended_ = false, closing_ = false;
  std::string client_name_, login_, asked_login_;
  size_t errors_ = 0;

  std::string input_;
  size_t taken_ = 0;                // of input_, by lines and content
  std::string output_;

  std::optional<MailFrom> mail_;
  size_t recipients_ = 0;
  bool begun_ = false;              // the owner took kBeginContent
  bool owner_has_mail_ = false;     // the owner must hear of its end
  bool ending_ = false;             // the end mark was read; the owner still has a piece to take
  std::optional<DataDecoder> decoder_;
  std::optional<ChunkChecker> chunks_;
  std::optional<Bdat> chunk_;
  uint64_t chunk_left_ = 0;
  uint64_t size_ = 0;               // content octets so far
  uint64_t swallowed_ = 0;
  bool too_large_ = false;
  std::optional<Reply> refused_;    // the owner refused the content: what remains is swallowed
  std::string piece_;
};

}  // namespace sekisho::smtp

#include "shared/smtp/server_session.h"

#include <algorithm>

#include "shared/base/bytes.h"

namespace sekisho::smtp {
namespace {

constexpr size_t kLongestCommand = 4096;       // RFC 5321 asks for 512 and room for extensions' parameters
constexpr size_t kLongestAuthLine = 12288;     // RFC 4954 §4
constexpr size_t kPieceSize = 64 * 1024;

Reply BadSequence(std::string text) { return {503, "5.5.1", std::move(text)}; }

}  // namespace

ServerSession::ServerSession(SessionOptions options, bool tls) : options_(std::move(options)), tls_(tls) {
  Say(Reply(220, "", options_.hostname + " ESMTP Sekisho"));
}

void ServerSession::Say(const Reply& reply) { output_ += FormatReply(reply); }

void ServerSession::Fail(const Reply& reply) {
  if (++errors_ >= options_.max_errors) {
    Say(Reply(421, "4.7.0", "too many errors; closing"));
    closing_ = true;
    return;
  }
  Say(reply);
}

void ServerSession::Close(const Reply& reply) {
  Say(reply);
  closing_ = true;
}

void ServerSession::Compact() {
  if (taken_ == input_.size()) {
    input_.clear();
    taken_ = 0;
  } else if (taken_ > kPieceSize) {
    input_.erase(0, taken_);
    taken_ = 0;
  }
}

Action ServerSession::Next() {
  for (;;) {
    if (closing_ || state_ == State::kClosed) {
      state_ = State::kClosed;
      Action action;
      action.kind = Action::Kind::kClose;
      return action;
    }
    if (state_ == State::kContent || state_ == State::kChunk) {
      auto action = state_ == State::kContent ? OnContent() : OnChunk();
      if (action) return *std::move(action);
      continue;
    }
    const auto line = TakeLine();
    if (closing_) continue;
    if (!line) return Action();
    // The line is a view into input_: handlers copy what they keep.
    if (auto action = OnLine(*line)) return *std::move(action);
  }
}

// A line that CRLF ends. A bare CR, LF or NUL within it makes it no command at all.
std::optional<std::string_view> ServerSession::TakeLine() {
  Compact();
  const size_t limit = state_ == State::kCommand ? kLongestCommand : kLongestAuthLine;
  const std::string_view rest = std::string_view(input_).substr(taken_);
  const size_t end = rest.find("\r\n");
  if (end == std::string_view::npos ? rest.size() > limit : end > limit) {
    Close(Reply(500, "5.5.2", "the line is too long; closing"));
    return std::nullopt;
  }
  if (end == std::string_view::npos) return std::nullopt;
  taken_ += end + 2;
  return rest.substr(0, end);
}

std::optional<Action> ServerSession::OnLine(std::string_view line) {
  if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos) {
    state_ = State::kCommand;
    Fail(Reply(500, "5.5.2", "a line must end with CRLF and hold no CR, LF or NUL"));
    return std::nullopt;
  }
  if (state_ != State::kCommand) return OnAuthLine(line);
  const CommandContext context{extended_, options_.smtputf8, mail_ && mail_->smtputf8};
  ParsedCommand parsed = ParseCommand(line, context);
  if (!parsed.command) {
    Fail(parsed.error);
    return std::nullopt;
  }
  return OnCommand(*parsed.command);
}

std::optional<Action> ServerSession::OnCommand(const Command& command) {
  if (const auto* hello = std::get_if<Ehlo>(&command)) return OnHello(*hello);
  if (std::holds_alternative<Quit>(command)) {
    Close(Reply(221, "2.0.0", "bye"));
    return std::nullopt;
  }
  if (std::holds_alternative<Noop>(command)) {
    Say(Reply(250, "2.0.0", "ok"));
    return std::nullopt;
  }
  if (std::holds_alternative<Help>(command)) {
    Say(Reply(214, "2.0.0", "see RFC 5321"));
    return std::nullopt;
  }
  if (std::holds_alternative<Vrfy>(command)) {
    Say(Reply(252, "2.5.2", "send the mail, and see"));  // never says whether an address exists
    return std::nullopt;
  }
  if (std::holds_alternative<Rset>(command)) {
    Say(Reply(250, "2.0.0", "ok"));
    return DropMail(true);
  }
  if (std::holds_alternative<StartTls>(command)) return OnStartTls();
  if (const auto* bdat = std::get_if<Bdat>(&command)) return OnContentStart(*bdat);
  if (client_name_.empty()) {
    Fail(BadSequence("say EHLO first"));
    return std::nullopt;
  }
  if (const auto* auth = std::get_if<Auth>(&command)) return OnAuth(*auth);
  if (const auto* mail = std::get_if<MailFrom>(&command)) return OnMail(*mail);
  if (const auto* rcpt = std::get_if<RcptTo>(&command)) return OnRcpt(*rcpt);
  return OnContentStart(std::nullopt);
}

std::optional<Action> ServerSession::OnHello(const Ehlo& hello) {
  client_name_ = hello.name;
  extended_ = hello.extended;
  if (!hello.extended) {
    Say(Reply(250, "", options_.hostname));
    return DropMail(true);
  }
  Reply reply(250, "", options_.hostname + " greets " + hello.name);
  reply.lines.push_back("PIPELINING");
  reply.lines.push_back("SIZE " + std::to_string(options_.max_size));
  if (options_.starttls && !tls_) reply.lines.push_back("STARTTLS");
  if (options_.auth && tls_) reply.lines.push_back("AUTH PLAIN LOGIN");
  reply.lines.push_back("8BITMIME");
  reply.lines.push_back("ENHANCEDSTATUSCODES");
  reply.lines.push_back("CHUNKING");
  reply.lines.push_back("DSN");
  if (options_.smtputf8) reply.lines.push_back("SMTPUTF8");
  if (tls_) reply.lines.push_back("REQUIRETLS");
  Say(reply);
  return DropMail(true);
}

std::optional<Action> ServerSession::OnStartTls() {
  if (!options_.starttls || tls_) {
    Fail(BadSequence(tls_ ? "TLS is on already" : "TLS is not offered here"));
    return std::nullopt;
  }
  if (taken_ != input_.size()) {
    // Octets sent before the handshake would count as if they came under TLS (CVE-2011-0411).
    Close(Reply(554, "5.5.1", "commands followed STARTTLS in the clear; closing"));
    return std::nullopt;
  }
  Say(Reply(220, "2.0.0", "go ahead"));
  Action action;
  action.kind = Action::Kind::kStartTls;
  return action;
}

void ServerSession::TlsStarted() {
  tls_ = true;
  input_.clear();
  taken_ = 0;
  client_name_.clear();
  login_.clear();
  extended_ = false;
  ResetMail();
}

std::optional<Action> ServerSession::OnAuth(const Auth& auth) {
  if (!options_.auth) {
    Fail(Reply(502, "5.5.1", "AUTH is not offered here"));
  } else if (!tls_) {
    Fail(Reply(538, "5.7.11", "AUTH needs TLS; use STARTTLS first"));
  } else if (!login_.empty()) {
    Fail(BadSequence("you are logged in already"));
  } else if (mail_) {
    Fail(BadSequence("AUTH is not allowed within a mail"));
  } else if (auth.mechanism == "PLAIN") {
    state_ = State::kAuthPlain;
    if (auth.initial) return OnAuthLine(*auth.initial == "=" ? "" : *auth.initial);
    Say(Reply(334, "", ""));
  } else if (auth.mechanism == "LOGIN") {
    state_ = State::kAuthLoginName;
    if (auth.initial) return OnAuthLine(*auth.initial == "=" ? "" : *auth.initial);
    Say(Reply(334, "", "VXNlcm5hbWU6"));  // "Username:"
  } else {
    Fail(Reply(504, "5.5.4", "this mechanism is not supported; use PLAIN or LOGIN"));
  }
  return std::nullopt;
}

std::optional<Action> ServerSession::OnAuthLine(std::string_view line) {
  const State state = std::exchange(state_, State::kCommand);
  if (line == "*") {
    Fail(Reply(501, "5.7.0", "cancelled"));
    return std::nullopt;
  }
  auto decoded = Base64Decode(line);
  if (!decoded.ok()) {
    Fail(Reply(501, "5.5.2", "the response is not base64"));
    return std::nullopt;
  }
  if (state == State::kAuthLoginName) {
    asked_login_ = *std::move(decoded);
    state_ = State::kAuthLoginPassword;
    Say(Reply(334, "", "UGFzc3dvcmQ6"));  // "Password:"
    return std::nullopt;
  }
  if (state == State::kAuthLoginPassword) return AskPassword(std::exchange(asked_login_, {}), *std::move(decoded));
  // RFC 4616: [authorisation identity] NUL login NUL password
  const size_t first = decoded->find('\0');
  const size_t second = first == std::string::npos ? first : decoded->find('\0', first + 1);
  if (second == std::string::npos || decoded->find('\0', second + 1) != std::string::npos) {
    Fail(Reply(501, "5.5.2", "the response is not PLAIN's"));
    return std::nullopt;
  }
  std::string login = decoded->substr(first + 1, second - first - 1);
  if (first != 0 && decoded->substr(0, first) != login) {
    Fail(Reply(535, "5.7.8", "nobody acts for another here"));
    return std::nullopt;
  }
  return AskPassword(std::move(login), decoded->substr(second + 1));
}

Action ServerSession::AskPassword(std::string login, std::string password) {
  Action action;
  action.kind = Action::Kind::kAuth;
  asked_login_ = login;
  action.login = std::move(login);
  action.password = Secret<std::string>(std::move(password));
  pending_ = Pending::kAuth;
  return action;
}

std::optional<Action> ServerSession::OnMail(const MailFrom& mail) {
  if (mail_) {
    Fail(BadSequence("a mail is under way; send it or RSET"));
  } else if (options_.auth_required && login_.empty()) {
    Fail(Reply(530, "5.7.0", "log in first"));
  } else if (mail.require_tls && !tls_) {
    Fail(Reply(530, "5.7.4", "REQUIRETLS needs TLS"));
  } else if (mail.size && *mail.size > options_.max_size) {
    Fail(Reply(552, "5.3.4", "the mail is larger than " + std::to_string(options_.max_size) + " octets"));
  } else {
    Action action;
    action.kind = Action::Kind::kMail;
    action.mail = mail;
    mail_ = mail;  // until the answer says otherwise
    pending_ = Pending::kMail;
    return action;
  }
  return std::nullopt;
}

std::optional<Action> ServerSession::OnRcpt(const RcptTo& rcpt) {
  if (!mail_ || begun_) {
    Fail(BadSequence("MAIL FROM comes first"));
  } else if (recipients_ >= options_.max_recipients) {
    Fail(Reply(452, "4.5.3", "too many recipients; send the mail to these " + std::to_string(recipients_) + " first"));
  } else {
    Action action;
    action.kind = Action::Kind::kRcpt;
    action.rcpt = rcpt;
    pending_ = Pending::kRcpt;
    return action;
  }
  return std::nullopt;
}

std::optional<Action> ServerSession::OnContentStart(std::optional<Bdat> bdat) {
  if (bdat) {
    chunk_ = bdat;
    chunk_left_ = bdat->size;
    state_ = State::kChunk;  // its octets follow, whatever we answer
    if (mail_ && recipients_ > 0 && begun_) return std::nullopt;
    if (client_name_.empty() || !mail_ || recipients_ == 0) {
      refused_ = mail_ ? Reply(554, "5.5.1", "there are no recipients") : BadSequence("MAIL FROM comes first");
      return std::nullopt;
    }
    chunks_.emplace();
  } else {
    if (!mail_ || recipients_ == 0 || begun_) {
      Fail(!mail_ ? BadSequence("MAIL FROM comes first")
                  : begun_ ? BadSequence("BDAT was used; go on with it") : Reply(554, "5.5.1", "there are no recipients"));
      return std::nullopt;
    }
    decoder_.emplace(options_.normalize_bare_lf);
  }
  Action action;
  action.kind = Action::Kind::kBeginContent;
  pending_ = Pending::kBegin;
  return action;
}

std::optional<Action> ServerSession::OnContent() {
  Compact();
  if (std::exchange(ending_, false)) {
    state_ = State::kCommand;
    return EndContent();
  }
  std::string_view rest = std::string_view(input_).substr(taken_, kPieceSize);
  if (rest.empty()) return Action();
  const size_t offered = rest.size();
  piece_.clear();
  ending_ = decoder_->Decode(rest, piece_);
  taken_ += offered - rest.size();
  return GivePiece(decoder_->defect());
}

std::optional<Action> ServerSession::OnChunk() {
  Compact();
  const bool wanted = begun_ && chunks_.has_value();
  if (chunk_left_ == 0) {
    state_ = State::kCommand;
    if (!wanted) {
      Fail(std::exchange(refused_, std::nullopt).value_or(BadSequence("MAIL FROM comes first")));
      return DropMail(mail_.has_value());
    }
    if (chunk_->last) {
      chunks_->Finish();
      return EndContent();
    }
    if (!refused_ && !too_large_ && chunks_->defect().ok()) {
      Say(Reply(250, "2.0.0", std::to_string(chunk_->size) + " octets taken"));
      return std::nullopt;
    }
    return EndContent();  // RFC 3030 §2: a chunk that fails ends the mail
  }
  const std::string_view rest = std::string_view(input_).substr(taken_, std::min<uint64_t>(kPieceSize, chunk_left_));
  if (rest.empty()) return Action();
  taken_ += rest.size();
  chunk_left_ -= rest.size();
  if (!wanted) return std::nullopt;  // swallowed
  chunks_->Check(rest);
  piece_ = rest;
  return GivePiece(chunks_->defect());
}

// Hands a decoded piece to the owner, unless the mail will be refused anyway.
std::optional<Action> ServerSession::GivePiece(const Status& defect) {
  size_ += piece_.size();
  too_large_ = too_large_ || size_ > options_.max_size;
  swallowed_ += piece_.size();
  if (swallowed_ > 4 * options_.max_size) {  // it will not listen: don't swallow for ever
    Close(Reply(552, "5.3.4", "the mail is far too large; closing"));
    return std::nullopt;
  }
  if (piece_.empty() || too_large_ || refused_ || !defect.ok()) return std::nullopt;
  Action action;
  action.kind = Action::Kind::kContent;
  action.content = piece_;
  return action;
}

void ServerSession::RefuseContent(const Reply& reply) {
  if (!refused_) refused_ = reply;
  owner_has_mail_ = false;
}

// The content is whole: the owner decides, unless it is refused already.
Action ServerSession::EndContent() {
  const Status defect = decoder_ ? decoder_->defect() : chunks_->defect();
  std::optional<Reply> refusal = refused_;
  if (!refusal && too_large_) {
    refusal = Reply(552, "5.3.4", "the mail is larger than " + std::to_string(options_.max_size) + " octets");
  }
  if (!refusal && !defect.ok()) refusal = Reply(550, "5.6.0", defect.error().detail);
  Action action;
  if (!refusal) {
    action.kind = Action::Kind::kEndContent;
    pending_ = Pending::kEnd;
    return action;
  }
  Fail(*refusal);
  if (auto drop = DropMail(true)) return *std::move(drop);
  return Next();
}

// Forgets the mail; tells the owner when it has one.
std::optional<Action> ServerSession::DropMail(bool tell) {
  const bool had = owner_has_mail_;
  ResetMail();
  if (!tell || !had) return std::nullopt;
  Action action;
  action.kind = Action::Kind::kAbort;
  return action;
}

void ServerSession::ResetMail() {
  mail_.reset();
  recipients_ = 0;
  begun_ = false;
  owner_has_mail_ = false;
  decoder_.reset();
  chunks_.reset();
  size_ = swallowed_ = 0;
  too_large_ = false;
  refused_.reset();
  ending_ = false;
}

void ServerSession::Answer(const Reply& reply) {
  switch (std::exchange(pending_, Pending::kNone)) {
    case Pending::kAuth:
      if (reply.positive()) {
        login_ = std::exchange(asked_login_, {});
        Say(reply);
      } else {
        asked_login_.clear();
        Fail(reply);
      }
      break;
    case Pending::kMail:
      owner_has_mail_ = reply.positive();
      if (reply.positive()) {
        Say(reply);
      } else {
        ResetMail();
        Fail(reply);
      }
      break;
    case Pending::kRcpt:
      recipients_ += reply.positive() ? 1 : 0;
      if (reply.positive()) Say(reply);
      else Fail(reply);
      break;
    case Pending::kBegin:
      begun_ = reply.positive();
      if (decoder_) {
        if (begun_) {
          state_ = State::kContent;
          Say(Reply(354, "", "go on; end with CRLF.CRLF"));
        } else {
          ResetMail();
          Fail(reply);
        }
      } else if (!begun_) {
        refused_ = reply;  // the chunk's octets come all the same
        owner_has_mail_ = false;
        chunks_.reset();
      }
      break;
    case Pending::kEnd:
      owner_has_mail_ = false;
      ResetMail();
      if (reply.positive()) {
        errors_ = 0;
        Say(reply);
      } else {
        Fail(reply);
      }
      break;
    case Pending::kNone: break;
  }
}

}  // namespace sekisho::smtp

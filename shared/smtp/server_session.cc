#include "shared/smtp/server_session.h"

#include <algorithm>

namespace sekisho::smtp {
namespace {

constexpr size_t kLongestCommand = 4096;    // RFC 5321 §4.5.3.1.4: 512, and room for the parameters of extensions
constexpr size_t kLongestAuthLine = 12288;  // RFC 4954 §4

Reply BadSequence(std::string text) { return {503, "5.5.1", std::move(text)}; }
Reply SayHelloFirst() { return BadSequence("say EHLO first"); }
Reply MailComesFirst() { return BadSequence("MAIL FROM comes first"); }
Reply NotAsItMustBe(const Status& defect) { return {550, "5.6.0", defect.error().detail}; }
Reply NoRecipients() { return {554, "5.5.1", "there are no recipients"}; }

}  // namespace

ServerSession::ServerSession(Options options, bool tls) : options_(std::move(options)), tls_(tls) {
  Say(Reply(220, "", options_.hostname + " ESMTP Sekisho"));
}

ServerSession::Action ServerSession::Next() {
  SEKISHO_CHECK(asked_ == Kind::kNeedInput);  // each question is answered before the next
  for (;;) {
    if (std::exchange(abort_due_, false)) return {Kind::kAbort};
    if (close_due_) return {Kind::kClose};
    MaybeAction action;
    switch (state_) {
      case State::kData:
        action = OnData();
        break;
      case State::kChunk:
        action = OnChunk();
        break;
      case State::kContentEnd:
        action = OnContentEnd();
        break;
      default:
        action = OnLine();
        break;
    }
    if (action) return *std::move(action);
  }
}

ServerSession::MaybeAction ServerSession::Ask(Kind kind) {
  asked_ = kind;
  Action action{kind};
  if (kind == Kind::kMail) action.mail = &std::get<MailFrom>(*parsed_.command);
  if (kind == Kind::kRcpt) action.rcpt = &std::get<RcptTo>(*parsed_.command);
  if (kind == Kind::kAuth) {
    action.login = &asked_login_;
    action.password = &asked_password_;
  }
  return action;
}

void ServerSession::Answer(const Reply& reply) {
  switch (std::exchange(asked_, Kind::kNeedInput)) {
    case Kind::kAuth:
      asked_password_ = {};
      if (!reply.positive()) return Fail(reply);
      login_ = std::exchange(asked_login_, {});
      return Say(reply);
    case Kind::kMail:
      if (reply.positive())
        mail_ = Mail{std::get<MailFrom>(*parsed_.command).smtputf8};
      else
        ++counts_.refused;
      return Say(reply);
    case Kind::kRcpt:
      if (reply.positive()) ++mail_->recipients;
      return Say(reply);
    case Kind::kBegin:
      if (!reply.positive()) {
        mail_.reset();
        ++counts_.refused;
      }
      if (state_ == State::kChunk) {  // its reply comes after its octets
        if (!reply.positive()) refusal_ = reply;
        return;
      }
      if (!reply.positive()) return Say(reply);
      content_octets_ = 0;
      decoder_.emplace(options_.normalize_bare_lf);
      state_ = State::kData;
      return Say(Reply(354, "", "end with CRLF.CRLF"));
    case Kind::kEnd:
      mail_.reset();
      ++(reply.positive() ? counts_.accepted : counts_.refused);
      if (reply.positive()) errors_ = 0;
      return Say(reply);
    default:
      SEKISHO_CHECK(!"an answer without a question");
  }
}

void ServerSession::Take(const Status& taken) {
  SEKISHO_CHECK(std::exchange(asked_, Kind::kNeedInput) == Kind::kContent);
  if (taken.ok()) return;
  refusal_ = ReplyTo(taken.error());
  mail_.reset();
  ++counts_.refused;
}

void ServerSession::TlsStarted() {
  tls_ = true;
  extended_ = false;
  hello_.clear();
  login_.clear();
  input_.Clear();
}

void ServerSession::Close(const Reply& reply) {
  Say(reply);
  asked_ = Kind::kNeedInput;
  close_due_ = true;
}

void ServerSession::Fail(const Reply& reply) {
  if (++errors_ < options_.max_errors) return Say(reply);
  Close(Reply(421, "4.7.0", "too many errors; closing"));
}

void ServerSession::DropMail() {
  abort_due_ = mail_.has_value();
  mail_.reset();
}

// ---- Lines

std::optional<std::string_view> ServerSession::TakeLine() {
  const std::string_view rest = input_.rest();
  const size_t limit = state_ == State::kCommand ? kLongestCommand : kLongestAuthLine;
  const size_t end = rest.find('\n');
  if (std::min(end, rest.size()) > limit) {
    Close(Reply(500, "5.5.2", "the line is too long; closing"));
    return std::nullopt;
  }
  if (end == std::string_view::npos) return std::nullopt;
  input_.Take(end + 1);
  return rest.substr(0, end);
}

ServerSession::MaybeAction ServerSession::OnLine() {
  auto line = TakeLine();
  if (close_due_) return std::nullopt;
  if (!line) {
    input_.Shrink();
    return Action{};
  }
  const bool crlf = line->ends_with('\r');
  if (crlf) line->remove_suffix(1);
  if ((!crlf && !options_.normalize_bare_lf) ||
      line->find_first_of(std::string_view("\r\0", 2)) != std::string_view::npos) {
    state_ = State::kCommand;
    Fail(Reply(500, "5.5.2", "a line ends with CRLF, and holds no CR, LF or NUL"));
    return std::nullopt;
  }
  if (state_ != State::kCommand) return OnAuthLine(*line);
  parsed_ = ParseCommand(*line, {extended_, mail_ && mail_->smtputf8});
  if (parsed_.command) return OnCommand(*parsed_.command);
  Fail(parsed_.error);
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::OnCommand(const Command& command) {
  if (const auto* hello = std::get_if<Ehlo>(&command)) {
    OnHello(*hello);
  } else if (std::holds_alternative<Rset>(command)) {
    DropMail();
    Say(Reply(250, "2.0.0", "ok"));
  } else if (std::holds_alternative<Quit>(command)) {
    DropMail();
    Close(Reply(221, "2.0.0", "bye"));
  } else if (std::holds_alternative<Noop>(command)) {
    Say(Reply(250, "2.0.0", "ok"));
  } else if (std::holds_alternative<Help>(command)) {
    Say(Reply(214, "2.0.0", "this is SMTP, RFC 5321"));
  } else if (std::holds_alternative<Vrfy>(command)) {
    Say(Reply(252, "2.5.2", "send the mail, and see"));  // never says whether an address exists
  } else if (std::holds_alternative<StartTls>(command)) {
    return OnStartTls();
  } else if (const auto* bdat = std::get_if<Bdat>(&command)) {
    return OnBdat(*bdat);
  } else if (hello_.empty()) {
    Fail(SayHelloFirst());
  } else if (const auto* auth = std::get_if<Auth>(&command)) {
    return OnAuth(*auth);
  } else if (const auto* mail = std::get_if<MailFrom>(&command)) {
    return OnMail(*mail);
  } else if (const auto* rcpt = std::get_if<RcptTo>(&command)) {
    return OnRcpt(*rcpt);
  } else {
    return OnDataCommand();
  }
  return std::nullopt;
}

void ServerSession::OnHello(const Ehlo& hello) {
  DropMail();
  hello_ = hello.name;
  extended_ = hello.extended;
  Reply reply(250, "", options_.hostname);
  if (extended_) {
    reply.lines.insert(reply.lines.end(), {"PIPELINING", "SIZE " + std::to_string(options_.max_size), "8BITMIME",
                                           "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES"});
    if (options_.starttls && !tls_) reply.lines.push_back("STARTTLS");
    if (options_.auth && tls_) reply.lines.push_back("AUTH PLAIN LOGIN");
    if (tls_) reply.lines.push_back("REQUIRETLS");
  }
  Say(reply);
}

ServerSession::MaybeAction ServerSession::OnStartTls() {
  if (!options_.starttls || tls_ || mail_) {
    Fail(BadSequence(tls_ ? "TLS is on already" : mail_ ? "a mail is under way" : "TLS is not offered here"));
    return std::nullopt;
  }
  if (!input_.rest().empty()) {
    // What came in the clear must never count as if it had come under TLS (CVE-2011-0411).
    Close(Reply(554, "5.5.1", "commands came after STARTTLS, in the clear; closing"));
    return std::nullopt;
  }
  Say(Reply(220, "2.0.0", "go ahead"));
  return Action{Kind::kStartTls};
}

// ---- The envelope

ServerSession::MaybeAction ServerSession::OnMail(const MailFrom& mail) {
  if (mail_) {
    Fail(BadSequence("a mail is under way; send it, or say RSET"));
  } else if (options_.auth_required && login_.empty()) {
    Fail(Reply(530, "5.7.0", "log in first"));
  } else if (mail.require_tls && !tls_) {
    Fail(Reply(530, "5.7.10", "REQUIRETLS needs TLS"));
  } else if (mail.size.value_or(0) > options_.max_size) {
    Say(TooLarge());
  } else {
    return Ask(Kind::kMail);
  }
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::OnRcpt(const RcptTo&) {
  if (!mail_ || mail_->chunked) {
    Fail(mail_ ? BadSequence("the content has begun") : MailComesFirst());
  } else if (mail_->recipients >= options_.max_recipients) {
    Say(Reply(452, "4.5.3", "too many recipients; send the mail to these first"));
  } else {
    return Ask(Kind::kRcpt);
  }
  return std::nullopt;
}

// ---- The content

ServerSession::MaybeAction ServerSession::OnDataCommand() {
  if (mail_ && !mail_->chunked && mail_->recipients > 0) return Ask(Kind::kBegin);
  Fail(!mail_           ? MailComesFirst()
       : mail_->chunked ? BadSequence("the content came by BDAT; go on with it")
                        : NoRecipients());
  return std::nullopt;
}

// A chunk's octets follow whatever we answer, so they are always taken (RFC 3030 §2).
ServerSession::MaybeAction ServerSession::OnBdat(const Bdat& bdat) {
  chunk_ = bdat;
  state_ = State::kChunk;
  if (!mail_ || mail_->recipients == 0) {
    RefuseContent(hello_.empty() ? SayHelloFirst() : mail_ ? NoRecipients() : MailComesFirst());
  }
  const bool first = mail_ && !mail_->chunked;
  if (first) {
    mail_->chunked = true;
    checker_ = ContentChecker();
  }
  if (first || refusal_) content_octets_ = 0;
  CountContent(bdat.size);
  if (first && !refusal_) return Ask(Kind::kBegin);
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::OnData() {
  std::string_view rest = input_.rest();
  if (rest.empty()) return Action{};
  const size_t size = rest.size();
  const DataDecoder::Piece piece = decoder_->Next(rest);
  input_.Take(size - rest.size());
  if (piece.ended) state_ = State::kContentEnd;
  if (!refusal_ && !decoder_->defect().ok()) RefuseContent(NotAsItMustBe(decoder_->defect()));
  CountContent(refusal_ ? size - rest.size() : piece.content.size());
  return GiveContent(piece.content);
}

ServerSession::MaybeAction ServerSession::OnChunk() {
  if (chunk_.size > 0) {
    const std::string_view octets = input_.rest().substr(0, chunk_.size);
    if (octets.empty()) return Action{};
    input_.Take(octets.size());
    chunk_.size -= octets.size();
    if (!refusal_ && !checker_.Check(octets).ok()) RefuseContent(NotAsItMustBe(checker_.defect()));
    return GiveContent(octets);
  }
  if (chunk_.last) {
    if (!refusal_ && !checker_.Finish().ok()) RefuseContent(NotAsItMustBe(checker_.defect()));
    state_ = State::kContentEnd;
    return std::nullopt;
  }
  state_ = State::kCommand;
  Say(refusal_ ? *std::exchange(refusal_, std::nullopt) : Reply(250, "2.0.0", "the chunk came"));
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::OnContentEnd() {
  state_ = State::kCommand;
  if (!refusal_) return Ask(Kind::kEnd);
  Say(*std::exchange(refusal_, std::nullopt));
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::GiveContent(std::string_view octets) {
  if (octets.empty() || refusal_) return std::nullopt;  // refused: the rest is swallowed
  asked_ = Kind::kContent;
  Action action{Kind::kContent};
  action.content = octets;
  return action;
}

Reply ServerSession::TooLarge() const {
  return {552, "5.3.4", "the mail is larger than the " + std::to_string(options_.max_size) + " octets allowed"};
}

void ServerSession::RefuseContent(const Reply& why) {
  refusal_ = why;
  if (mail_) ++counts_.refused;
  DropMail();
}

// A client that goes on long after its mail was too large will not listen to a reply at the end.
void ServerSession::CountContent(uint64_t octets) {
  content_octets_ += octets;
  if (content_octets_ <= options_.max_size) return;
  if (!refusal_) RefuseContent(TooLarge());
  if (content_octets_ / 2 > options_.max_size) Close(*refusal_);
}

}  // namespace sekisho::smtp

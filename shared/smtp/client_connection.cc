#include "shared/smtp/client_connection.h"

#include <strings.h>

#include <algorithm>

namespace sekisho::smtp {

namespace {

bool IsTaken(const std::optional<Reply>& reply) { return reply && reply->code >= 200 && reply->code < 300; }

}  // namespace

ClientConnection::ClientConnection(net::Loop& loop, ClientOptions options)
    : loop_(loop), options_(std::move(options)) {}

// ---- What the owner asks

void ClientConnection::Send(Transaction mail, std::function<void(Sent)> done) {
  SEKISHO_CHECK(!sent_ && !opened_);  // one at a time
  sent_ = std::move(done);
  report_ = Sent();
  report_.recipients.resize(mail.recipients.size());
  stage_ = Stage::kMail;
  if (closed_) return FinishMail(Stage::kMail, MakeError(Code::kCancelled, "the connection was closed"));
  if (!stream_) return FinishMail(Stage::kMail, MakeError(Code::kUnavailable, "the peer has closed the connection"));
  mail_ = std::move(mail);
  auto content = DotStuffer::Make(mail_.content);
  if (!content.ok()) return FinishMail(Stage::kMail, MakeError(Code::kMalformed, content.error().detail));
  ContentFacts facts{0, content->has_octets_over_127()};
  for (const std::string_view part : mail_.content) facts.size += part.size();
  auto commands = EnvelopeCommands(mail_, facts, facts_.extensions, secured_);
  if (!commands.ok()) return FinishMail(Stage::kMail, commands.error());
  content_ = *std::move(content);
  commands_ = *std::move(commands);
  answered_ = 0;
  emptying_ = false;
  resetting_ = std::exchange(reset_first_, false);
  if (resetting_) return Say("RSET\r\n", 1, options_.timeouts.command);
  SayEnvelope();
}

void ClientConnection::Quit() {
  if (!stream_ || quitting_) return;
  if (sent_ || opened_) return Close();
  healthy_ = false;
  quitting_ = true;
  Say("QUIT\r\n", 1, options_.timeouts.quit);
}

void ClientConnection::Close() {
  closed_ = true;
  if (stream_) Lost(MakeError(Code::kCancelled, "the connection was closed"));
}

// ---- The stream

void ClientConnection::Say(std::string text, size_t replies, Duration patience) {
  owed_ += replies;
  stream_->SetDeadline(patience);
  if (writing_) {
    out_next_ += text;
    return;
  }
  writing_ = true;
  out_is_secret_ = stage_ == Stage::kAuth;
  out_ = std::move(text);
  const std::string_view piece = out_;
  stream_->Write({&piece, 1});
}

void ClientConnection::OnWritten(Status status) {
  writing_ = false;
  if (out_is_secret_) explicit_bzero(out_.data(), out_.size());
  if (!status.ok()) {
    // What the peer said before it closed tells more than that it closed: it is read first.
    write_failed_ = true;
    if (stage_ == Stage::kAfterDot) stage_ = Stage::kInData;  // the last octets did not go
    if (!reading_) return Lost(status.error());
    return stream_->SetDeadline(options_.timeouts.quit);
  }
  if (!out_next_.empty()) return Say(std::exchange(out_next_, {}), 0, options_.timeouts.command);
  if (stage_ == Stage::kInData) WriteContent();
}

void ClientConnection::Read() {
  reading_ = true;
  const std::span<char> space = input_.Space();
  stream_->Read(space.data(), space.size());
}

void ClientConnection::OnRead(Result<size_t> octets) {
  reading_ = false;
  if (!octets.ok()) return Lost(octets.error());
  if (*octets == 0) return Lost(MakeError(Code::kUnavailable, "the peer closed the connection"));
  input_.Add(*octets);
  while (stream_ && !input_.rest().empty()) {
    std::string_view rest = input_.rest();
    const size_t size = rest.size();
    const auto state = parser_.Feed(rest);
    input_.Take(size - rest.size());
    if (!state.ok())
      return Lost(MakeError(Code::kUnavailable, "what the peer says is not SMTP: " + state.error().detail));
    if (*state == ReplyParser::State::kMore) break;
    const bool idle = !opened_ && !sent_ && !quitting_;
    // Nothing may come before it was asked for: least of all in the clear, behind the reply to STARTTLS (response
    // injection).
    if (owed_ == 0 || (--owed_ == 0 && !input_.rest().empty() && stage_ != Stage::kAfterDot)) {
      return Lost(MakeError(Code::kUnavailable, idle ? "the peer ended the connection" : "the peer spoke out of turn"));
    }
    if (parser_.reply().code == 421) healthy_ = false;
    if (quitting_) {
      net::Stream::Finish(*std::exchange(stream_, std::nullopt));
    } else if (opened_) {
      OnOpeningReply(parser_.reply());
    } else {
      OnMailReply(parser_.reply());
    }
  }
  if (stream_ && !(stage_ == Stage::kTls && owed_ == 0)) Read();  // a handshake reads for itself
}

void ClientConnection::OnDeadline() { Lost(MakeError(Code::kTimeout, "the peer did not answer in time")); }

void ClientConnection::Lost(Error error) {
  if (opened_) return FailOpening(stage_, std::nullopt, std::move(error));
  if (!sent_) return Drop();
  healthy_ = false;
  FinishMail(stage_, std::move(error));
}

void ClientConnection::Drop() {
  healthy_ = false;
  stream_.reset();
}

// ---- A mail

// All at once where the peer can take that (RFC 2920).
void ClientConnection::SayEnvelope() {
  pipelined_ = facts_.extensions.contains("PIPELINING");
  if (!pipelined_) return SayNextCommand();
  std::string all;
  for (const std::string& command : commands_) all += command;
  Say(std::move(all), commands_.size(), options_.timeouts.command);
}

void ClientConnection::SayNextCommand() {
  const bool data = answered_ + 1 == commands_.size();
  const ClientOptions::Timeouts& timeouts = options_.timeouts;
  const Duration patience = data ? std::min(timeouts.data, timeouts.command) : timeouts.command;
  if (pipelined_)
    stream_->SetDeadline(patience);
  else
    Say(commands_[answered_], 1, patience);
}

void ClientConnection::OnMailReply(const Reply& reply) {
  if (std::exchange(resetting_, false)) {
    if (IsTaken(reply)) return SayEnvelope();
    return Lost(MakeError(Code::kUnavailable, "the peer does not let us begin a new mail"));
  }
  if (stage_ == Stage::kInData) {
    // It does not want the rest, and would not know our dot for one.
    healthy_ = false;
    if (reply.positive()) return Lost(MakeError(Code::kUnavailable, "the peer spoke out of turn"));
    report_.final = reply;
    return FinishMail(Stage::kInData);
  }
  if (stage_ == Stage::kAfterDot) {
    if (emptying_) return FinishMail(IsTaken(report_.mail) ? Stage::kRcpt : Stage::kMail);
    report_.final = reply;
    return FinishMail(Stage::kDone);
  }
  OnEnvelopeReply(reply);
}

// Replies come in the order of the commands.
void ClientConnection::OnEnvelopeReply(const Reply& reply) {
  const size_t index = answered_++;
  const bool to_data = index + 1 == commands_.size();
  if (index == 0) {
    report_.mail = reply;
    if (!IsTaken(reply) && !pipelined_) return FinishMail(Stage::kMail);
    if (IsTaken(reply)) stage_ = Stage::kRcpt;
  } else if (!to_data) {
    report_.recipients[index - 1] = reply;
  }
  if (to_data) {
    if (reply.code == 354) return BeginContent();
    if (AnyTaken()) report_.final = reply;
    return FinishMail(AnyTaken() ? Stage::kData : stage_);
  }
  if (!healthy_) return FinishMail(stage_, MakeError(Code::kUnavailable, "the peer ends the connection"));  // 421
  if (answered_ + 1 == commands_.size()) {
    if (!pipelined_ && !AnyTaken()) return FinishMail(Stage::kRcpt);
    if (AnyTaken()) stage_ = Stage::kData;
  }
  SayNextCommand();
}

bool ClientConnection::AnyTaken() const {
  return IsTaken(report_.mail) && std::any_of(report_.recipients.begin(), report_.recipients.end(), IsTaken);
}

void ClientConnection::BeginContent() {
  emptying_ = !AnyTaken();
  owed_ = 1;
  if (emptying_) {
    // DATA was pipelined, and taken though there is nobody to get the mail: an empty one ends it (RFC 2920 §3.1).
    stage_ = Stage::kAfterDot;
    return Say(".\r\n", 0, options_.timeouts.data_end);
  }
  stage_ = Stage::kInData;
  if (!writing_) WriteContent();
}

void ClientConnection::WriteContent() {
  if (write_failed_ || !content_->Next(pieces_)) return;
  if (content_->ended())
    stage_ = Stage::kAfterDot;  // once the last octets are on their way, the peer may have the mail
  stream_->SetDeadline(stage_ == Stage::kAfterDot ? options_.timeouts.data_end : options_.timeouts.data_block);
  writing_ = true;
  stream_->Write(pieces_);
}

void ClientConnection::FinishMail(Stage stage, std::optional<Error> error) {
  report_.stage = stage;
  report_.error = std::move(error);
  const bool unsent = report_.error && !report_.mail && healthy_;  // found before anything was said
  if (report_.error && !unsent) healthy_ = false;
  report_.unanswered = !healthy_ && !closed_ && stage == Stage::kMail && (!report_.mail || report_.mail->code == 421);
  if (!healthy_) Drop();
  reset_first_ = reset_first_ || (stage != Stage::kDone && IsTaken(report_.mail) && !emptying_);
  report_.reusable = stream_.has_value();
  stage_ = Stage::kMail;
  if (stream_) {
    stream_->ClearDeadline();
    mail_ = Transaction();  // else a write may not have ended, and needs its octets
  }
  const auto done = std::exchange(sent_, nullptr);
  done(std::exchange(report_, {}));
}

}  // namespace sekisho::smtp

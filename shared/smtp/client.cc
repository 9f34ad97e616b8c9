#include "shared/smtp/client.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>

#include "shared/base/bytes.h"
#include "shared/net/stream.h"
#include "shared/smtp/command.h"
#include "shared/smtp/data_decoder.h"
#include "shared/smtp/data_pieces.h"

namespace sekisho::smtp {
namespace {

constexpr size_t kReadSize = 4096;
constexpr size_t kBlock = 256 * 1024;  // of content in one write

// EHLO keywords, upper case, with what follows them.
std::map<std::string, std::string, std::less<>> ParseExtensions(const Reply& reply) {
  std::map<std::string, std::string, std::less<>> extensions;
  for (size_t i = 1; i < reply.lines.size(); ++i) {
    const std::string& line = reply.lines[i];
    const size_t space = std::min(line.find(' '), line.size());
    std::string keyword;
    for (const char c : line.substr(0, space)) keyword += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    extensions[keyword] = space < line.size() ? line.substr(space + 1) : "";
  }
  return extensions;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool IsSafeInCommand(std::string_view text) { return text.find_first_of(std::string_view("\r\n\0<> ", 6)) == std::string_view::npos; }

}  // namespace

std::string_view StageName(Stage stage) {
  constexpr std::string_view kNames[] = {"connect", "greeting", "hello", "tls", "auth", "mail", "rcpt", "data", "in_data", "after_dot", "done"};
  return kNames[static_cast<size_t>(stage)];
}

// Everything but the atomics and what mutex guards is touched on the loop only.
struct Client::Impl final : net::Stream::Owner, std::enable_shared_from_this<Client::Impl> {
  Impl(net::Loop& on, ClientOptions o) : loop(on), options(std::move(o)), stream(std::in_place, on) {}

  // --- what the owner of the client asks, on the loop ---

  void Start(const std::string& address, uint16_t port, std::function<void(Opened)> done) {
    opened = std::move(done);
    self = shared_from_this();
    stream->SetOwner(this);
    stream->SetDeadline(options.timeouts.connect);
    stream->Connect(address, port);
  }

  void Send(Transaction next, std::function<void(Sent)> done) {
    mail = std::move(next);
    sent = std::move(done);
    result = Sent();
    result.recipients.assign(mail.recipients.size(), std::nullopt);
    content = {};
    if (!stream) return FinishMail(Stage::kMail, MakeError(Code::kUnavailable, "the connection is closed"), true);
    if (auto wrong = CheckMail()) return FinishMail(Stage::kMail, *std::move(wrong), false);
    ComposeCommands();
    stage = Stage::kMail;
    next_reply = 0;
    awaiting_reset = std::exchange(reset_first, false);
    if (awaiting_reset) return Say("RSET\r\n", options.timeouts.command);
    SendCommands();
  }

  void Quit() {
    if (!stream) return;
    if (sent || opened) return Break();
    healthy = false;
    quitting = true;
    Say("QUIT\r\n", options.timeouts.quit);
  }

  void Break() {
    if (sent) return FinishMail(stage, MakeError(Code::kCancelled, "the connection was broken off"), false);
    if (opened) return FailOpen(stage, MakeError(Code::kCancelled, "the connection was broken off"));
    Drop();
  }

  // --- net::Stream::Owner ---

  void OnOpen(Status status) override {
    if (!status.ok()) return FailOpen(Stage::kConnect, status.error());
    if (options.tls == ClientOptions::Tls::kImplicit) return Handshake();
    AwaitGreeting();
  }
  void OnSecure(Status status) override {
    handshaking = false;
    if (!status.ok()) return FailOpen(Stage::kTls, status.error());
    if (options.tls == ClientOptions::Tls::kVerifiedBy) {
      if (const Status approved = options.verify(stream->PeerChain()); !approved.ok()) return FailOpen(Stage::kTls, approved.error());
      verified = true;
    } else {
      verified = stream->verified();
    }
    tls_text = stream->tls();
    {
      const std::scoped_lock lock(mutex);
      public_tls = tls_text;
    }
    public_verified = verified;
    if (options.tls == ClientOptions::Tls::kImplicit) return AwaitGreeting();
    parser = ReplyParser();  // what came before the handshake counts for nothing
    extensions.clear();
    SayHello();
  }
  void OnRead(Result<size_t> octets) override {
    reading = false;
    if (!octets.ok() || *octets == 0) {
      return Lost(octets.ok() ? MakeError(Code::kUnavailable, "the peer closed the connection") : octets.error());
    }
    std::string_view input(buffer.data(), *octets);
    const std::shared_ptr<Impl> keep = shared_from_this();
    while (stream && !input.empty()) {
      const auto state = parser.Feed(input);
      if (!state.ok()) return Lost(Annotate(state.error(), "the peer's reply"));
      if (*state == ReplyParser::State::kMore) break;
      // After the reply to STARTTLS nothing may follow in the clear (response injection).
      if (stage == Stage::kTls && !input.empty()) return FailOpen(Stage::kTls, MakeError(Code::kMalformed, "the peer sent more in the clear after STARTTLS"));
      OnReply(parser.reply());
    }
    if (stream && !handshaking) ReadMore();
  }
  void OnWritten(Status status) override {
    if (!status.ok()) return Lost(status.error());
    if (stage == Stage::kInData) return WriteContent();
  }
  void OnDeadline() override { Lost(MakeError(Code::kTimeout, "no answer in time")); }

  // --- opening ---

  void AwaitGreeting() {
    stage = Stage::kGreeting;
    stream->SetDeadline(options.timeouts.greeting);
    ReadMore();
  }
  void SayHello() {
    stage = Stage::kHello;
    Say((ehlo ? "EHLO " : "HELO ") + options.hello + "\r\n", options.timeouts.command);
    if (!reading) ReadMore();
  }
  void Handshake() {
    stage = Stage::kTls;
    handshaking = true;
    stream->SetDeadline(options.timeouts.command);
    const bool verify = options.tls == ClientOptions::Tls::kRequired || options.tls == ClientOptions::Tls::kImplicit;
    stream->SecureAsClient(*options.tls_context, options.host, verify);
  }

  void OnReply(const Reply& reply) {
    if (reply.code == 421) healthy = false;
    if (quitting) return Drop();
    if (sent) return OnMailReply(reply);
    switch (stage) {
      case Stage::kGreeting:
        if (reply.code != 220) return FailOpen(reply);
        return SayHello();
      case Stage::kHello: return OnHello(reply);
      case Stage::kTls:
        if (reply.code != 220) return FailOpen(reply);
        return Handshake();
      case Stage::kAuth: return OnAuth(reply);
      default: Lost(MakeError(Code::kMalformed, "the peer spoke out of turn"));
    }
  }

  void OnHello(const Reply& reply) {
    if (reply.code != 250) {
      if (!ehlo || !reply.permanent() || NeedsTls()) return FailOpen(reply);
      ehlo = false;  // an old server: RFC 5321 §4.1.1.1
      return SayHello();
    }
    if (ehlo) extensions = ParseExtensions(reply);
    const bool secure = !tls_text.empty();
    if (!secure && options.tls != ClientOptions::Tls::kNone && extensions.contains("STARTTLS")) {
      stage = Stage::kTls;
      return Say("STARTTLS\r\n", options.timeouts.command);
    }
    if (!secure && NeedsTls()) return FailOpen(Stage::kTls, MakeError(Code::kUnsupported, "the peer does not offer STARTTLS"));
    if (!options.login.empty()) return StartAuth();
    Ready();
  }
  bool NeedsTls() const {
    return options.tls == ClientOptions::Tls::kRequired || options.tls == ClientOptions::Tls::kVerifiedBy || !options.login.empty();
  }

  void StartAuth() {
    stage = Stage::kAuth;
    const auto offered = extensions.find("AUTH");
    const std::string mechanisms = offered == extensions.end() ? "" : " " + offered->second + " ";
    if (mechanisms.find(" PLAIN ") != std::string::npos) {
      std::string response;
      response += '\0';
      response += options.login;
      response += '\0';
      response += options.password.Reveal();
      auth_steps = {};
      return Say("AUTH PLAIN " + Base64Encode(response) + "\r\n", options.timeouts.command);
    }
    if (mechanisms.find(" LOGIN ") == std::string::npos) {
      return FailOpen(Stage::kAuth, MakeError(Code::kUnsupported, "the peer offers neither AUTH PLAIN nor LOGIN"));
    }
    auth_steps = {Base64Encode(options.login), Base64Encode(options.password.Reveal())};
    Say("AUTH LOGIN\r\n", options.timeouts.command);
  }
  void OnAuth(const Reply& reply) {
    if (reply.code == 334 && !auth_steps.empty()) {
      const std::string step = auth_steps.front() + "\r\n";
      auth_steps.pop_front();
      return Say(step, options.timeouts.command);
    }
    if (reply.code != 235) return FailOpen(reply);
    Ready();
  }

  void Ready() {
    stage = Stage::kMail;
    stream->ClearDeadline();
    healthy = true;
    {
      const std::scoped_lock lock(mutex);
      public_extensions = extensions;
    }
    Opened result_opened;
    result_opened.client = std::unique_ptr<Client>(new Client(shared_from_this()));
    self.reset();  // the client holds it now
    std::exchange(opened, nullptr)(std::move(result_opened));
  }

  void FailOpen(const Reply& reply) {
    Opened failure;
    failure.stage = stage;
    failure.reply = reply;
    EndOpen(std::move(failure));
  }
  void FailOpen(Stage where, Error error) {
    Opened failure;
    failure.stage = where;
    failure.error = std::move(error);
    EndOpen(std::move(failure));
  }
  void EndOpen(Opened failure) {
    const std::shared_ptr<Impl> keep = std::move(self);
    Drop();
    if (opened) std::exchange(opened, nullptr)(std::move(failure));
  }

  // --- a mail ---

  std::optional<Error> CheckMail() {
    const auto missing = [](const char* what) { return MakeError(Code::kUnsupported, std::string("the peer does not offer ") + what); };
    if (mail.smtputf8 && !extensions.contains("SMTPUTF8")) return missing("SMTPUTF8");
    if (mail.require_tls && (tls_text.empty() || !extensions.contains("REQUIRETLS"))) return missing("REQUIRETLS");
    ChunkChecker checker;
    eight_bit = false;
    for (const std::string_view piece : mail.content) {
      checker.Check(piece);
      eight_bit = eight_bit || !IsAscii(piece);
    }
    checker.Finish();
    if (!checker.defect().ok()) return MakeError(Code::kMalformed, checker.defect().error().detail);
    if (eight_bit && !extensions.contains("8BITMIME")) return missing("8BITMIME");
    bool safe = IsSafeInCommand(mail.mail_from);
    for (const auto& recipient : mail.recipients) safe = safe && IsSafeInCommand(recipient.address) && !recipient.address.empty();
    if (!safe) return MakeError(Code::kMalformed, "an address has a character that would end the command");
    return std::nullopt;
  }

  void ComposeCommands() {
    commands.clear();
    size_t size = 0;
    for (const std::string_view piece : mail.content) size += piece.size();
    const bool dsn = extensions.contains("DSN");
    std::string command = "MAIL FROM:<" + mail.mail_from + ">";
    if (extensions.contains("SIZE")) command += " SIZE=" + std::to_string(size);
    if (eight_bit) command += " BODY=8BITMIME";
    if (mail.smtputf8) command += " SMTPUTF8";
    if (mail.require_tls) command += " REQUIRETLS";
    if (dsn && !mail.ret.empty()) command += " RET=" + mail.ret;
    if (dsn && !mail.envid.empty()) command += " ENVID=" + EncodeXtext(mail.envid);
    commands.push_back(command + "\r\n");
    for (const auto& recipient : mail.recipients) {
      command = "RCPT TO:<" + recipient.address + ">";
      if (dsn && !recipient.notify.empty()) command += " NOTIFY=" + recipient.notify;
      if (dsn && !recipient.original.empty()) {
        const size_t type = std::min(recipient.original.find(';'), recipient.original.size());
        command += " ORCPT=" + recipient.original.substr(0, type) + ";" +
                   EncodeXtext(std::string_view(recipient.original).substr(std::min(type + 1, recipient.original.size())));
      }
      commands.push_back(command + "\r\n");
    }
    commands.push_back("DATA\r\n");
  }

  // All at once where the peer can take it (RFC 2920), else one after another.
  void SendCommands() {
    pipelined = extensions.contains("PIPELINING");
    std::string all;
    if (pipelined) {
      for (const std::string& command : commands) all += command;
    } else {
      all = commands.front();
    }
    Say(std::move(all), options.timeouts.command);
  }
  void SendNextCommand() {
    if (!pipelined) Say(commands[next_reply], commands[next_reply] == "DATA\r\n" ? options.timeouts.data : options.timeouts.command);
    else stream->SetDeadline(options.timeouts.command);
  }

  void OnMailReply(const Reply& reply) {
    if (std::exchange(awaiting_reset, false)) return SendCommands();
    if (stage == Stage::kAfterDot) {
      result.final = reply;
      if (discarding) return FinishMail(Stage::kRcpt, std::nullopt, false);
      return FinishMail(Stage::kDone, std::nullopt, false);
    }
    if (stage == Stage::kInData) {
      // The peer answers before the content is whole: it does not want it, and will not hear an end.
      result.final = reply;
      healthy = false;
      return FinishMail(Stage::kInData, std::nullopt, false);
    }
    const size_t index = next_reply++;
    if (index == 0) {
      result.mail = reply;
      if (!reply.positive() && !pipelined) return FinishMail(Stage::kMail, std::nullopt, false);
      stage = Stage::kRcpt;
      return SendNextCommand();
    }
    if (index <= mail.recipients.size()) {
      result.recipients[index - 1] = reply;
      if (next_reply <= mail.recipients.size()) return SendNextCommand();
      if (!pipelined && !AnyAccepted()) return FinishMail(Stage::kRcpt, std::nullopt, false);
      stage = Stage::kData;
      return SendNextCommand();
    }
    if (reply.code == 354) return StartContent();
    if (result.mail->positive() && AnyAccepted()) {
      result.final = reply;
      return FinishMail(Stage::kData, std::nullopt, false);
    }
    FinishMail(result.mail->positive() ? Stage::kRcpt : Stage::kMail, std::nullopt, false);
  }
  bool AnyAccepted() const {
    return std::any_of(result.recipients.begin(), result.recipients.end(), [](const auto& reply) { return reply && reply->positive(); });
  }

  void StartContent() {
    discarding = !result.mail->positive() || !AnyAccepted();
    if (discarding) {
      // Pipelined DATA was taken though nobody is there to get it: an empty mail ends it (RFC 2920 §3.1).
      stage = Stage::kAfterDot;
      return Say(".\r\n", options.timeouts.data_end);
    }
    content = StuffedPieces(mail.content);
    next_piece = 0;
    stage = Stage::kInData;
    WriteContent();
  }
  // Block by block. The last block has the dot: from then on the peer may have the mail.
  void WriteContent() {
    block.clear();
    size_t size = 0;
    while (next_piece < content.size() && size < kBlock) {
      std::string_view& piece = content[next_piece];
      const std::string_view part = piece.substr(0, kBlock - size);
      block.push_back(part);
      size += part.size();
      piece.remove_prefix(part.size());
      if (piece.empty()) ++next_piece;
    }
    const bool last = next_piece == content.size();
    if (last) stage = Stage::kAfterDot;
    stream->SetDeadline(last ? options.timeouts.data_end : options.timeouts.data_block);
    stream->Write(block);
  }

  void FinishMail(Stage where, std::optional<Error> error, bool unanswered) {
    result.stage = where;
    result.error = std::move(error);
    result.unanswered = unanswered;
    const bool answered_well = !result.error || result.error->code == Code::kUnsupported || result.error->code == Code::kMalformed;
    if (!answered_well || !healthy) Drop();
    // A mail that was refused half-way leaves the peer within it: RSET goes before the next.
    reset_first = stream && result.mail && result.mail->positive() && where != Stage::kDone && !discarding;
    result.reusable = stream.has_value();
    stage = Stage::kMail;
    if (stream) stream->ClearDeadline();
    const auto done = std::exchange(sent, nullptr);
    Sent report = std::move(result);
    mail = Transaction();
    discarding = false;
    if (done) done(std::move(report));
  }

  // --- the connection ---

  void Lost(Error error) {
    healthy = false;
    if (opened) return FailOpen(stage, std::move(error));
    if (sent) return FinishMail(stage, std::move(error), stage == Stage::kMail && !result.mail);
    Drop();
  }
  void Drop() {
    healthy = false;
    stream.reset();
  }
  void Say(std::string text, Duration patience) {
    out = std::move(text);
    stream->SetDeadline(patience);
    const std::string_view piece = out;
    stream->Write({&piece, 1});
  }
  void ReadMore() {
    if (reading || !stream) return;
    if (buffer.empty()) buffer.resize(kReadSize);
    reading = true;
    stream->Read(buffer.data(), buffer.size());
  }

  net::Loop& loop;
  const ClientOptions options;
  std::optional<net::Stream> stream;
  std::shared_ptr<Impl> self;  // while it opens: nobody else holds it
  std::function<void(Opened)> opened;
  std::function<void(Sent)> sent;

  Stage stage = Stage::kConnect;
  bool ehlo = true, handshaking = false, reading = false, quitting = false;
  bool pipelined = false, eight_bit = false, discarding = false, reset_first = false, awaiting_reset = false;
  bool verified = false;
  std::string tls_text, out;
  std::map<std::string, std::string, std::less<>> extensions;
  std::deque<std::string> auth_steps;
  ReplyParser parser;
  std::vector<char> buffer;

  Transaction mail;
  Sent result;
  std::vector<std::string> commands;
  size_t next_reply = 0;
  std::vector<std::string_view> content, block;
  size_t next_piece = 0;

  std::atomic<bool> healthy{false};
  std::atomic<bool> public_verified{false};
  mutable std::mutex mutex;
  std::string public_tls;
  std::map<std::string, std::string, std::less<>> public_extensions;
};

void Client::Open(net::IoPool& pool, std::string_view address, uint16_t port, ClientOptions options,
                  std::function<void(Opened)> done) {
  net::Loop& loop = pool.Next();
  auto impl = std::make_shared<Impl>(loop, std::move(options));
  loop.Post([impl, address = std::string(address), port, done = std::move(done)]() mutable {
    impl->Start(address, port, std::move(done));
  });
}

Client::~Client() {
  impl_->loop.Post([impl = impl_] {
    if (!impl->quitting) impl->Break();
  });
}

void Client::Send(Transaction mail, std::function<void(Sent)> done) {
  impl_->loop.Post([impl = impl_, mail = std::move(mail), done = std::move(done)]() mutable {
    impl->Send(std::move(mail), std::move(done));
  });
}

bool Client::IsHealthy() const { return impl_->healthy; }
bool Client::tls_verified() const { return impl_->public_verified; }

std::string Client::tls() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->public_tls;
}

bool Client::Offers(std::string_view extension) const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->public_extensions.find(extension) != impl_->public_extensions.end();
}

void Client::Quit() {
  impl_->loop.Post([impl = impl_] { impl->Quit(); });
}

void Client::Close() {
  impl_->loop.Post([impl = impl_] { impl->Break(); });
}

}  // namespace sekisho::smtp

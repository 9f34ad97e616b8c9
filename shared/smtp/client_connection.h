#pragma once
// What a Client stands for: the conversation with one next hop. Everything happens on its loop, unless said otherwise.
// Not for other modules.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "shared/net/stream.h"
#include "shared/smtp/client.h"
#include "shared/smtp/client_commands.h"
#include "shared/smtp/dot_stuffer.h"
#include "shared/smtp/input_buffer.h"
#include "shared/smtp/reply.h"

namespace sekisho::smtp {

class ClientConnection final : public net::Stream::Owner, public std::enable_shared_from_this<ClientConnection> {
 public:
  // Ends the opening: an empty failure means that the connection is ready for mail.
  using OpenDone = std::function<void(std::optional<Client::Opened> failure)>;

  ClientConnection(net::Loop& loop, ClientOptions options);

  net::Loop& loop() const { return loop_; }
  void Open(const std::string& address, uint16_t port, OpenDone done);
  void Send(Transaction mail, std::function<void(Sent)> done);
  void Quit();
  void Close();

  // For any thread, once it is open.
  struct Facts {
    std::string tls;
    bool verified = false;
    Extensions extensions;
  };
  const Facts& facts() const { return facts_; }  // does not change once it is open
  bool healthy() const { return healthy_; }
  bool quitting() const { return quitting_; }  // on the loop

  void OnOpen(Status status) override;
  void OnSecure(Status status) override;
  void OnRead(Result<size_t> octets) override;
  void OnWritten(Status status) override;
  void OnDeadline() override;

 private:
  // The opening (client_opening.cc).
  void OnOpeningReply(const Reply& reply);
  void SayHello(bool extended);
  void OnHello(const Reply& reply);
  void Secure();
  bool MustHaveTls() const;
  void LogIn();
  void OnLoginReply(const Reply& reply);
  void Ready();
  void FailOpening(Stage stage, std::optional<Reply> reply, std::optional<Error> error);

  // A mail.
  void SayEnvelope();
  void OnMailReply(const Reply& reply);
  void OnEnvelopeReply(const Reply& reply);
  void SayNextCommand();
  bool AnyTaken() const;
  void BeginContent();
  void WriteContent();
  void FinishMail(Stage stage, std::optional<Error> error = std::nullopt);

  // The stream.
  void Say(std::string text, size_t replies, Duration patience);
  void Read();
  void Lost(Error error);
  void Drop();

  net::Loop& loop_;
  const ClientOptions options_;
  std::optional<net::Stream> stream_;  // none: closed
  InputBuffer input_;
  ReplyParser parser_;
  size_t owed_ = 0;             // replies that the peer owes us
  std::string out_, out_next_;  // being written, and to be written then
  bool writing_ = false, reading_ = false, write_failed_ = false;
  bool out_is_secret_ = false;  // a password among it
  Stage stage_ = Stage::kConnect;
  Facts facts_;
  std::atomic<bool> healthy_{false};
  bool extended_ = true, secured_ = false, quitting_ = false, closed_ = false;

  OpenDone opened_;
  std::vector<std::string> login_steps_;  // still to be said, the last first

  std::function<void(Sent)> sent_;  // a mail is under way
  Transaction mail_;
  Sent report_;
  std::vector<std::string> commands_;
  size_t answered_ = 0;  // of the commands
  bool pipelined_ = false;
  bool reset_first_ = false;  // the peer is within a mail that came to nothing
  bool resetting_ = false;
  bool emptying_ = false;  // DATA was taken though there is nobody to send to
  std::optional<DotStuffer> content_;
  std::vector<std::string_view> pieces_;
};

}  // namespace sekisho::smtp

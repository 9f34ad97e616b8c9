#pragma once
// One connection of a server: carries octets between its stream and its session, and questions to its receiver. Lives
// on its stream's loop. Not for other modules.

#include <memory>
#include <optional>
#include <string>

#include "shared/net/stream.h"
#include "shared/smtp/server_core.h"
#include "shared/smtp/server_session.h"

namespace sekisho::smtp {

class ServerConnection final : public net::Stream::Owner, public std::enable_shared_from_this<ServerConnection> {
 public:
  ServerConnection(std::shared_ptr<ServerCore> core, net::Stream stream);

  void Start();
  void Drain();  // says 421 as soon as no mail is under way
  void Abort();  // closes now
  net::Loop& loop() const { return loop_; }

  void OnOpen(Status) override {}
  void OnSecure(Status status) override;
  void OnRead(Result<size_t> octets) override;
  void OnWritten(Status status) override;
  void OnDeadline() override;

 private:
  template <typename T>
  class Question;
  enum class Doing { kNothing, kReading, kWriting, kSecuring, kAsking };
  enum class After { kRead, kSecure, kFinish };  // what comes once the output is written

  void Run();
  bool Handle(const ServerSession::Action& action);
  template <typename T, typename Call>
  bool Ask(Call call);
  bool AskForLogin(const ServerSession::Action& action);
  void Answered(Reply reply);
  void Answered(Status taken);
  void Settle(const Reply& reply);
  void Settle(const Status& taken) { session_->Take(taken); }
  template <typename T>
  std::optional<T>& at_once();
  void Flush(After after);
  void Read();
  void Secure();
  void Refuse(const Reply& reply);
  void End();
  const Peer& CurrentPeer();

  const std::shared_ptr<ServerCore> core_;
  net::Loop& loop_;
  net::Stream stream_;
  Peer peer_;
  std::string address_key_, login_entered_;  // of what it counts as one
  std::unique_ptr<Receiver> receiver_;
  std::optional<ServerSession> session_;

  Doing doing_ = Doing::kNothing;
  After after_write_ = After::kRead;
  bool open_ = true, entered_ = false, draining_ = false;
  std::string writing_;
  bool calling_ = false;  // the receiver is being called: its answer may come at once
  std::optional<Reply> reply_at_once_;
  std::optional<Status> taken_at_once_;
  std::string login_tried_;

  // Of the content that is coming: how long we waited for how much.
  std::chrono::steady_clock::time_point waiting_since_;
  std::chrono::steady_clock::duration content_waited_{};
  uint64_t content_came_ = 0;
};

}  // namespace sekisho::smtp

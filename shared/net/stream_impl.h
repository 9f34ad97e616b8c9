#pragma once
// What Stream and Listener share; Asio is included here, so only .cc files of this module include it.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include <optional>
#include <string>

#include "shared/net/stream.h"

namespace sekisho::net {

struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
  using Tcp = boost::asio::ip::tcp;

  explicit Impl(Loop& on) : loop(on), socket(on.context()), timer(on.context()) {}

  void NoteRemote();
  void NoteTls();
  void ArmTimer();
  void Close();

  Loop& loop;
  Tcp::socket socket;
  std::optional<boost::asio::ssl::stream<Tcp::socket&>> secure;
  std::shared_ptr<void> context;   // keeps the TLS settings alive
  boost::asio::steady_timer timer;
  std::chrono::steady_clock::time_point deadline{};  // epoch: none
  bool armed = false;
  Owner* owner = nullptr;          // null once the Stream is gone: nothing is called any more
  std::string remote, tls, joined;
  bool loopback = false, verified = false;
};

}  // namespace sekisho::net

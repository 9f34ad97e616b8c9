#pragma once
// What stream.cc and listener.cc share. Includes Asio: not for other files.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/net/stream.h"

namespace sekisho::net {

namespace asio = boost::asio;
using asio::ip::tcp;

// Shared with the operations under way, which find it closed once the stream is gone.
struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
  explicit Impl(Loop& its_loop) : Impl(its_loop, tcp::socket(its_loop.context())) {}
  Impl(Loop& its_loop, tcp::socket connected)
      : loop(its_loop), socket(std::move(connected)), timer(its_loop.context()) {}

  void LearnPeer();
  // A completion handler that keeps the owner and calls it, unless the stream is gone.
  template <typename Call>
  auto Told(Call call);
  void Secure(asio::ssl::stream_base::handshake_type side);
  void ArmTimer();
  void Close();
  void FinishTcp();
  void Drain();

  Loop& loop;
  tcp::socket socket;
  std::optional<asio::ssl::stream<tcp::socket&>> tls_stream;
  std::weak_ptr<Owner> owner;
  bool open = true;

  asio::steady_timer timer;
  std::optional<std::chrono::steady_clock::time_point> deadline;
  std::chrono::steady_clock::time_point armed_for;  // when the timer wakes; it may be before the deadline
  bool timer_armed = false;

  std::vector<asio::const_buffer> pieces;  // being written
  std::string joined;                      // the same, under TLS
  std::string remote_address, tls;
  bool remote_is_loopback = false;
  bool host_asked = false;  // the certificate is compared with a name
  char drained[4096];       // of what the peer says after the end
};

}  // namespace sekisho::net

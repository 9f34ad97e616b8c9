#pragma once
// A mail host on loopback that does what a test tells it: takes mail, refuses, is mute, closes where it hurts, offers
// or hides extensions, speaks TLS with a certificate of its own. It keeps what it took and every line it heard. Thread
// safe.

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sekisho::testing {

class SmtpPeer {
 public:
  struct Act {
    std::string reply;   // without its last CRLF; empty: none
    bool close = false;  // after the reply
  };
  struct Options {
    std::string greeting = "220 mx.test ESMTP";  // empty: mute
    std::vector<std::string> extensions = {"PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 10485760"};
    bool tls = false;                  // offers STARTTLS
    std::string tls_name = "mx.test";  // whom its certificate names
    bool tls_broken = false;           // closes in the place of the handshake
    // What to do on a line of a client, in the place of the usual; "." is the end of content.
    std::function<std::optional<Act>(const std::string& line)> on_line;
    size_t close_in_content = 0;    // closes after so many octets of content
    std::string inject_before_tls;  // octets sent in clear right behind the reply to STARTTLS
  };
  struct Mail {
    std::string from;  // the whole line
    std::vector<std::string> recipients;
    std::string content;  // unstuffed
    int connection = 0;
    bool tls = false;
  };

  SmtpPeer();
  explicit SmtpPeer(Options options);
  ~SmtpPeer();

  int port() const { return port_; }
  // PEM; it signs itself, so that whoever trusts this file trusts the peer. Removed with the peer.
  const std::string& certificate_file() const { return certificate_file_; }

  std::vector<Mail> mails() const;
  std::vector<std::string> lines() const;  // in the order heard, content left out
  int connections() const;

 private:
  class Session;

  void Accept();

  const Options options_;
  int listener_ = -1;
  int port_ = 0;
  std::string certificate_file_, key_file_;
  mutable std::mutex mutex_;
  std::vector<Mail> mails_;
  std::vector<std::string> lines_;
  std::vector<int> sockets_;
  int connections_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sekisho::testing

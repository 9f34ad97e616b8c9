#include "shared/testing/smtp_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::testing {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Handle<X509, X509_free>;

std::string TemporaryFile() {
  char path[] = "/tmp/sekisho-peer-XXXXXX";
  const int file = mkstemp(path);
  SEKISHO_CHECK(file >= 0);
  close(file);
  return path;
}

// A certificate that signs itself, and its key.
void WriteCertificate(const std::string& name, const std::string& certificate_file, const std::string& key_file) {
  const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const Certificate certificate(X509_new());
  SEKISHO_CHECK(key != nullptr && certificate != nullptr);
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_set_pubkey(certificate.get(), key.get());
  const Handle<X509_EXTENSION, X509_EXTENSION_free> names(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str()));
  X509_add_ext(certificate.get(), names.get(), -1);
  SEKISHO_CHECK(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0);
  const Handle<FILE, fclose> certificate_out(fopen(certificate_file.c_str(), "w")),
      key_out(fopen(key_file.c_str(), "w"));
  SEKISHO_CHECK(PEM_write_X509(certificate_out.get(), certificate.get()) == 1);
  SEKISHO_CHECK(PEM_write_PrivateKey(key_out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
}

}  // namespace

class SmtpPeer::Session {
 public:
  Session(SmtpPeer& peer, int socket, int number) : peer_(peer), socket_(socket) { mail_.connection = number; }
  ~Session() {
    if (tls_ != nullptr) SSL_shutdown(tls_.get());
  }

  void Run() {
    if (peer_.options_.greeting.empty()) {
      while (ReadLine()) {
      }
      return;
    }
    if (!Say({peer_.options_.greeting, !peer_.options_.greeting.starts_with("220")})) return;
    while (const auto line = ReadLine()) {
      Hear(*line);
      if (!Obey(*line)) return;
    }
  }

 private:
  void Hear(const std::string& line) {
    const std::scoped_lock lock(peer_.mutex_);
    peer_.lines_.push_back(line);
  }

  bool Obey(const std::string& line) {
    std::string verb = line.substr(0, line.find_first_of(" :"));
    std::transform(verb.begin(), verb.end(), verb.begin(), ::toupper);
    if (peer_.options_.on_line) {
      if (const auto act = peer_.options_.on_line(line))
        return Say(*act) && (verb != "DATA" || !act->reply.starts_with("354") || TakeContent());
    }
    if (verb == "EHLO") return Say({Ehlo(), false});
    if (verb == "HELO" || verb == "NOOP") return Say({"250 ok", false});
    if (verb == "RSET") {
      mail_.recipients.clear();
      return Say({"250 2.0.0 reset", false});
    }
    if (verb == "STARTTLS") return StartTls();
    if (verb == "AUTH") return Say({"235 2.7.0 welcome", false});
    if (verb == "MAIL") {
      mail_.from = line;
      mail_.recipients.clear();
      return Say({"250 2.1.0 ok", false});
    }
    if (verb == "RCPT") {
      mail_.recipients.push_back(line);
      return Say({"250 2.1.5 ok", false});
    }
    if (verb == "DATA") {
      if (mail_.recipients.empty()) return Say({"503 5.5.1 no recipients", false});
      return Say({"354 go on", false}) && TakeContent();
    }
    if (verb == "QUIT") return Say({"221 2.0.0 bye", true});
    return Say({"500 5.5.2 what", false});
  }

  std::string Ehlo() const {
    std::vector<std::string> words = peer_.options_.extensions;
    if (peer_.options_.tls && tls_ == nullptr) words.push_back("STARTTLS");
    std::string reply = words.empty() ? "250 mx.test" : "250-mx.test";
    for (size_t i = 0; i < words.size(); ++i)
      reply += std::string("\r\n250") + (i + 1 < words.size() ? "-" : " ") + words[i];
    return reply;
  }

  bool StartTls() {
    if (!peer_.options_.tls || tls_ != nullptr) return Say({"502 5.5.1 no", false});
    if (!Write("220 2.0.0 go\r\n" + peer_.options_.inject_before_tls)) return false;
    if (peer_.options_.tls_broken) return false;
    context_.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate_file(context_.get(), peer_.certificate_file_.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_.get(), peer_.key_file_.c_str(), SSL_FILETYPE_PEM);
    tls_.reset(SSL_new(context_.get()));
    SSL_set_fd(tls_.get(), socket_);
    input_.clear();
    mail_.tls = true;
    return SSL_accept(tls_.get()) == 1;
  }

  bool TakeContent() {
    mail_.content.clear();
    for (;;) {
      const auto line = ReadLine();
      if (!line) return false;
      if (*line == ".") break;
      mail_.content += line->starts_with('.') ? line->substr(1) : *line;
      mail_.content += "\r\n";
      const size_t limit = peer_.options_.close_in_content;
      if (limit > 0 && mail_.content.size() >= limit) return false;
    }
    Act act{"250 2.0.0 taken", false};
    if (peer_.options_.on_line) act = peer_.options_.on_line(".").value_or(act);
    if (act.reply.starts_with("2")) {
      const std::scoped_lock lock(peer_.mutex_);
      peer_.mails_.push_back(mail_);
    }
    mail_.recipients.clear();
    return Say(act);
  }

  bool Say(const Act& act) {
    if (!act.reply.empty() && !Write(act.reply + "\r\n")) return false;
    return !act.close;
  }

  bool Write(std::string_view octets) {
    while (!octets.empty()) {
      const ssize_t wrote = tls_ != nullptr ? SSL_write(tls_.get(), octets.data(), static_cast<int>(octets.size()))
                                            : send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (wrote <= 0) return false;
      octets.remove_prefix(static_cast<size_t>(wrote));
    }
    return true;
  }

  std::optional<std::string> ReadLine() {
    for (;;) {
      if (const size_t end = input_.find("\r\n"); end != std::string::npos) {
        std::string line = input_.substr(0, end);
        input_.erase(0, end + 2);
        return line;
      }
      char buffer[8192];
      const ssize_t got =
          tls_ != nullptr ? SSL_read(tls_.get(), buffer, sizeof buffer) : recv(socket_, buffer, sizeof buffer, 0);
      if (got <= 0) return std::nullopt;
      input_.append(buffer, static_cast<size_t>(got));
    }
  }

  SmtpPeer& peer_;
  const int socket_;
  Handle<SSL_CTX, SSL_CTX_free> context_;
  Handle<SSL, SSL_free> tls_;
  std::string input_;
  Mail mail_;
};

SmtpPeer::SmtpPeer() : SmtpPeer(Options{}) {}

SmtpPeer::SmtpPeer(Options options) : options_(std::move(options)) {
  signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to connections that clients broke off
  if (options_.tls) {
    certificate_file_ = TemporaryFile();
    key_file_ = TemporaryFile();
    WriteCertificate(options_.tls_name, certificate_file_, key_file_);
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  SEKISHO_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                listen(listener_, 64) == 0);
  socklen_t size = sizeof address;
  SEKISHO_CHECK(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

SmtpPeer::~SmtpPeer() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) close(socket);
  close(listener_);
  for (const std::string& file : {certificate_file_, key_file_}) {
    if (!file.empty()) unlink(file.c_str());
  }
}

void SmtpPeer::Accept() {
  for (;;) {
    const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const std::scoped_lock lock(mutex_);
    if (socket < 0) return;
    sockets_.push_back(socket);
    if (stopping_) return;
    const int number = ++connections_;
    threads_.emplace_back([this, socket, number] {
      Session(*this, socket, number).Run();
      shutdown(socket, SHUT_RDWR);
    });
  }
}

std::vector<SmtpPeer::Mail> SmtpPeer::mails() const {
  const std::scoped_lock lock(mutex_);
  return mails_;
}

std::vector<std::string> SmtpPeer::lines() const {
  const std::scoped_lock lock(mutex_);
  return lines_;
}

int SmtpPeer::connections() const {
  const std::scoped_lock lock(mutex_);
  return connections_;
}

}  // namespace sekisho::testing

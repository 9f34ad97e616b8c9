#pragma once
// One SMTP connection's mails, as smtp::Server asks for them.

#include <memory>
#include <string>

#include "services/intake/adapters/acceptor.h"
#include "services/intake/domain/relay_rules.h"
#include "shared/base/worker_pool.h"
#include "shared/directory/directory.h"
#include "shared/smtp/server.h"

namespace sekisho::intake {

// What all connections of a listener share; outlives them.
struct Door {
  std::string name;  // of the listener
  mail::v1::Submitter::Kind kind = mail::v1::Submitter::KIND_SUBMISSION;
  bool demo_allowed = false;  // the configuration; a client must be on loopback too
  RelayRules relay;           // for relays
  std::string default_language;
  uint64_t small_content = 256 * 1024;  // larger content is synced off the I/O loop
  Acceptor& acceptor;
  directory::Directory& directory;
  WorkerPool& blocking;
};

class SmtpReceiver final : public smtp::Receiver {
 public:
  explicit SmtpReceiver(Door& door) : door_(door) {}

  void OnAuth(const smtp::Peer& peer, std::string login, Secret<std::string> password, Answer answer) override;
  void OnMail(const smtp::Peer& peer, const smtp::MailFrom& mail, Answer answer) override;
  void OnRcpt(const smtp::RcptTo& rcpt, Answer answer) override;
  void OnBegin(Answer answer) override;
  void OnContent(std::string_view octets, Taken taken) override;
  void OnEnd(Answer answer) override;
  void OnAbort() override;

 private:
  Status Begin(const smtp::Peer& peer, const smtp::MailFrom& mail);

  Door& door_;
  Submission submission_;
  std::unique_ptr<Incoming> incoming_;
  uint64_t size_ = 0;
};

}  // namespace sekisho::intake

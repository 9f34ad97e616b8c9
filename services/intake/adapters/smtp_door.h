#pragma once
// The SMTP listeners of the configuration: submission and relays, all into the acceptor.

#include <memory>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "services/intake/adapters/acceptor.h"
#include "shared/base/worker_pool.h"
#include "shared/directory/directory.h"
#include "shared/net/io_pool.h"
#include "shared/smtp/server.h"

namespace sekisho::intake {

class SmtpDoor {
 public:
  // All outlive it.
  SmtpDoor(const config::v1::Config& config, const Clock& clock, Acceptor& acceptor, directory::Directory& directory,
           std::shared_ptr<smtp::LoginGuard> logins, net::IoPool& io);
  ~SmtpDoor();

  // Errors: kInvalid (a TLS file, a relay's host), kUnavailable (an address is taken); they name the listener.
  Status Open();
  // New clients are refused; mail under way may end within `limit`. Idempotent.
  void Close(Duration limit);

 private:
  Status OpenListener(const config::v1::SmtpListener& listener);
  void ExposeCounts();

  const config::v1::Config& config_;
  const Clock& clock_;
  Acceptor& acceptor_;
  directory::Directory& directory_;
  const std::shared_ptr<smtp::LoginGuard> logins_;
  net::IoPool& io_;
  // What must not run on an I/O loop: password checks, the sync of large content.
  WorkerPool blocking_;
  struct Listener;
  std::vector<std::unique_ptr<Listener>> listeners_;
  int metrics_ = 0;
};

}  // namespace sekisho::intake

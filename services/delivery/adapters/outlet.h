#pragma once
// A way out: one connection to a destination's host, that carries one batch at a time. Implemented on SMTP
// (smtp_outlet.h); tests have their own.

#include <functional>
#include <memory>

#include "services/delivery/adapters/batch.h"

namespace sekisho::delivery {

class Outlet {
 public:
  virtual ~Outlet() = default;  // nothing is under way; closes the connection

  struct Sent {
    Report report;
    bool reusable = false;  // for another batch
    // The connection was found closed before anything was answered: nothing was tried.
    bool unanswered = false;
  };
  // `done` is called once, on any thread, and then destroyed.
  virtual void Send(std::shared_ptr<const Batch> batch, std::function<void(Sent)> done) = 0;

  // Breaks the connection off: what is under way ends soon, with what is known of it. Any thread.
  virtual void Close() = 0;
};

class OutletMaker {
 public:
  virtual ~OutletMaker() = default;

  struct Failure {
    Disposition disposition;  // holds for every recipient of the destination
    std::string host;         // that said so; may be empty
  };
  struct Opened {
    std::unique_ptr<Outlet> outlet;  // null: `failure`
    Failure failure;
  };
  // Finds the destination's hosts and tries them in order. `done` is called once, on any thread.
  virtual void Open(const DestinationName& destination, std::function<void(Opened)> done) = 0;
};

}  // namespace sekisho::delivery

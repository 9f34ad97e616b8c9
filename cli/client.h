#pragma once
// One invocation's connection: where the server is, who asks, and how a gRPC error becomes a message and an exit code.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/secret.h"

namespace sekisho::cli {

// Exit codes; README.md documents them.
enum ExitCode { kDone = 0, kRefused = 1, kUsage = 2, kNotAllowed = 3, kNoSuch = 4, kUnavailable = 5 };

struct Exit {
  int code = kDone;
  std::string message;  // one line for people; empty when done
  bool ok() const { return code == kDone; }
};

struct Options {
  std::string server;  // HOST:PORT
  std::string user;
  std::string ca_file;
  bool json = false;
  std::chrono::seconds timeout{30};
};

// The message and exit code of a gRPC error: its text, the reason from google.rpc.ErrorInfo, field violations.
Exit FromStatus(const grpc::Status& status, std::string_view server);

class Client {
 public:
  explicit Client(Options options) : options_(std::move(options)) {}

  bool json() const { return options_.json; }
  const Options& options() const { return options_; }

  // Calls one unary method with the caller's token. `make_stub` is Service::NewStub.
  template <typename Service, typename Request, typename Response>
  Exit Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
            const Request& request, Response* response) {
    if (Exit ready = Connect(); !ready.ok()) return ready;
    const auto stub = Service::NewStub(channel_);
    grpc::ClientContext context;
    Prepare(context);
    context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
    return FromStatus(((*stub).*method)(&context, request, response), options_.server);
  }

  // For streams: the channel, after login, and what each context needs.
  Exit Connect();
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  void Prepare(grpc::ClientContext& context) const;

  // Exchanges a password for a token and keeps it in the credentials file.
  Exit Login(const std::string& user, const Secret<std::string>& password, bool keep);

 private:
  Exit Open();

  Options options_;
  std::shared_ptr<grpc::Channel> channel_;
  Secret<std::string> token_;
};

// Asks on the terminal without echo.
Secret<std::string> AskPassword(const std::string& prompt);

}  // namespace sekisho::cli

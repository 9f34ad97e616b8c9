#pragma once
// One invocation's connections: where the server is, who asks, and how a gRPC error becomes a message and an exit code.
//
// --server names one process. What it does not have is asked of the process that has it, whose address the server
// tells: in a distributed deployment each service is a process of its own, by the same CAs and with the same token.

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

// A process of the deployment.
struct Place {
  std::string service, instance, address;  // the first two are empty in one process
  std::string Name() const { return instance.empty() ? service : service + "/" + instance; }
};

// "policy" of "sekisho.policy.v1.PolicyService": which service of a deployment has a gRPC service. "stage": each.
std::string OwnerOf(std::string_view grpc_service);

class Client {
 public:
  explicit Client(Options options) : options_(std::move(options)) {}

  bool json() const { return options_.json; }
  const Options& options() const { return options_; }

  // Calls one unary method with the caller's token, at the server or at the process that has the service.
  template <typename Service, typename Request, typename Response>
  Exit Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
            const Request& request, Response* response) {
    return Anywhere(Service::service_full_name(), [&](const auto& channel, grpc::ClientContext* context) {
      return ((*Service::NewStub(channel)).*method)(context, request, response);
    });
  }

  // Every process, or those of one service, and one of them asked. What all of them have must be merged by the caller.
  Exit Places(std::vector<Place>& places, std::string_view service = {});
  template <typename Service, typename Request, typename Response>
  Exit CallAt(const Place& place,
              grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request, Response* response) {
    return At(place, [&](const auto& channel, grpc::ClientContext* context) {
      return ((*Service::NewStub(channel)).*method)(context, request, response);
    });
  }

  // As CallAt, of a method that streams its answers, for as long as it does.
  template <typename Service, typename Request, typename Response>
  Exit StreamAt(const Place& place,
                std::unique_ptr<grpc::ClientReader<Response>> (Service::Stub::*method)(grpc::ClientContext*,
                                                                                       const Request&),
                const Request& request, const std::function<void(const Response&)>& each) {
    return At(
        place,
        [&](const auto& channel, grpc::ClientContext* context) {
          const auto reader = ((*Service::NewStub(channel)).*method)(context, request);
          for (Response response; reader->Read(&response);) each(response);
          return reader->Finish();
        },
        false);
  }

  // For streams: the channel, after login, and what each context needs.
  Exit Connect();
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  void Prepare(grpc::ClientContext& context) const;

  // Exchanges a password for a token and keeps it in the credentials file.
  Exit Login(const std::string& user, const Secret<std::string>& password, bool keep);

 private:
  using Channel = std::shared_ptr<grpc::Channel>;
  using Attempt = std::function<grpc::Status(const Channel&, grpc::ClientContext*)>;

  Exit Open();
  Exit OpenAt(const Place& place, Channel& channel) const;
  grpc::Status Try(const Channel& channel, const Attempt& attempt, bool with_deadline = true) const;
  Exit Anywhere(std::string_view grpc_service, const Attempt& attempt);
  bool Reach(const Place& place);
  Exit At(const Place& place, const Attempt& attempt, bool with_deadline = true);
  Exit Discover();

  Options options_;
  std::optional<std::vector<Place>> places_;  // as the server told
  std::map<std::string, Channel> channels_;   // to places, by address
  std::shared_ptr<grpc::Channel> channel_;
  Secret<std::string> token_;
};

// Asks on the terminal without echo.
Secret<std::string> AskPassword(const std::string& prompt);

}  // namespace sekisho::cli

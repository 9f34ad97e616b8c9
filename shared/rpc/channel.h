#pragma once
// Channels to other services of the deployment, and the calls over them.
//
// A channel proves who we are and whom it reached, by certificates, which it reads again when their files change. It
// connects by itself, at most every 5 s once that fails; a call over it that finds nobody fails at once with
// kUnavailable, one that gets no answer at its deadline. Calls that change nothing (auth.h, ReadMethods) are tried up
// to three times within their deadline, out of a budget: where most calls fail none is repeated. Thread safe.

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::rpc {

struct ChannelOptions {
  // One "name:port", of whose addresses all are used, or address literals of one family. Calls go to each in turn.
  std::vector<std::string> addresses;
  // The name that the certificate must have, whatever the address: the service's.
  std::string service;
  // Our own certificate and key, and the CA of all services; absent: in the clear, on loopback addresses only.
  std::optional<config::v1::Tls> tls;
};

// Nothing is connected yet. Errors: kInvalid (the addresses; not loopback and without tls), kNotFound and kPermission
// (files).
Result<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options);

// To every instance of `service`, from the process whose entry of `services` is `own`.
Result<std::shared_ptr<grpc::Channel>> OpenChannel(const config::v1::Config& config, const config::v1::Service& own,
                                                   std::string_view service);

// For a call that is made to answer `caller`'s: with their token and trace, cancelled with theirs, and over a little
// before theirs, or after `at_most`.
std::unique_ptr<grpc::ClientContext> OnBehalfOf(const grpc::ServerContextBase& caller, Duration at_most);

}  // namespace sekisho::rpc

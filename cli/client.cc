#include "cli/client.h"

#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/credentials.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "sekisho/intake/v1/intake.grpc.pb.h"

namespace sekisho::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool IsLoopback(const std::string& server) {
  return server.starts_with("127.") || server.starts_with("localhost:") || server.starts_with("[::1]:");
}

int ExitOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::OK:
      return kDone;
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::PERMISSION_DENIED:
      return kNotAllowed;
    case grpc::StatusCode::NOT_FOUND:
      return kNoSuch;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return kUnavailable;
    default:
      return kRefused;
  }
}

}  // namespace

Exit FromStatus(const grpc::Status& status, std::string_view server) {
  if (status.ok()) return {};
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
    message = "no server answers at " + std::string(server) + "; is it running? (--server, SEKISHO_SERVER)";
  } else if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && status.error_details().empty()) {
    message += "; run: sekisho login";
  }
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const auto& any : details.details()) {
      google::rpc::ErrorInfo info;
      google::rpc::BadRequest bad;
      if (any.UnpackTo(&info)) message += " (" + info.reason() + ")";
      if (any.UnpackTo(&bad)) {
        for (const auto& violation : bad.field_violations()) {
          message += "\n  " + violation.field() + ": " + violation.description();
        }
      }
    }
  }
  return {ExitOf(status.error_code()), message};
}

Exit Client::Open() {
  if (channel_) return {};
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options_.ca_file.empty() && IsLoopback(options_.server)) {
    credentials = grpc::InsecureChannelCredentials();
  } else {
    grpc::SslCredentialsOptions tls;
    if (!options_.ca_file.empty()) {
      std::ifstream in(options_.ca_file);
      if (!in) return {kUsage, "cannot read " + options_.ca_file};
      std::ostringstream pem;
      pem << in.rdbuf();
      tls.pem_root_certs = pem.str();
    }
    credentials = grpc::SslCredentials(tls);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(16 << 20);
  channel_ = grpc::CreateCustomChannel(options_.server, credentials, arguments);
  return {};
}

Exit Client::Login(const std::string& user, const Secret<std::string>& password, bool keep) {
  if (Exit opened = Open(); !opened.ok()) return opened;
  intake::v1::LoginRequest request;
  request.set_user(user);
  request.set_password(password.Reveal());
  intake::v1::LoginResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
  const auto stub = intake::v1::AuthService::NewStub(channel_);
  if (Exit done = FromStatus(stub->Login(&context, request, &response), options_.server); !done.ok()) return done;
  token_ = Secret<std::string>(response.token());
  if (!keep) return {};
  if (Status saved = SaveToken(CredentialsFile(), options_.server, token_); !saved.ok()) {
    return {kUsage, saved.error().detail};
  }
  return {};
}

Exit Client::Connect() {
  if (!token_.Reveal().empty()) return {};
  if (Exit opened = Open(); !opened.ok()) return opened;
  if (const std::string password = Environment("SEKISHO_PASSWORD"); !password.empty()) {
    if (options_.user.empty()) return {kUsage, "SEKISHO_PASSWORD is set, but not SEKISHO_USER"};
    return Login(options_.user, Secret<std::string>(password), false);
  }
  auto token = LoadToken(CredentialsFile(), options_.server);
  if (!token.ok()) return {kNotAllowed, token.error().detail};
  if (token->Reveal().empty()) {
    return {kNotAllowed, "not logged in at " + options_.server + "; run: sekisho login"};
  }
  token_ = *std::move(token);
  return {};
}

void Client::Prepare(grpc::ClientContext& context) const {
  context.AddMetadata("authorization", "Bearer " + token_.Reveal());
}

Secret<std::string> AskPassword(const std::string& prompt) {
  std::string password;
  termios before{};
  const bool terminal = ::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    std::cerr << prompt << std::flush;
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::getline(std::cin, password);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    std::cerr << "\n";
  }
  return Secret<std::string>(std::move(password));
}

}  // namespace sekisho::cli

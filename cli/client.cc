#include "cli/client.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cli/credentials.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "sekisho/intake/v1/intake.grpc.pb.h"
#include "sekisho/stage/v1/stage.grpc.pb.h"

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

// The server has no such method, as its library says; our own refusals come with details.
bool IsAbsent(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNIMPLEMENTED && status.error_details().empty();
}

constexpr std::chrono::seconds kConnectPatience{3};

}  // namespace

Exit FromStatus(const grpc::Status& status, std::string_view server) {
  if (status.ok()) return {};
  std::string message = status.error_message();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE && status.error_details().empty()) {
    message = "no server answers at " + std::string(server) + "; is it running? (--server, SEKISHO_SERVER)";
  } else if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && status.error_details().empty()) {
    message += "; run: sekisho login";
  } else if (IsAbsent(status)) {
    message = std::string(server) + " does not have this; of separate services give the address of intake (--server)";
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

std::string OwnerOf(std::string_view grpc_service) {
  constexpr std::string_view kOurs = "sekisho.";
  if (!grpc_service.starts_with(kOurs)) return {};
  grpc_service.remove_prefix(kOurs.size());
  return std::string(grpc_service.substr(0, grpc_service.find('.')));
}

Exit Client::Open() {
  if (channel_) return {};
  return OpenAt({"", "", options_.server}, channel_);
}

Exit Client::OpenAt(const Place& place, Channel& channel) const {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options_.ca_file.empty() && IsLoopback(place.address)) {
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
  // A service's certificate has its name, wherever it runs.
  if (!place.service.empty()) arguments.SetSslTargetNameOverride(place.service);
  channel = grpc::CreateCustomChannel(place.address, credentials, arguments);
  return {};
}

grpc::Status Client::Try(const Channel& channel, const Attempt& attempt, bool with_deadline) const {
  grpc::ClientContext context;
  Prepare(context);
  if (with_deadline) context.set_deadline(std::chrono::system_clock::now() + options_.timeout);
  return attempt(channel, &context);
}

Exit Client::Discover() {
  if (places_) return {};
  if (Exit ready = Connect(); !ready.ok()) return ready;
  stage::v1::ListServicesResponse response;
  const grpc::Status status = Try(channel_, [&](const Channel& channel, grpc::ClientContext* context) {
    return stage::v1::StageService::NewStub(channel)->ListServices(context, stage::v1::ListServicesRequest(),
                                                                   &response);
  });
  if (!IsAbsent(status)) {  // else it is older than such deployments
    if (Exit done = FromStatus(status, options_.server); !done.ok()) return done;
  }
  places_.emplace();
  for (const auto& one : response.services()) places_->push_back({one.service(), one.instance(), one.address()});
  return {};
}

Exit Client::Places(std::vector<Place>& places, std::string_view service) {
  if (Exit done = Discover(); !done.ok()) return done;
  if (places_->empty()) places.push_back({"", "", options_.server});
  for (const Place& place : *places_) {
    if (!service.empty() && place.service != service) continue;
    places.push_back(place);
    // All at once, so that those that are away are waited for together.
    if (Exit opened = OpenAt(place, channels_[place.address]); !opened.ok()) return opened;
    channels_[place.address]->GetState(true);
  }
  return {};
}

bool Client::Reach(const Place& place) {
  if (place.service.empty()) return true;  // the server, which has answered
  const Channel& channel = channels_[place.address];
  const auto until = std::chrono::system_clock::now() + std::min(options_.timeout, kConnectPatience);
  while (true) {
    const grpc_connectivity_state state = channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || !channel->WaitForStateChange(state, until)) return false;
  }
}

Exit Client::At(const Place& place, const Attempt& attempt, bool with_deadline) {
  if (place.service.empty()) return FromStatus(Try(channel_, attempt, with_deadline), place.address);
  if (!Reach(place)) return {kUnavailable, place.Name() + " does not answer at " + place.address};
  Exit done = FromStatus(Try(channels_[place.address], attempt, with_deadline), place.address);
  if (!done.ok()) done.message = place.Name() + ": " + done.message;
  return done;
}

Exit Client::Anywhere(std::string_view grpc_service, const Attempt& attempt) {
  if (Exit ready = Connect(); !ready.ok()) return ready;
  const grpc::Status here = Try(channel_, attempt);
  if (!IsAbsent(here)) return FromStatus(here, options_.server);
  std::vector<Place> places;
  if (Exit done = Places(places, OwnerOf(grpc_service)); !done.ok()) return done;
  if (places_->empty() || places.empty()) return FromStatus(here, options_.server);
  // Of several instances the first that can be reached: a connection asks nothing yet.
  const auto reached = std::find_if(places.begin(), places.end(), [this](const Place& place) { return Reach(place); });
  return At(reached == places.end() ? places.front() : *reached, attempt);
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

#pragma once
// What several noun groups need.

#include <string>
#include <string_view>
#include <vector>

#include "cli/client.h"
#include "sekisho/intake/v1/intake.grpc.pb.h"

namespace sekisho::cli {

// The whole of a file; "-" is standard input.
Exit ReadFile(const std::string& path, std::string& octets);
// Bare LF becomes CRLF, as mail files on disk need.
std::string WithCrlf(std::string_view text);

// SubmitMail, or UploadMail when the mail is large.
Exit Submit(Client& client, const intake::v1::SubmitMailRequest& request, intake::v1::SubmitMailResponse* response);
// Prints a mail's events as they come, until every recipient is terminal.
Exit Follow(Client& client, const std::string& mail_id);

// What one process answered, or why it did not.
template <typename Response>
struct Answer {
  Place place;
  Exit exit;
  Response response;
};

// Asks every process, or those of one service. Errors: what any of them but for its absence says.
template <typename Service, typename Request, typename Response>
Exit AskEvery(Client& client, grpc::Status (Service::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              const Request& request, std::vector<Answer<Response>>& answers, std::string_view service = {}) {
  std::vector<Place> places;
  if (Exit done = client.Places(places, service); !done.ok()) return done;
  for (const Place& place : places) {
    Answer<Response> answer{place, {}, {}};
    answer.exit = client.CallAt<Service>(place, method, request, &answer.response);
    if (!answer.exit.ok() && answer.exit.code != kUnavailable) return answer.exit;
    answers.push_back(std::move(answer));
  }
  return {};
}

// The exit of a command that shows what it has when some did not answer.
template <typename Response>
Exit Missing(const std::vector<Answer<Response>>& answers) {
  Exit missing;
  for (const auto& answer : answers) {
    if (answer.exit.ok()) continue;
    missing.code = answer.exit.code;
    missing.message += (missing.message.empty() ? "" : "; ") + answer.exit.message;
  }
  return missing;
}

}  // namespace sekisho::cli

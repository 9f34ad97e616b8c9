#pragma once
// What several noun groups need.

#include <string>
#include <string_view>

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

}  // namespace sekisho::cli

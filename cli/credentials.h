#pragma once
// The tokens that `sekisho login` keeps, by server: ~/.config/sekisho/credentials.json, mode 0600.

#include <string>

#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::cli {

std::string CredentialsFile();  // $XDG_CONFIG_HOME or ~/.config; empty without a home
// Empty when none is kept. Errors: kPermission when others can read the file; kInvalid when it isn't ours.
Result<Secret<std::string>> LoadToken(const std::string& file, const std::string& server);
Status SaveToken(const std::string& file, const std::string& server, const Secret<std::string>& token);

}  // namespace sekisho::cli

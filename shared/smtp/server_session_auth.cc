// The session's logins: AUTH PLAIN (RFC 4616) and LOGIN, under TLS only (RFC 4954).

#include "shared/base/bytes.h"
#include "shared/smtp/server_session.h"

namespace sekisho::smtp {

ServerSession::MaybeAction ServerSession::OnAuth(const Auth& auth) {
  if (!options_.auth) {
    Fail(Reply(502, "5.5.1", "AUTH is not offered here"));
  } else if (!tls_) {
    Fail(Reply(538, "5.7.11", "AUTH needs TLS; say STARTTLS first"));
  } else if (!login_.empty() || mail_) {
    Fail(Reply(503, "5.5.1", mail_ ? "a mail is under way" : "you are logged in already"));
  } else if (auth.mechanism != "PLAIN" && auth.mechanism != "LOGIN") {
    Fail(Reply(504, "5.5.4", "this mechanism is not offered; use PLAIN or LOGIN"));
  } else {
    state_ = auth.mechanism == "PLAIN" ? State::kAuthPlain : State::kAuthLogin;
    if (auth.initial) return OnAuthLine(*auth.initial == "=" ? "" : *auth.initial);
    Say(Reply(334, "", state_ == State::kAuthPlain ? "" : "VXNlcm5hbWU6"));  // "Username:"
  }
  return std::nullopt;
}

ServerSession::MaybeAction ServerSession::OnAuthLine(std::string_view line) {
  const State state = std::exchange(state_, State::kCommand);
  if (line == "*") {
    Fail(Reply(501, "5.7.0", "cancelled"));
    return std::nullopt;
  }
  auto response = Base64Decode(line);
  if (!response.ok()) {
    Fail(Reply(501, "5.5.2", "the response is not base64"));
    return std::nullopt;
  }
  if (state == State::kAuthPlain) return OnPlain(*response);
  if (state == State::kAuthPassword) return AskPassword(std::exchange(asked_login_, {}), *std::move(response));
  asked_login_ = *std::move(response);
  state_ = State::kAuthPassword;
  Say(Reply(334, "", "UGFzc3dvcmQ6"));  // "Password:"
  return std::nullopt;
}

// RFC 4616: [authorisation identity] NUL login NUL password
ServerSession::MaybeAction ServerSession::OnPlain(const std::string& response) {
  const size_t first = response.find('\0');
  const size_t second = first == std::string::npos ? first : response.find('\0', first + 1);
  if (second == std::string::npos) {
    Fail(Reply(501, "5.5.2", "the response is not as PLAIN has it"));
    return std::nullopt;
  }
  std::string login = response.substr(first + 1, second - first - 1);
  if (first != 0 && response.substr(0, first) != login) {
    Fail(Reply(535, "5.7.8", "nobody acts for another here"));
    return std::nullopt;
  }
  return AskPassword(std::move(login), response.substr(second + 1));
}

ServerSession::MaybeAction ServerSession::AskPassword(std::string login, std::string password) {
  asked_password_ = Secret<std::string>(std::move(password));
  asked_login_ = std::move(login);
  const std::string& given = asked_password_.Reveal();
  if (asked_login_.empty() || given.empty() || (asked_login_ + given).find('\0') != std::string::npos) {
    asked_password_ = {};
    Fail(Reply(535, "5.7.8", "the login or the password is wrong"));
    return std::nullopt;
  }
  return Ask(Kind::kAuth);
}

}  // namespace sekisho::smtp

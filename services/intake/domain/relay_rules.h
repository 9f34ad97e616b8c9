#pragma once
// Who may use a relay listener of kind `host`, and as whom it may send. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "sekisho/config/v1/config.pb.h"
#include "shared/base/result.h"

namespace sekisho::intake {

class RelayRules {
 public:
  // `domains`: the organisation's, for a relay that lists no senders. Errors: kInvalid, naming the entry.
  static Result<RelayRules> Make(const config::v1::Relay& relay, const std::vector<std::string>& domains);

  // `address`: a literal; `certificate`: lower-case hex SHA-256, or empty.
  bool MayConnect(std::string_view address, std::string_view certificate) const;
  // True when some client may yet prove itself by a certificate: it is let in, and asked again after its handshake.
  bool MayProveItself() const { return !certificates_.empty(); }
  bool MaySendAs(std::string_view address) const;

 private:
  struct Block {
    std::string octets;  // 4 or 16
    int bits = 0;
  };
  std::vector<Block> blocks_;
  std::vector<std::string> certificates_;
  std::vector<std::string> senders_;  // lower case: "user@domain", or "@domain"
};

}  // namespace sekisho::intake

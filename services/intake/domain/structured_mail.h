#pragma once
// A mail from the fields of gRPC's StructuredMail. Pure.

#include <string>

#include "sekisho/intake/v1/intake.pb.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"

namespace sekisho::intake {

// `mail_from` is the From where the request names none; `hostname` stands in the Message-ID, whose other half is
// random. Errors: kInvalid, naming the field: an address that can't be read, a control character, text that isn't
// UTF-8.
Result<std::string> BuildStructured(const v1::StructuredMail& mail, const std::string& mail_from, TimePoint now,
                                    const std::string& hostname);

// "山田 <yamada@example.jp>" or a bare address. Errors: kInvalid.
struct NamedAddress {
  std::string name, address;
};
Result<NamedAddress> ParseNamedAddress(std::string_view text);

}  // namespace sekisho::intake

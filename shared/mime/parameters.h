#pragma once
// "value; name=value; …" as Content-Type and Content-Disposition have it (RFC 2045 §5.1, RFC 2231), strictly where
// structure hangs on it and as leniently as mail programs where it is only a file's name. Internal to shared/mime.

#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

struct ParameterizedValue {
  std::string value;                  // before the first semicolon, lower case
  std::vector<Parameter> parameters;  // all but names, in order
  std::vector<std::string> names;     // every reading of name= or filename=, decoded; the best first
  bool had_raw = false;               // octets outside ASCII, or ISO-2022-JP escapes

  std::string_view Find(std::string_view name) const;  // empty when absent
  bool Has(std::string_view name) const;
};

// `what` names the field in the detail. Errors: kMalformed: comments, blanks around "=", quotes that don't end, the
// same parameter twice with different values, structure split as RFC 2231 allows for names, gaps in such splits.
Result<ParameterizedValue> ReadParameters(std::string_view raw_value, std::string_view place, std::string_view what);

}  // namespace sekisho::mime

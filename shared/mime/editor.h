#pragma once
// Changes of a message's own header section, octet-exact everywhere else: what isn't named stays as it came, and the
// body is never touched. Pure. Names and values with CR, LF or NUL are refused (kInvalid), so nothing can be injected.

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "shared/mime/model.h"

namespace sekisho::mime {

// One field as it goes on the wire, "Name: value\r\n": folded at white space towards 78 columns, never past 998 octets;
// characters outside ASCII become RFC 2047 words. For unstructured values; addresses are formatted by builder.h.
// Errors: kInvalid for a name outside RFC 5322 §2.2, a value with CR, LF, NUL or another control, or one that isn't
// UTF-8.
Result<std::string> FormatField(std::string_view name, std::string_view value);

class HeaderEditor {
 public:
  // Errors: those of ParseHeader. The editor views `raw`; the caller keeps it alive.
  static Result<HeaderEditor> Open(std::string_view raw, const Limits& limits = {});
  template <std::same_as<std::string> String>
  static Result<HeaderEditor> Open(String&& raw, const Limits& limits = {}) = delete;

  bool Has(std::string_view name) const;
  // Takes out every field of that name, any case; says how many there were.
  size_t Remove(std::string_view name);
  // Puts a field before all others (trace fields), or after them. The later call is the nearer to the edge.
  Status Prepend(std::string_view name, std::string_view value);
  Status Append(std::string_view name, std::string_view value);
  // The same with finished fields, each ended by CRLF, as FormatField or a DKIM signer makes them.
  Status PrependFields(std::string_view fields);
  // Puts the value in the place of the first field of that name and takes out the others; appends when there is none.
  Status Replace(std::string_view name, std::string_view value);

  std::string Header() const;     // with the empty line that ends it
  std::string_view Body() const;  // what follows that line, as it came
  std::string Octets() const;     // both

 private:
  struct Slot {
    std::string name;         // empty for PrependFields
    std::string_view octets;  // of a field that came with the message
    std::string made;         // of a field made here
  };

  std::vector<Slot> slots_;
  std::string_view body_;
};

// Takes out Bcc and Resent-Bcc. What every mail that leaves has been through.
void StripBcc(HeaderEditor& editor);
// The To/Cc→Bcc treatment: Cc, Resent-To and Resent-Cc go, To becomes "undisclosed-recipients:;" (RFC 5322 §3.4).
Status HideRecipients(HeaderEditor& editor);
// Adds Message-ID and Date where they are absent (RFC 6409 §8).
Status AddMissing(HeaderEditor& editor, std::string_view message_id, std::string_view date);

}  // namespace sekisho::mime

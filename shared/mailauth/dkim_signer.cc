#include "shared/mailauth/dkim_signer.h"

#include <algorithm>
#include <array>

#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"

namespace sekisho::mailauth {
namespace {

// A second one of these, put in front on the way, would be what a reader shows: each is signed once more than it is
// there.
constexpr std::array<std::string_view, 11> kOversigned = {"from",
                                                          "to",
                                                          "cc",
                                                          "subject",
                                                          "date",
                                                          "reply-to",
                                                          "content-type",
                                                          "content-transfer-encoding",
                                                          "content-disposition",
                                                          "content-description",
                                                          "content-id"};
// Signed as often as they are there.
constexpr std::array<std::string_view, 8> kSigned = {"message-id",   "sender",         "in-reply-to", "references",
                                                     "mime-version", "auto-submitted", "resent-from", "resent-to"};

constexpr size_t kMaxLine = 76;

struct Field {
  std::string name;  // lower case
  std::string_view name_raw, value;
};

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// RFC 6376 §3.4.2: lower-case name, unfolded value with single spaces, none at its ends.
void AppendRelaxed(std::string_view name, std::string_view value, std::string& out) {
  out += AsciiLower(name);
  out += ':';
  bool blank = false, begun = false;
  for (const char c : value) {
    if (IsBlank(c) || c == '\r' || c == '\n') {
      blank = begun;
      continue;
    }
    if (blank) out += ' ';
    blank = false;
    begun = true;
    out += c;
  }
}

Result<std::vector<Field>> SplitHeader(std::string_view header) {
  std::vector<Field> fields;
  while (!header.empty() && !header.starts_with("\r\n")) {
    size_t end = 0;
    do {
      end = header.find("\r\n", end);
      if (end == std::string_view::npos) return MakeError(Code::kMalformed, "a header field isn't ended by CRLF");
      end += 2;
    } while (end < header.size() && IsBlank(header[end]));
    const std::string_view field = header.substr(0, end - 2);
    header.remove_prefix(end);
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0) return MakeError(Code::kMalformed, "a header field has no name");
    const std::string_view name = AsciiTrim(field.substr(0, colon));
    fields.push_back({AsciiLower(name), name, field.substr(colon + 1)});
  }
  return fields;
}

struct SignedFields {
  std::string names;      // h=, folded
  std::string canonical;  // what is signed of them
};

// "a : b : c" folded so that no line is long; `column` is where the first name stands.
class NameList {
 public:
  explicit NameList(size_t column) : column_(column) {}
  void Add(std::string_view name) {
    if (!text_.empty()) {
      text_ += ':';
      ++column_;
    }
    if (column_ + name.size() + 1 > kMaxLine) {
      text_ += "\r\n\t";
      column_ = 8;
    }
    text_ += name;
    column_ += name.size();
  }
  std::string Take() { return std::move(text_); }

 private:
  size_t column_;
  std::string text_;
};

SignedFields SelectFields(const std::vector<Field>& fields) {
  NameList names(8 + 2);  // after "\th="
  SignedFields selected;
  const auto add = [&](std::string_view name, bool oversign) {
    // §5.4.2: of several, the lowest comes first.
    for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
      if (field->name != name) continue;
      names.Add(name);
      AppendRelaxed(field->name_raw, field->value, selected.canonical);
      selected.canonical += "\r\n";
    }
    if (oversign) names.Add(name);
  };
  for (const std::string_view name : kOversigned) add(name, true);
  for (const std::string_view name : kSigned) add(name, false);
  selected.names = names.Take();
  return selected;
}

bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string_view::npos && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
         });
}

bool Covers(std::string_view domain, std::string_view from_domain) {
  return from_domain == domain || (from_domain.size() > domain.size() && from_domain.ends_with(domain) &&
                                   from_domain[from_domain.size() - domain.size() - 1] == '.');
}

std::string FoldBase64(std::string_view octets) {
  const std::string text = Base64Encode(octets);
  std::string folded = text.substr(0, kMaxLine - 10);  // after "\tb="
  for (size_t at = folded.size(); at < text.size(); at += kMaxLine - 8)
    folded += "\r\n\t" + text.substr(at, kMaxLine - 8);
  return folded;
}

Result<std::string> SignWith(const DkimKey& key, const SignedFields& fields, std::string_view body_hash,
                             TimePoint now) {
  const bool edwards = key.key.algorithm() == "Ed25519";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::string value = " v=1; a=" + std::string(edwards ? "ed25519-sha256" : "rsa-sha256") +
                      "; c=relaxed/relaxed;\r\n\td=" + key.domain + "; s=" + key.selector +
                      "; t=" + std::to_string(seconds) + ";\r\n\th=" + fields.names +
                      ";\r\n\tbh=" + Base64Encode(body_hash) + ";\r\n\tb=";
  std::string signed_octets = fields.canonical;
  AppendRelaxed("dkim-signature", value, signed_octets);
  // RFC 8463 §3: Ed25519 signs the digest, not the octets.
  SEKISHO_TRY(const std::string signature, key.key.Sign(edwards ? crypto::Sha256(signed_octets) : signed_octets));
  return "DKIM-Signature:" + value + FoldBase64(signature) + "\r\n";
}

}  // namespace

Result<DkimSigner> DkimSigner::Create(std::vector<DkimKey> keys) {
  for (DkimKey& key : keys) {
    key.domain = AsciiLower(key.domain);
    key.selector = AsciiLower(key.selector);
    if (!IsHostName(key.domain)) return MakeError(Code::kInvalid, "a DKIM key's domain isn't a domain name");
    if (!IsHostName(key.selector))
      return MakeError(Code::kInvalid, "a DKIM key's selector isn't a domain name's label");
    const std::string& algorithm = key.key.algorithm();
    if (algorithm != "Ed25519" && !algorithm.starts_with("RSA-")) {
      return MakeError(Code::kInvalid, "DKIM knows RSA and Ed25519 keys, not " + algorithm);
    }
  }
  return DkimSigner(std::move(keys));
}

Result<std::string> DkimSigner::Sign(std::string_view header, std::string_view body_hash, std::string_view from_domain,
                                     TimePoint now) const {
  SEKISHO_CHECK(body_hash.size() == crypto::kSha256Size);
  const std::string domain = AsciiLower(from_domain);
  if (std::none_of(keys_.begin(), keys_.end(), [&](const DkimKey& key) { return Covers(key.domain, domain); }))
    return std::string();
  SEKISHO_TRY(const std::vector<Field> fields, SplitHeader(header));
  if (std::none_of(fields.begin(), fields.end(), [](const Field& field) { return field.name == "from"; })) {
    return MakeError(Code::kMalformed, "a mail without From can't be signed");
  }
  const SignedFields selected = SelectFields(fields);
  std::string signatures;
  for (const DkimKey& key : keys_) {
    if (!Covers(key.domain, domain)) continue;
    SEKISHO_TRY(const std::string field, SignWith(key, selected, body_hash, now));
    signatures += field;
  }
  return signatures;
}

}  // namespace sekisho::mailauth

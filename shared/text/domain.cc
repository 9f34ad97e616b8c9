#include "shared/text/domain.h"

#include <unicode/uidna.h>
#include <unicode/uspoof.h>

#include <algorithm>
#include <array>
#include <vector>

#include "shared/base/bytes.h"
#include "shared/base/handle.h"
#include "shared/text/utf8.h"

namespace sekisho::text {
namespace {

constexpr size_t kMaxDomain = 253;

const UIDNA* Idna() {
  static const UIDNA* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const UIDNA* opened = uidna_openUTS46(
        UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ | UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE,
        &error);
    SEKISHO_CHECK(U_SUCCESS(error));
    return opened;
  }();
  return instance;
}

const USpoofChecker* Spoof() {
  static const USpoofChecker* const instance = [] {
    UErrorCode error = U_ZERO_ERROR;
    const USpoofChecker* opened = uspoof_open(&error);
    SEKISHO_CHECK(U_SUCCESS(error));
    return opened;
  }();
  return instance;
}

bool IsHostOctet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool HasUsableLabels(std::string_view domain) {
  if (domain.empty() || domain.size() > kMaxDomain) return false;
  for (size_t at = 0; at <= domain.size();) {
    const size_t dot = std::min(domain.find('.', at), domain.size());
    const std::string_view label = domain.substr(at, dot - at);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    at = dot + 1;
  }
  return std::all_of(domain.begin(), domain.end(), IsHostOctet);
}

std::vector<char32_t> CodePoints(std::string_view utf8) {
  std::vector<char32_t> points;
  for (size_t at = 0; at < utf8.size() && points.size() < kMaxDomain;) points.push_back(NextCodePoint(utf8, at));
  return points;
}

}  // namespace

Result<std::string> DomainToAscii(std::string_view domain) {
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (IsAscii(domain)) {
    std::string lower = AsciiLower(domain);
    if (!HasUsableLabels(lower)) return MakeError(Code::kInvalid, "not a domain name");
    // An A-label must be one: "xn--" with anything behind it is checked by the long way.
    if (lower.find("xn--") == std::string::npos) return lower;
  }
  if (domain.size() > 4 * kMaxDomain) return MakeError(Code::kInvalid, "not a domain name");
  std::array<char, 256> ascii;
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode error = U_ZERO_ERROR;
  const int32_t size = uidna_nameToASCII_UTF8(Idna(), domain.data(), static_cast<int32_t>(domain.size()), ascii.data(),
                                              static_cast<int32_t>(ascii.size()), &info, &error);
  if (U_FAILURE(error) || info.errors != 0) return MakeError(Code::kInvalid, "not a domain name");
  std::string converted(ascii.data(), static_cast<size_t>(size));
  if (!HasUsableLabels(converted)) return MakeError(Code::kInvalid, "not a domain name");
  return converted;
}

std::string DomainToUnicode(std::string_view domain) {
  if (domain.find("xn--") == std::string_view::npos || domain.size() > kMaxDomain) return std::string(domain);
  std::string out;
  for (size_t at = 0; at <= domain.size();) {
    const size_t dot = std::min(domain.find('.', at), domain.size());
    const std::string_view label = domain.substr(at, dot - at);
    std::array<char, 256> unicode;
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode error = U_ZERO_ERROR;
    const int32_t size = uidna_labelToUnicodeUTF8(Idna(), label.data(), static_cast<int32_t>(label.size()),
                                                  unicode.data(), static_cast<int32_t>(unicode.size()), &info, &error);
    if (at > 0) out += '.';
    if (U_SUCCESS(error) && info.errors == 0) {
      out.append(unicode.data(), static_cast<size_t>(size));
    } else {
      out += label;
    }
    at = dot + 1;
  }
  return out;
}

std::string Skeleton(std::string_view utf8) {
  const std::string source = SanitizeUtf8(TruncateUtf8(utf8, 4096));
  std::string skeleton(source.size() * 4 + 64, '\0');
  UErrorCode error = U_ZERO_ERROR;
  int32_t size = uspoof_getSkeletonUTF8(Spoof(), 0, source.data(), static_cast<int32_t>(source.size()), skeleton.data(),
                                        static_cast<int32_t>(skeleton.size()), &error);
  if (error == U_BUFFER_OVERFLOW_ERROR) {
    skeleton.resize(static_cast<size_t>(size));
    error = U_ZERO_ERROR;
    size = uspoof_getSkeletonUTF8(Spoof(), 0, source.data(), static_cast<int32_t>(source.size()), skeleton.data(),
                                  static_cast<int32_t>(skeleton.size()), &error);
  }
  SEKISHO_CHECK(U_SUCCESS(error) || error == U_STRING_NOT_TERMINATED_WARNING);
  skeleton.resize(static_cast<size_t>(size));
  return skeleton;
}

size_t EditDistance(std::string_view a, std::string_view b, size_t limit) {
  const std::vector<char32_t> x = CodePoints(a), y = CodePoints(b);
  const size_t longer = std::max(x.size(), y.size()), shorter = std::min(x.size(), y.size());
  if (longer - shorter > limit) return limit + 1;
  // Three rows of the optimal string alignment matrix.
  std::vector<size_t> before(y.size() + 1), last(y.size() + 1), row(y.size() + 1);
  for (size_t j = 0; j <= y.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= x.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= y.size(); ++j) {
      const size_t same = x[i - 1] == y[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + same});
      if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return std::min(last[y.size()], limit + 1);
}

bool IsLookAlike(std::string_view domain, std::string_view known) {
  if (domain == known) return false;
  const std::string shown = DomainToUnicode(domain), genuine = DomainToUnicode(known);
  const size_t limit = CodePoints(genuine).size() >= 12 ? 2 : 1;
  return EditDistance(shown, genuine, limit) <= limit || Skeleton(shown) == Skeleton(genuine);
}

}  // namespace sekisho::text

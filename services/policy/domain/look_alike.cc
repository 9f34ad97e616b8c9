#include "services/policy/domain/look_alike.h"

#include <bit>
#include <cstdlib>

#include "shared/text/domain.h"
#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

// text::IsLookAlike allows at most this many slips; each changes the size by at most one, and at most two of the
// letters that occur.
constexpr int kMaxSlips = 2;

}  // namespace

LookAlikes::Shape LookAlikes::ShapeOf(std::string_view shown) {
  Shape shape;
  for (size_t at = 0; at < shown.size(); ++shape.size)
    shape.letters |= uint64_t{1} << (text::NextCodePoint(shown, at) % 64);
  return shape;
}

LookAlikes::LookAlikes(const std::vector<std::string>& known) {
  for (const std::string& domain : known) {
    if (domain.empty() || !names_.insert(domain).second) continue;
    const std::string shown = text::DomainToUnicode(domain);
    by_skeleton_.emplace(text::Skeleton(shown), known_.size());
    known_.push_back({domain, ShapeOf(shown)});
  }
}

std::string LookAlikes::Find(std::string_view domain) const {
  if (known_.empty() || domain.empty()) return {};
  // A known name or a name below one belongs to whom we know.
  for (size_t from = 0; from != std::string_view::npos;) {
    if (names_.contains(std::string(domain.substr(from)))) return {};
    const size_t dot = domain.find('.', from);
    from = dot == std::string_view::npos ? dot : dot + 1;
  }
  // "partner.example.evil.example": a known name of two labels or more in front.
  for (size_t dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1)) {
    std::string front(domain.substr(0, dot));
    if (front.find('.') != std::string::npos && names_.contains(front)) return front;
  }
  const std::string shown = text::DomainToUnicode(domain);
  if (const auto found = by_skeleton_.find(text::Skeleton(shown)); found != by_skeleton_.end()) {
    return known_[found->second].domain;
  }
  const Shape shape = ShapeOf(shown);
  for (const Known& known : known_) {
    if (std::abs(shape.size - known.shape.size) > kMaxSlips) continue;
    if (std::popcount(shape.letters ^ known.shape.letters) > 2 * kMaxSlips) continue;
    if (text::IsLookAlike(domain, known.domain)) return known.domain;
  }
  return {};
}

}  // namespace sekisho::policy

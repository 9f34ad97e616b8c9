#pragma once
// Finds every occurrence of many keywords in one pass over a text (Aho and Corasick, 1975), with positions. The cost
// grows with the octets of the text and the occurrences, not with the number of keywords. Pure; immutable once built,
// so safe for concurrent use.
//
// Memory is bounded by the keywords' octets: states near the root have a dense row each (up to kDenseOctets in all),
// the deeper ones a short list of edges and a link to the state they fall back to.

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/function_ref.h"

namespace sekisho::policy {

class KeywordAutomaton {
 public:
  KeywordAutomaton() : KeywordAutomaton(std::vector<std::string>{}) {}
  // Keyword i of `keywords` is reported as i. Empty keywords are never found; of equal ones, only the first.
  explicit KeywordAutomaton(const std::vector<std::string>& keywords);

  // Calls found(keyword, begin, end) for every occurrence, overlapping ones included, by ascending end.
  void Scan(std::string_view text, FunctionRef<void(uint32_t, size_t, size_t)> found) const;

  size_t octets() const;  // of memory, for the bench and the curious

 private:
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  static constexpr size_t kDenseOctets = 2u << 20;

  struct Edge {
    uint8_t klass;
    uint32_t target;
  };
  uint32_t NextSparse(uint32_t state, uint8_t klass) const;

  // Octets that no keyword holds share class 0.
  std::array<uint8_t, 256> class_of_{};
  uint32_t classes_ = 1;
  uint32_t dense_states_ = 0;         // states 0 … dense_states_ - 1, in breadth-first order
  std::vector<uint32_t> rows_;        // dense_states_ × classes_, already fallen back
  std::vector<uint32_t> edge_begin_;  // of state dense_states_ + i: edges_[edge_begin_[i] … edge_begin_[i + 1])
  std::vector<Edge> edges_;
  std::vector<uint32_t> fallback_;    // the longest proper suffix that is a state
  std::vector<uint32_t> keyword_;     // that ends in the state, or kNone
  std::vector<uint32_t> next_found_;  // the nearest suffix state where a keyword ends, or kNone
  std::vector<uint8_t> finds_;        // whether a keyword ends in the state or in one of its suffixes
  std::vector<uint32_t> length_;      // of each keyword
};

}  // namespace sekisho::policy

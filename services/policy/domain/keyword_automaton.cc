#include "services/policy/domain/keyword_automaton.h"

#include <algorithm>
#include <map>
#include <queue>

namespace sekisho::policy {
namespace {

constexpr uint32_t kAbsent = std::numeric_limits<uint32_t>::max();

// The trie as built, before its states get their breadth-first numbers.
struct TrieNode {
  std::map<uint8_t, uint32_t> children;  // by class
  uint32_t keyword = kAbsent;
};

std::vector<TrieNode> BuildTrie(const std::vector<std::string>& keywords, const std::array<uint8_t, 256>& class_of) {
  std::vector<TrieNode> trie(1);
  for (size_t i = 0; i < keywords.size(); ++i) {
    if (keywords[i].empty()) continue;
    uint32_t node = 0;
    for (const unsigned char octet : keywords[i]) {
      const auto [child, is_new] = trie[node].children.try_emplace(class_of[octet], static_cast<uint32_t>(trie.size()));
      node = child->second;
      if (is_new) trie.emplace_back();
    }
    if (trie[node].keyword == kAbsent) trie[node].keyword = static_cast<uint32_t>(i);
  }
  return trie;
}

// Trie nodes in breadth-first order: the order of the states.
std::vector<uint32_t> BreadthFirst(const std::vector<TrieNode>& trie) {
  std::vector<uint32_t> order{0};
  order.reserve(trie.size());
  for (size_t i = 0; i < order.size(); ++i) {
    for (const auto& [klass, child] : trie[order[i]].children) order.push_back(child);
  }
  return order;
}

}  // namespace

KeywordAutomaton::KeywordAutomaton(const std::vector<std::string>& keywords) {
  std::array<bool, 256> used{};
  for (const std::string& keyword : keywords) {
    length_.push_back(static_cast<uint32_t>(keyword.size()));
    for (const unsigned char octet : keyword) used[octet] = true;
  }
  // With all 256 octets in use there is no class of the others; UTF-8 never holds 0xFF, so that cannot happen here.
  for (size_t octet = 0; octet < 255; ++octet) {
    if (used[octet]) class_of_[octet] = static_cast<uint8_t>(classes_++);
  }

  const std::vector<TrieNode> trie = BuildTrie(keywords, class_of_);
  const std::vector<uint32_t> order = BreadthFirst(trie);
  std::vector<uint32_t> state_of(trie.size());
  for (uint32_t state = 0; state < order.size(); ++state) state_of[order[state]] = state;

  const size_t states = order.size();
  dense_states_ = static_cast<uint32_t>(std::clamp<size_t>(kDenseOctets / (classes_ * sizeof(uint32_t)), 1, states));
  rows_.assign(static_cast<size_t>(dense_states_) * classes_, 0);
  fallback_.assign(states, 0);
  keyword_.assign(states, kNone);
  next_found_.assign(states, kNone);
  finds_.assign(states, 0);
  edge_begin_.push_back(0);

  // A state's fallback is shallower, hence numbered before it and complete.
  for (uint32_t state = 0; state < states; ++state) {
    const TrieNode& node = trie[order[state]];
    const uint32_t fallback = fallback_[state];
    keyword_[state] = node.keyword;
    if (state != 0) next_found_[state] = keyword_[fallback] != kNone ? fallback : next_found_[fallback];
    finds_[state] = keyword_[state] != kNone || next_found_[state] != kNone;
    for (const auto& [klass, child] : node.children) {
      fallback_[state_of[child]] = state == 0                 ? 0
                                   : fallback < dense_states_ ? rows_[static_cast<size_t>(fallback) * classes_ + klass]
                                                              : NextSparse(fallback, klass);
    }
    if (state < dense_states_) {
      uint32_t* row = &rows_[static_cast<size_t>(state) * classes_];
      if (state != 0) std::copy_n(&rows_[static_cast<size_t>(fallback) * classes_], classes_, row);
      for (const auto& [klass, child] : node.children) row[klass] = state_of[child];
    } else {
      for (const auto& [klass, child] : node.children) edges_.push_back({klass, state_of[child]});
      edge_begin_.push_back(static_cast<uint32_t>(edges_.size()));
    }
  }
}

uint32_t KeywordAutomaton::NextSparse(uint32_t state, uint8_t klass) const {
  while (state >= dense_states_) {
    const uint32_t index = state - dense_states_;
    for (uint32_t edge = edge_begin_[index]; edge < edge_begin_[index + 1]; ++edge) {
      if (edges_[edge].klass == klass) return edges_[edge].target;
    }
    state = fallback_[state];
  }
  return rows_[static_cast<size_t>(state) * classes_ + klass];
}

void KeywordAutomaton::Scan(std::string_view text, FunctionRef<void(uint32_t, size_t, size_t)> found) const {
  uint32_t state = 0;
  const uint32_t* const rows = rows_.data();
  const uint8_t* const finds = finds_.data();
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t klass = class_of_[static_cast<unsigned char>(text[i])];
    state = state < dense_states_ ? rows[static_cast<size_t>(state) * classes_ + klass] : NextSparse(state, klass);
    if (finds[state] == 0) [[likely]]
      continue;
    for (uint32_t at = keyword_[state] != kNone ? state : next_found_[state]; at != kNone; at = next_found_[at]) {
      const uint32_t keyword = keyword_[at];
      found(keyword, i + 1 - length_[keyword], i + 1);
    }
  }
}

size_t KeywordAutomaton::octets() const {
  return (rows_.size() + edge_begin_.size() + fallback_.size() + keyword_.size() + next_found_.size() +
          length_.size()) *
             sizeof(uint32_t) +
         edges_.size() * sizeof(Edge) + finds_.size();
}

}  // namespace sekisho::policy

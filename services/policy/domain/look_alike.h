#pragma once
// Notices a recipient's domain that may be taken for one we know: a slip of the finger ("shopp.example"), letters that
// look the same (UTS #39), or a known name put in front of another ("partner.example.evil.example"). Pure; safe for
// concurrent use.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sekisho::policy {

class LookAlikes {
 public:
  LookAlikes() = default;
  // `known`: the organisation's and its partners' domains, as A-labels.
  explicit LookAlikes(const std::vector<std::string>& known);

  // The known domain that `domain` (an A-label, lower case) resembles without being it or below it; empty when there is
  // none.
  std::string Find(std::string_view domain) const;

 private:
  // What rules out most pairs of names before their distance is measured.
  struct Shape {
    uint64_t letters = 0;  // which code points occur, folded into 64 bits
    int size = 0;          // in code points
  };
  struct Known {
    std::string domain;
    Shape shape;
  };
  static Shape ShapeOf(std::string_view shown);

  std::vector<Known> known_;
  std::unordered_set<std::string> names_;
  std::unordered_map<std::string, size_t> by_skeleton_;
};

}  // namespace sekisho::policy

#include "services/policy/domain/keyword_automaton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

namespace sekisho::policy {
namespace {

using Occurrence = std::tuple<size_t, size_t, uint32_t>;  // end, begin, keyword

std::vector<Occurrence> Found(const KeywordAutomaton& automaton, std::string_view text) {
  std::vector<Occurrence> all;
  automaton.Scan(text, [&](uint32_t keyword, size_t begin, size_t end) { all.emplace_back(end, begin, keyword); });
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<Occurrence> FoundNaively(const std::vector<std::string>& keywords, std::string_view text) {
  std::vector<Occurrence> all;
  for (uint32_t i = 0; i < keywords.size(); ++i) {
    if (keywords[i].empty() || std::find(keywords.begin(), keywords.begin() + i, keywords[i]) != keywords.begin() + i)
      continue;
    for (size_t at = text.find(keywords[i]); at != std::string_view::npos; at = text.find(keywords[i], at + 1)) {
      all.emplace_back(at + keywords[i].size(), at, i);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

std::string RandomText(std::mt19937& random, size_t size, int letters) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random() % static_cast<unsigned>(letters));
  return text;
}

TEST(KeywordAutomatonTest, FindsKeywordsInsideEachOther) {
  const std::vector<std::string> keywords{"he", "she", "his", "hers"};
  EXPECT_THAT(Found(KeywordAutomaton(keywords), "ushers"),
              testing::ElementsAre(Occurrence(4, 1, 1), Occurrence(4, 2, 0), Occurrence(6, 2, 3)));
}

TEST(KeywordAutomatonTest, FindsNothingWithoutKeywords) {
  EXPECT_TRUE(Found(KeywordAutomaton(), "text").empty());
  EXPECT_TRUE(Found(KeywordAutomaton({""}), "text").empty());
}

TEST(KeywordAutomatonTest, AgreesWithASearchForEachKeyword) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    const int letters = 1 + static_cast<int>(random() % 4);
    std::vector<std::string> keywords;
    for (size_t i = random() % 12; i > 0; --i) keywords.push_back(RandomText(random, random() % 6, letters));
    const std::string text = RandomText(random, random() % 300, letters);
    ASSERT_EQ(Found(KeywordAutomaton(keywords), text), FoundNaively(keywords, text)) << "round " << round;
  }
}

// So many that most states have no dense row.
TEST(KeywordAutomatonTest, AgreesWhereStatesAreSparse) {
  std::mt19937 random(2);
  std::vector<std::string> keywords;
  for (int i = 0; i < 6'000; ++i) keywords.push_back(RandomText(random, 20 + random() % 20, 26));
  for (int i = 0; i < 200; ++i) keywords.push_back(keywords[static_cast<size_t>(i)].substr(5, 12));
  const KeywordAutomaton automaton(keywords);
  EXPECT_LT(automaton.octets(), 10u << 20);
  std::string text = RandomText(random, 2'000, 26);
  for (int i = 0; i < 300; ++i) text += keywords[random() % keywords.size()].substr(random() % 4);
  const auto found = Found(automaton, text);
  EXPECT_GT(found.size(), 50u);
  EXPECT_EQ(found, FoundNaively(keywords, text));
}

}  // namespace
}  // namespace sekisho::policy

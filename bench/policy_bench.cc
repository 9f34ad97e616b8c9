// What judging costs: 50 rules with 200 keywords in all over a Japanese mail, and the ways to look for keywords side by
// side.
//   ninja policy_bench && build/release/bench/policy_bench

#include <benchmark/benchmark.h>
#include <re2/re2.h>
#include <re2/set.h>

#include <random>
#include <string>
#include <vector>

#include "services/policy/domain/evaluator.h"
#include "services/policy/domain/parcels.h"
#include "shared/mime/model.h"
#include "shared/text/utf8.h"

namespace sekisho::policy {
namespace {

bool Never() { return false; }

std::string Word(std::mt19937& random, size_t characters) {
  std::string word;
  for (size_t i = 0; i < characters; ++i) {
    text::AppendUtf8(word, random() % 2 == 0 ? 0x3041 + random() % 80 : 0x4E00 + random() % 3000);
  }
  return word;
}

std::vector<std::string> Keywords(size_t count) {
  std::mt19937 random(1);
  std::vector<std::string> words;
  for (size_t i = 0; i < count; ++i)
    words.push_back(i % 4 == 3 ? "secret" + std::to_string(i) : Word(random, 3 + random() % 5));
  return words;
}

std::string JapaneseText(size_t octets) {
  std::mt19937 random(2);
  std::string text;
  while (text.size() < octets) {
    text += Word(random, 3 + random() % 8);
    if (random() % 6 == 0) text += " order 2026 ";
    if (random() % 8 == 0) text += "。\r\n";
  }
  return std::string(text::TruncateUtf8(text, octets));
}

v1::PolicyDocument Document(size_t rules, size_t keywords) {
  v1::PolicyDocument document;
  const std::vector<std::string> words = Keywords(keywords);
  for (size_t i = 0; i < rules; ++i) {
    v1::Rule& rule = *document.add_rules();
    rule.set_id("rule-" + std::to_string(i));
    rule.mutable_when()->mutable_recipient()->add_scope(v1::EXTERNAL);
    for (size_t j = i; j < keywords; j += rules) rule.mutable_when()->mutable_content()->add_keywords(words[j]);
    rule.mutable_then()->mutable_approval();
  }
  return document;
}

MailFacts MailOf(const text::Normalized& body) {
  MailFacts mail;
  mail.mail_from = "hanako@example.jp";
  mail.recipients.push_back({"suzuki@shop.example", false});
  mail.texts.push_back({v1::ContentCondition::BODY, "body", true, &body});
  return mail;
}

// The pass over the text alone: octets of text, keywords.
void Matching(benchmark::State& state) {
  std::vector<Keyword> keywords;
  for (const std::string& word : Keywords(static_cast<size_t>(state.range(1))))
    keywords.push_back(Keyword::Parse(word));
  const auto matcher = *Matcher::Build(keywords, {}, 3);
  const text::Normalized body = text::Normalize(JapaneseText(static_cast<size_t>(state.range(0))));
  const MailFacts mail = MailOf(body);
  bool (*never)() = Never;
  for (auto _ : state) benchmark::DoNotOptimize(matcher->Scan(mail.texts, never));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.text.size()));
}
BENCHMARK(Matching)->Args({10 << 10, 200})->Args({10 << 10, 20'000})->Args({1 << 20, 200});

// The same keywords as one RE2::Set, which tells which occur but not where.
void MatchingByRe2Set(benchmark::State& state) {
  re2::RE2::Options options;
  options.set_max_mem(64 << 20);
  re2::RE2::Set set(options, re2::RE2::UNANCHORED);
  for (const std::string& word : Keywords(static_cast<size_t>(state.range(1))))
    set.Add(re2::RE2::QuoteMeta(word), nullptr);
  set.Compile();
  const text::Normalized body = text::Normalize(JapaneseText(static_cast<size_t>(state.range(0))));
  std::vector<int> found;
  for (auto _ : state) benchmark::DoNotOptimize(set.Match(body.text, &found));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.text.size()));
}
BENCHMARK(MatchingByRe2Set)->Args({10 << 10, 200})->Args({1 << 20, 200});

// From facts to parcels: rules, keywords in all, octets of text.
void Judging(benchmark::State& state) {
  const auto policy = *CompiledPolicy::Compile(
      Document(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1))), {"example.jp"}, "bench");
  const text::Normalized body = text::Normalize(JapaneseText(static_cast<size_t>(state.range(2))));
  const MailFacts mail = MailOf(body);
  bool (*never)() = Never;
  for (auto _ : state) benchmark::DoNotOptimize(PlanParcels(*Evaluate(*policy, mail, never)));
}
BENCHMARK(Judging)->Args({50, 200, 10 << 10})->Args({500, 20'000, 10 << 10})->Args({50, 200, 1 << 20});

// What comes before: parsing and normalising the same mail.
void Reading(benchmark::State& state) {
  const std::string raw =
      "From: hanako@example.jp\r\nTo: suzuki@shop.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
      "charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n" +
      JapaneseText(static_cast<size_t>(state.range(0))) + "\r\n";
  for (auto _ : state) benchmark::DoNotOptimize(mime::Parse(std::string_view(raw)));
}
BENCHMARK(Reading)->Arg(10 << 10);

// 20 patterns as admins write them.
void MatchingPatterns(benchmark::State& state) {
  std::vector<std::string> patterns;
  for (int i = 0; i < 20; ++i) patterns.push_back("(顧客|契約)番号[: ]*" + std::to_string(i) + R"(\d{4}-\d{4}-\d{4})");
  const auto matcher = *Matcher::Build({}, patterns, 3);
  const text::Normalized body = text::Normalize(JapaneseText(static_cast<size_t>(state.range(0))));
  const MailFacts mail = MailOf(body);
  bool (*never)() = Never;
  for (auto _ : state) benchmark::DoNotOptimize(matcher->Scan(mail.texts, never));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.text.size()));
}
BENCHMARK(MatchingPatterns)->Arg(10 << 10)->Arg(1 << 20);

}  // namespace
}  // namespace sekisho::policy

BENCHMARK_MAIN();

// docs/policy.md is true: its examples load, it names every key and word there is, and the first example does what it
// says.

#include <fstream>
#include <iterator>

#include "services/policy/adapters/document_loader.h"
#include "services/policy/domain/file_types.h"
#include "tests/unit/services/policy/domain/policy_fixture.h"

namespace sekisho::policy {
namespace {

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::string& Guide() {
  static const std::string guide = ReadAll(SEKISHO_TESTDATA "/../../docs/policy.md");
  return guide;
}

bool Names(const std::string& word) { return Guide().find(word) != std::string::npos; }

std::vector<std::string> Examples() {
  std::vector<std::string> examples;
  constexpr std::string_view kBegin = "\n```yaml\n";
  for (size_t at = Guide().find(kBegin); at != std::string::npos; at = Guide().find(kBegin, at)) {
    at += kBegin.size();
    examples.push_back(Guide().substr(at, Guide().find("\n```\n", at) + 1 - at));
  }
  return examples;
}

TEST(PolicyGuideTest, ItsExamplesLoad) {
  ASSERT_EQ(Examples().size(), 4u);
  for (const std::string& example : Examples()) {
    const LoadedDocument loaded = LoadDocument(example, "docs/policy.md", OwnDomains());
    for (const config::Problem& problem : loaded.problems) ADD_FAILURE() << problem.ToString() << "\n" << example;
  }
}

TEST(PolicyGuideTest, TheDemosPolicyLoads) {
  const LoadedDocument loaded =
      LoadDocument(ReadAll(SEKISHO_TESTDATA "/../../examples/demo/policy.yaml"), "policy.yaml", OwnDomains());
  for (const config::Problem& problem : loaded.problems) ADD_FAILURE() << problem.ToString();
}

TEST(PolicyGuideTest, TheFirstExampleDoesWhatItSays) {
  const auto policy = LoadDocument(Examples().front(), "first", OwnDomains()).policy;
  ASSERT_NE(policy, nullptr);
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"jiro@example.jp"})), "pass");
  EXPECT_EQ(ActionsOfFirst(*policy, MailTo({"x@shop.example"})), "hold 3m");
  MailFacts confidential = MailTo({"x@sub.group.example"});
  AddText(confidential, v1::ContentCondition::BODY, "body", "取扱 注意");
  confidential.attachments.emplace_back().type = mime::FileType::kText;
  EXPECT_EQ(ActionsOfFirst(*policy, confidential), "approval+zip-aes256");
}

// Every key of the document and every enumerator stands in the guide.
void ExpectNamed(const google::protobuf::Descriptor& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    const auto& field = *message.field(i);
    EXPECT_TRUE(Names(field.name())) << field.full_name();
    if (field.message_type() != nullptr && field.message_type() != &message &&
        field.message_type()->file() == message.file()) {
      ExpectNamed(*field.message_type());
    }
    if (field.enum_type() == nullptr) continue;
    for (int j = 1; j < field.enum_type()->value_count(); ++j)
      EXPECT_TRUE(Names(field.enum_type()->value(j)->name())) << field.full_name();
  }
}

TEST(PolicyGuideTest, NamesEveryKey) { ExpectNamed(*v1::PolicyDocument::descriptor()); }

TEST(PolicyGuideTest, NamesEveryTypeOfFile) {
  for (const std::string& word : TypeWords()) EXPECT_TRUE(Names("`" + word + "`")) << word;
}

}  // namespace
}  // namespace sekisho::policy

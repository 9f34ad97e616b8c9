// The demo's files are what they say they are: each key known, each value of its type, each file there.

#include <gtest/gtest.h>

#include <filesystem>

#include "sekisho/policy/v1/policy.pb.h"
#include "shared/config/sekisho.h"

namespace sekisho::config {
namespace {

const std::filesystem::path kTop = std::filesystem::path(SEKISHO_TESTDATA).parent_path().parent_path();

std::string Texts(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.ToString() + "\n";
  return text;
}

TEST(DemoTest, ConfigurationIsValid) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(kTop);  // its paths are relative to the top folder
  v1::Config config;
  EXPECT_EQ(Texts(LoadConfig("examples/demo/sekisho.yaml", config)), "");
  std::filesystem::current_path(before);
  EXPECT_EQ(config.intake().listeners_size(), 3);
}

TEST(DemoTest, DirectoryIsValid) {
  v1::Directory directory;
  SourceMap source;
  EXPECT_EQ(Texts(LoadFile(kTop / "examples/demo/directory.yaml", directory, source)), "");
  EXPECT_EQ(directory.users_size(), 4);
  for (const v1::User& user : directory.users()) EXPECT_TRUE(user.demo()) << user.login();
}

TEST(DemoTest, PolicyIsValid) {
  policy::v1::PolicyDocument document;
  SourceMap source;
  EXPECT_EQ(Texts(LoadFile(kTop / "examples/demo/policy.yaml", document, source)), "");
  EXPECT_EQ(document.rules_size(), 6);
}

}  // namespace
}  // namespace sekisho::config

#include "shared/directory/directory.h"

#include <gtest/gtest.h>

#include <fstream>

#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::directory {
namespace {

class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() : hash_(HashPassword(Secret<std::string>("correct horse"))) {}

  void Write(const std::string& yaml) { std::ofstream(file_) << yaml; }
  std::string Usual() const {
    return "users:\n"
           "  - {login: Hanako@Example.jp, password_hash: \"" +
           hash_ +
           "\", manager: taro@example.jp, roles: [sender],\n"
           "     addresses: [hanako@example.jp, h.yamada@例え.jp]}\n"
           "  - {login: taro@example.jp, roles: [sender, approver]}\n"
           "  - {login: demo@example.jp, password_hash: \"" +
           hash_ +
           "\", demo: true}\n"
           "  - {login: gone@example.jp, password_hash: \"" +
           hash_ +
           "\", disabled: true}\n"
           "groups:\n"
           "  - {name: sales, members: [taro@example.jp], addresses: [sales@example.jp]}\n";
  }
  std::unique_ptr<Directory> Open() {
    options_.file = file_;
    auto directory = Directory::Open(options_, clock_);
    EXPECT_TRUE(directory.ok()) << directory.error().detail;
    return *std::move(directory);
  }
  std::string Refusal(const std::string& yaml) {
    Write(yaml);
    options_.file = file_;
    const auto directory = Directory::Open(options_, clock_);
    return directory.ok() ? "" : directory.error().detail.substr(file_.size());
  }
  static Code Verify(Directory& directory, const char* login, const char* password, bool demo = false) {
    const Status status = directory.VerifyPassword(login, Secret<std::string>(password), demo);
    return status.ok() ? Code::kInternal : status.error().code;  // kInternal stands for "let in"
  }
  static constexpr Code kLetIn = Code::kInternal;

  testing::TemporaryFolder folder_;
  const std::string file_ = folder_ / "directory.yaml";
  testing::FakeClock clock_;
  Options options_;
  const std::string hash_;
};

TEST_F(DirectoryTest, FindsPeopleWhateverTheCase) {
  Write(Usual());
  const auto directory = Open();
  const auto now = directory->Current();
  ASSERT_NE(now->Find("HANAKO@example.jp"), nullptr);
  EXPECT_EQ(now->Find("hanako@example.jp")->manager, "taro@example.jp");
  EXPECT_EQ(now->FindByAddress("H.Yamada@xn--r8jz45g.jp")->login, "hanako@example.jp");
  EXPECT_EQ(now->Find("gone@example.jp"), nullptr);
  EXPECT_EQ(now->Find("nobody@example.jp"), nullptr);
  ASSERT_EQ(now->WithRole("approver").size(), 1u);
  EXPECT_EQ(now->WithRole("approver")[0]->login, "taro@example.jp");
  EXPECT_TRUE(now->WithRole("operator").empty());
}

TEST_F(DirectoryTest, SendsAsOwnAndSharedAddressesOnly) {
  Write(Usual());
  const auto now = Open()->Current();
  EXPECT_TRUE(now->MaySendAs("hanako@example.jp", "Hanako@EXAMPLE.jp"));
  EXPECT_TRUE(now->MaySendAs("taro@example.jp", "sales@example.jp"));
  EXPECT_FALSE(now->MaySendAs("hanako@example.jp", "sales@example.jp"));
  EXPECT_FALSE(now->MaySendAs("hanako@example.jp", "taro@example.jp"));
  EXPECT_FALSE(now->MaySendAs("gone@example.jp", "gone@example.jp"));
  EXPECT_EQ(now->SendersOf("sales@example.jp"), std::set<std::string>{"taro@example.jp"});
}

TEST_F(DirectoryTest, LetsInWithTheRightPasswordOnly) {
  Write(Usual());
  const auto directory = Open();
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", "correct horse"), kLetIn);
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", "correct horse"), kLetIn) << "cached";
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", "wrong"), Code::kUnauthenticated);
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", ""), Code::kUnauthenticated);
  EXPECT_EQ(Verify(*directory, "taro@example.jp", "correct horse"), Code::kUnauthenticated) << "has no password";
  EXPECT_EQ(Verify(*directory, "gone@example.jp", "correct horse"), Code::kUnauthenticated);
  EXPECT_EQ(Verify(*directory, "nobody@example.jp", "correct horse"), Code::kUnauthenticated);
}

TEST_F(DirectoryTest, DemoLoginsOnlyWhereAllowed) {
  Write(Usual());
  const auto directory = Open();
  EXPECT_EQ(Verify(*directory, "demo@example.jp", "correct horse", true), kLetIn);
  EXPECT_EQ(Verify(*directory, "demo@example.jp", "correct horse", false), Code::kUnauthenticated);
}

TEST_F(DirectoryTest, AChangedFileIsTakenOverAndAWrongOneRefused) {
  Write(Usual());
  const auto directory = Open();
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", "correct horse"), kLetIn);
  Write("users:\n  - {login: taro@example.jp, rolls: [sender]}\n");
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_NE(directory->Current()->Find("hanako@example.jp"), nullptr);
  EXPECT_NE(directory->last_error().find("did you mean 'roles'?"), std::string::npos) << directory->last_error();
  Write("users:\n  - {login: taro@example.jp}\n");
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_EQ(directory->Current()->Find("hanako@example.jp"), nullptr);
  EXPECT_EQ(directory->last_error(), "");
  EXPECT_EQ(Verify(*directory, "hanako@example.jp", "correct horse"), Code::kUnauthenticated)
      << "who left is out, cache or not";
}

TEST_F(DirectoryTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp, manager: b@x.jp}\n  - {login: b@x.jp, manager: a@x.jp}\n"),
            ":2:30: users[0].manager: makes a loop of managers\n" + file_ +
                ":3:30: users[1].manager: makes a loop of managers");
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp, manager: c@x.jp}\n"),
            ":2:30: users[0].manager: is a login that is not in users");
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp}\n  - {login: A@X.jp}\n"),
            ":3:13: users[1].login: is given twice; keep one");
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp, roles: [approbver]}\n"),
            ":2:28: users[0].roles: 'approbver' is no role; did you mean 'approver'?");
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp, password_hash: secret}\n"),
            ":2:36: users[0].password_hash: must be an Argon2id hash; make one with: sekisho directory hash-password");
  EXPECT_EQ(Refusal("users:\n  - {login: a@x.jp}\ngroups:\n  - {name: g, members: [b@x.jp]}\n"),
            ":4:24: groups[0].members: names a login that is not in users");
}

}  // namespace
}  // namespace sekisho::directory

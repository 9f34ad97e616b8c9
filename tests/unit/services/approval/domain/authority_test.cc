#include "services/approval/domain/authority.h"

#include <gtest/gtest.h>

#include <map>

namespace sekisho::approval {
namespace {

using mail::v1::Submitter;
using Roles = std::set<std::string, std::less<>>;

class FakePeople final : public People {
 public:
  std::optional<Member> Find(std::string_view login) const override {
    const auto found = members.find(login);
    return found == members.end() ? std::nullopt : std::optional(found->second);
  }
  std::set<std::string> SendersOf(std::string_view address) const override {
    const auto found = senders.find(address);
    return found == senders.end() ? std::set<std::string>() : found->second;
  }
  void Add(const std::string& login, const std::string& manager, const Roles& roles) {
    members[login] = {login, login, manager, login + "@example.jp", "", roles};
    senders[login + "@example.jp"] = {login};
  }
  std::map<std::string, Member, std::less<>> members;
  std::map<std::string, std::set<std::string>, std::less<>> senders;
};

class AuthorityTest : public ::testing::Test {
 protected:
  AuthorityTest() {
    people_.Add("hanako", "taro", {"sender"});
    people_.Add("taro", "boss", {"sender", "approver"});
    people_.Add("boss", "", {"sender", "approver", "security_officer", "operator"});
    people_.Add("jiro", "taro", {"sender"});
    people_.Add("officer", "boss", {"security_officer"});
    people_.Add("ops", "boss", {"operator"});
    people_.senders["sales@example.jp"] = {"hanako", "taro"};
    origin_ = {Submitter::KIND_SUBMISSION, "hanako", "hanako@example.jp", {"hanako@example.jp"}};
  }
  unsigned Of(const std::string& login) {
    const auto member = people_.Find(login);
    return Authority(origin_, people_).CapacitiesOf(login, member ? member->roles : Roles());
  }
  FakePeople people_;
  Origin origin_;
};

TEST_F(AuthorityTest, TheManagerApprovesAndTheSenderDoesNot) {
  EXPECT_EQ(Of("hanako"), kSender);
  EXPECT_EQ(Of("HANAKO"), kSender) << "a login has no case";
  EXPECT_EQ(Of("taro"), kSuperior);
  EXPECT_EQ(Of("jiro"), kNoCapacity);
  EXPECT_EQ(Of("officer"), kOfficer);
  EXPECT_EQ(Of("ops"), kOperator);
  EXPECT_EQ(Of("boss"), kOfficer | kOperator) << "the superior's superior is not the superior";
  EXPECT_EQ(Of("stranger"), kNoCapacity);
}

TEST_F(AuthorityTest, NobodyDecidesAboutTheirOwnMailWhateverTheirRoles) {
  origin_ = {Submitter::KIND_SUBMISSION, "boss", "boss@example.jp", {"boss@example.jp"}};
  EXPECT_EQ(Of("boss"), kSender);
}

TEST_F(AuthorityTest, WhoWritesAsASharedMailboxDoesNotApproveWhatComesFromIt) {
  origin_.header_senders = {"sales@example.jp"};
  EXPECT_EQ(Of("taro"), kNoCapacity) << "shares the mailbox in From";
  EXPECT_EQ(Of("boss") & kSuperior, kSuperior) << "the next one above";
  origin_.header_senders = {"hanako@example.jp"};
  origin_.mail_from = "sales@example.jp";
  EXPECT_EQ(Of("taro"), kNoCapacity) << "shares the mailbox in MAIL FROM";
}

TEST_F(AuthorityTest, WhoIsInFromOrSenderDoesNotApprove) {
  origin_.header_senders = {"hanako@example.jp", "taro@example.jp"};
  EXPECT_EQ(Of("taro") & kSuperior, 0u);
}

TEST_F(AuthorityTest, AManagerWithoutTheRoleLeavesItToTheNext) {
  people_.members["taro"].roles = {"sender"};
  EXPECT_EQ(Of("taro"), kNoCapacity);
  EXPECT_EQ(Of("boss") & kSuperior, kSuperior);
}

TEST_F(AuthorityTest, AnOfficerStandsInWhereThereIsNoSuperior) {
  people_.members["hanako"].manager = "";
  EXPECT_EQ(Of("officer"), kOfficer | kSuperior);
  EXPECT_EQ(Of("taro"), kNoCapacity);
}

TEST_F(AuthorityTest, WhoLeftApprovesNothing) {
  people_.members.erase("taro");
  EXPECT_EQ(Of("taro"), kNoCapacity);
  EXPECT_EQ(Of("officer"), kOfficer | kSuperior);
}

TEST_F(AuthorityTest, ALoopOfManagersEnds) {
  people_.members["taro"].manager = "hanako";
  people_.members["taro"].roles = {};
  EXPECT_EQ(Of("boss") & kSuperior, kSuperior) << "as an officer, since no superior is found";
}

TEST_F(AuthorityTest, ARelaysMailIsItsMailFroms) {
  origin_ = {Submitter::KIND_RELAY, "printer", "hanako@example.jp", {}};
  EXPECT_EQ(Of("hanako"), kSender);
  EXPECT_EQ(Of("taro"), kSuperior);
  EXPECT_EQ(Of("printer"), kNoCapacity) << "a relay is no login";
  origin_.mail_from = "sales@example.jp";
  EXPECT_EQ(Of("hanako"), kSender);
  EXPECT_EQ(Of("taro"), kSender);
  EXPECT_EQ(Of("officer"), kOfficer | kSuperior) << "of two possible senders, neither has a superior for it";
  origin_.mail_from = "app@example.jp";
  EXPECT_EQ(Of("officer"), kOfficer | kSuperior);
}

TEST_F(AuthorityTest, SystemMailBelongsToNobody) {
  origin_ = {Submitter::KIND_SYSTEM, "hanako", "", {}};
  EXPECT_EQ(Of("hanako"), kNoCapacity);
}

}  // namespace
}  // namespace sekisho::approval

#include "shared/smtp/login_guard.h"

#include <gtest/gtest.h>

namespace sekisho::smtp {
namespace {

class LoginGuardTest : public ::testing::Test {
 protected:
  // How many guesses at `login` from `address` are let through, one after the other.
  int Guess(const std::string& address, const std::string& login, int most = 1000) {
    int tried = 0;
    while (tried < most && guard_.Allows(address, login, now_)) {
      guard_.Failed(address, login, now_);
      ++tried;
    }
    return tried;
  }
  LoginGuard guard_{10};
  LoginGuard::Time now_ = LoginGuard::Time() + std::chrono::hours(1);
};

TEST_F(LoginGuardTest, AnAddressGuessesSlowlyWhateverTheLogins) {
  int tried = 0;
  for (int i = 0; i < 100; ++i) tried += Guess("192.0.2.1", "login" + std::to_string(i), 1);
  EXPECT_EQ(tried, 10);
  EXPECT_TRUE(guard_.Allows("192.0.2.2", "login0", now_));
  now_ += std::chrono::seconds(6);
  EXPECT_EQ(Guess("192.0.2.1", "login0"), 1) << "ten a minute";
}

TEST_F(LoginGuardTest, ALoginIsGuessedSlowlyFromHoweverManyAddresses) {
  int tried = 0;
  for (int i = 0; i < 100; ++i) tried += Guess("192.0.2." + std::to_string(i), i % 2 == 0 ? "hanako" : "HANAKO");
  EXPECT_EQ(tried, 50);
  EXPECT_TRUE(guard_.Allows("198.51.100.1", "jiro", now_));
}

TEST_F(LoginGuardTest, OneStrangerNeverLocksALogin) {
  for (int minute = 0; minute < 10; ++minute, now_ += std::chrono::minutes(1)) {
    Guess("192.0.2.1", "hanako");
    EXPECT_TRUE(guard_.Allows("198.51.100.7", "hanako", now_)) << minute;
  }
}

TEST_F(LoginGuardTest, NoNumberOfStrangersLocksAnOwnerOutWhereTheLoginIsKnown) {
  guard_.Succeeded("198.51.100.7", "hanako", now_);
  for (int i = 0; i < 100; ++i) Guess("192.0.2." + std::to_string(i), "hanako");
  EXPECT_FALSE(guard_.Allows("198.51.100.8", "hanako", now_));
  EXPECT_TRUE(guard_.Allows("198.51.100.7", "Hanako", now_));
  Guess("198.51.100.7", "stranger");
  EXPECT_FALSE(guard_.Allows("198.51.100.7", "stranger", now_));
  EXPECT_TRUE(guard_.Allows("198.51.100.7", "hanako", now_)) << "nor does a colleague behind the same address";
}

TEST_F(LoginGuardTest, WhereALoginIsKnownItIsGuessedSlowlyToo) {
  for (int i = 0; i < 100; ++i) guard_.Succeeded("198.51.100.7", "login" + std::to_string(i), now_);
  EXPECT_EQ(Guess("198.51.100.7", "login0"), 10);
  int tried = 10;
  for (int i = 1; i < 100; ++i) tried += Guess("198.51.100.7", "login" + std::to_string(i), 1);
  EXPECT_EQ(tried, 50) << "one password tried on everybody";
}

TEST_F(LoginGuardTest, WhatIsKnownIsForgottenInTime) {
  guard_.Succeeded("198.51.100.7", "hanako", now_);
  now_ += LoginGuard::kKnownFor;
  for (int i = 0; i < 100; ++i) Guess("192.0.2." + std::to_string(i), "hanako");
  EXPECT_FALSE(guard_.Allows("198.51.100.7", "hanako", now_));
}

TEST_F(LoginGuardTest, KnowsTheLatestWhenThereAreTooMany) {
  for (size_t i = 0; i <= LoginGuard::kMostKnown; ++i) {
    guard_.Succeeded("198.51.100.7", "login" + std::to_string(i), now_ + std::chrono::milliseconds(i));
  }
  now_ += std::chrono::minutes(1);
  Guess("198.51.100.7", "stranger");
  EXPECT_FALSE(guard_.Allows("198.51.100.7", "login0", now_));
  EXPECT_TRUE(guard_.Allows("198.51.100.7", "login1", now_));
}

}  // namespace
}  // namespace sekisho::smtp

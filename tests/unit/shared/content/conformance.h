#pragma once
// What every driver of content::Store must do. A driver's test instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Local, ContentConformance, testing::Values(+[] { … }));

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "shared/base/random.h"
#include "shared/content/content.h"
#include "shared/crypto/digest.h"
#include "shared/keys/keys.h"
#include "shared/store/store.h"
#include "shared/testing/fake_clock.h"

namespace sekisho::content {

// One set of content that can be opened again and again. Small content is at most kSmallLimit octets.
class ContentUnderTest {
 public:
  static constexpr uint64_t kSmallLimit = 64 * 1024;
  virtual ~ContentUnderTest() = default;
  virtual void Reopen() = 0;  // with a cold cache
  virtual Store& content() = 0;
  virtual store::Database& database() = 0;
  virtual keys::KeyRing& keys() = 0;
  sekisho::testing::FakeClock& clock() { return clock_; }

 private:
  sekisho::testing::FakeClock clock_;
};

class ContentConformance : public ::testing::TestWithParam<std::unique_ptr<ContentUnderTest> (*)()> {
 protected:
  static constexpr uint64_t kSmall = 10'000, kLarge = 1'000'000;

  void SetUp() override {
    under_test_ = GetParam()();
    mail_ = MailId::Generate(under_test_->clock().Now());
  }

  Result<std::shared_ptr<Staged>> Stage(std::string_view name, std::string_view octets, size_t piece = 4096) {
    SEKISHO_TRY(const keys::MailKey key, under_test_->keys().NewMailKey(under_test_->clock().Now()));
    const auto writer = under_test_->content().Create(key, mail_, name);
    for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size()))) {
      SEKISHO_RETURN_IF_ERROR(writer->Append(octets.substr(0, piece)));
    }
    return writer->Finish();
  }
  Status Attach(const std::shared_ptr<Staged>& staged) {
    return under_test_->database().RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); });
  }
  ContentRef Keep(std::string_view name, std::string_view octets, size_t piece = 4096) {
    const auto staged = Stage(name, octets, piece);
    EXPECT_TRUE(staged.ok());
    EXPECT_TRUE(Attach(*staged).ok());
    return (*staged)->ref();
  }
  Result<std::shared_ptr<const std::string>> Read(const ContentRef& ref) { return under_test_->content().Read(ref); }
  Code ReadFails(const ContentRef& ref) {
    const auto octets = Read(ref);
    EXPECT_FALSE(octets.ok());
    return octets.ok() ? Code::kInternal : octets.error().code;
  }

  std::unique_ptr<ContentUnderTest> under_test_;
  MailId mail_;
};

TEST_P(ContentConformance, GivesBackWhatWasWrittenAtEverySize) {
  constexpr uint64_t kLimit = ContentUnderTest::kSmallLimit;
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kSmall, kLimit - 1, kLimit, kLimit + 1, 2 * kLimit, kLarge}) {
    for (const size_t piece : {size_t{1000}, size_t{65536}, size_t{2'000'000}}) {
      const std::string octets = RandomOctets(size);
      const std::string name = "d1-" + std::to_string(size) + "-" + std::to_string(piece);
      const ContentRef ref = Keep(name, octets, piece);
      EXPECT_EQ(ref.key(), mail_.ToString() + "/" + name);
      EXPECT_EQ(ref.size(), size);
      EXPECT_EQ(ref.sha256(), crypto::Sha256(octets));
      for (int time = 0; time < 3; ++time) {
        const auto read = Read(ref);
        ASSERT_TRUE(read.ok()) << size << ": " << read.error().ToString();
        EXPECT_TRUE(**read == octets) << size;
        if (time == 0) under_test_->Reopen();
      }
    }
  }
}

TEST_P(ContentConformance, IsNotThereBeforeItsTransactionIs) {
  for (const uint64_t size : {kSmall, kLarge}) {
    const auto staged = Stage("d0", RandomOctets(size));
    ASSERT_TRUE(staged.ok());
    EXPECT_EQ(ReadFails((*staged)->ref()), Code::kNotFound);
    const Status undone = under_test_->database().RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR((*staged)->Attach(tx));
      return MakeError(Code::kCancelled, "changed my mind");
    });
    EXPECT_FALSE(undone.ok());
    EXPECT_EQ(ReadFails((*staged)->ref()), Code::kNotFound);
  }
}

TEST_P(ContentConformance, MayBeAttachedAgainWhenItsTransactionIsRunAgain) {
  for (const uint64_t size : {kSmall, kLarge}) {
    const auto staged = Stage(size == kSmall ? "d0" : "d1-x", RandomOctets(size));
    ASSERT_TRUE(staged.ok());
    ASSERT_TRUE(under_test_->database()
                    .RunAndWait([&](store::Tx& tx) -> Status {
                      const Status first = tx.Savepoint([&]() -> Status {
                        SEKISHO_RETURN_IF_ERROR((*staged)->Attach(tx));
                        return MakeError(Code::kCancelled, "once more");
                      });
                      EXPECT_FALSE(first.ok());
                      return (*staged)->Attach(tx);
                    })
                    .ok());
    EXPECT_TRUE(Read((*staged)->ref()).ok());
  }
}

TEST_P(ContentConformance, ANameIsWrittenOnce) {
  Keep("d0", "first");
  const auto second = Stage("d0", "second");
  ASSERT_TRUE(second.ok());
  const Status status = Attach(*second);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Code::kExists);
}

TEST_P(ContentConformance, AReferenceOfOtherOctetsIsCorrupt) {
  for (const uint64_t size : {kSmall, kLarge}) {
    ContentRef ref = Keep(size == kSmall ? "d0" : "d1-x", RandomOctets(size));
    ref.set_sha256(crypto::Sha256("something else"));
    EXPECT_EQ(ReadFails(ref), Code::kCorrupt);
    under_test_->Reopen();
    EXPECT_EQ(ReadFails(ref), Code::kCorrupt);
  }
}

TEST_P(ContentConformance, IsGoneWhenItsEpochIsDestroyed) {
  const ContentRef small = Keep("d0", RandomOctets(kSmall)), large = Keep("d1-x", RandomOctets(kLarge));
  ASSERT_TRUE(Read(small).ok());
  for (const std::string& epoch : under_test_->keys().Epochs()) {
    ASSERT_TRUE(under_test_->keys().DestroyEpoch(epoch).ok());
  }
  EXPECT_EQ(ReadFails(small), Code::kNotFound) << "even from memory";
  EXPECT_EQ(ReadFails(large), Code::kNotFound);
  under_test_->Reopen();
  EXPECT_EQ(ReadFails(small), Code::kNotFound);
  EXPECT_EQ(ReadFails(large), Code::kNotFound);
}

TEST_P(ContentConformance, RemovesAllOfAMailAndNothingElse) {
  const ContentRef small = Keep("d0", RandomOctets(kSmall)), large = Keep("d1-x", RandomOctets(kLarge));
  const MailId first = mail_;
  mail_ = MailId::Generate(under_test_->clock().Now());
  const ContentRef other = Keep("d0", RandomOctets(kSmall)), other_large = Keep("d1-x", RandomOctets(kLarge));

  const Status undone = under_test_->database().RunAndWait([&](store::Tx& tx) -> Status {
    SEKISHO_RETURN_IF_ERROR(under_test_->content().Remove(tx, first));
    return MakeError(Code::kCancelled, "changed my mind");
  });
  ASSERT_FALSE(undone.ok());
  EXPECT_TRUE(Read(small).ok());
  EXPECT_TRUE(Read(large).ok());

  ASSERT_TRUE(
      under_test_->database().RunAndWait([&](store::Tx& tx) { return under_test_->content().Remove(tx, first); }).ok());
  EXPECT_EQ(ReadFails(small), Code::kNotFound);
  EXPECT_EQ(ReadFails(large), Code::kNotFound);
  EXPECT_TRUE(Read(other).ok());
  EXPECT_TRUE(Read(other_large).ok());
}

TEST_P(ContentConformance, AWrongKeyIsNotFound) {
  ContentRef ref = Keep("d0", "octets");
  ref.set_key(MailId::Generate(under_test_->clock().Now()).ToString() + "/d0");
  EXPECT_EQ(ReadFails(ref), Code::kNotFound);
  ref.set_key("nonsense");
  EXPECT_EQ(ReadFails(ref), Code::kInvalid);
}

}  // namespace sekisho::content

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "sekisho/approval/v1/approval.pb.h"
#include "sekisho/delivery/v1/delivery.pb.h"
#include "sekisho/encryption/v1/encryption.pb.h"
#include "sekisho/intake/v1/intake.pb.h"
#include "sekisho/ledger/v1/ledger.pb.h"
#include "sekisho/policy/v1/policy.pb.h"
#include "sekisho/stage/v1/stage.pb.h"
#include "sekisho/stage/v1/topic.pb.h"
#include "shared/keys/file_ring.h"
#include "shared/rpc/auth.h"
#include "shared/rpc/error.h"
#include "shared/testing/fake_clock.h"
#include "shared/testing/temporary_folder.h"

namespace sekisho::rpc {
namespace {

TEST(ErrorTest, EveryCodeHasAStatusAndAReason) {
  std::set<std::string_view> reasons;
  for (int i = 0; i < kCodeCount; ++i) {
    const Error error = MakeError(static_cast<Code>(i), "what and where");
    const grpc::Status status = ToStatus(error);
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.error_code(), StatusCodeOf(error.code));
    google::rpc::Status details;
    ASSERT_TRUE(details.ParseFromString(status.error_details()));
    google::rpc::ErrorInfo info;
    ASSERT_TRUE(details.details(0).UnpackTo(&info));
    EXPECT_EQ(info.reason(), ReasonOf(error.code));
    EXPECT_EQ(details.details_size(), error.retry == Retry::kLater ? 2 : 1);
    EXPECT_EQ(FromStatus(status).retry, error.retry) << CodeName(error.code);
    EXPECT_EQ(FromStatus(status).code, error.code) << "the caller's side knows it again";
    reasons.insert(ReasonOf(error.code));
  }
  EXPECT_EQ(reasons.size(), static_cast<size_t>(kCodeCount));
}

TEST(ErrorTest, OurOwnFailuresSayNoMore) {
  for (const Code code : {Code::kInternal, Code::kCorrupt}) {
    EXPECT_EQ(ToStatus(MakeError(code, "row 7 of hanako")).error_message().find("hanako"), std::string::npos);
  }
}

TEST(ErrorTest, AReasonOfItsOwnBeatsTheCodes) {
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(ToStatus(MakeError(Code::kExhausted, "full"), "DISK_FULL").error_details()));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "DISK_FULL");
}

TEST(ErrorTest, AStrangersStatusIsReadByItsCode) {
  EXPECT_EQ(FromStatus(grpc::Status(grpc::StatusCode::NOT_FOUND, "x")).code, Code::kNotFound);
  EXPECT_EQ(FromStatus(grpc::Status(grpc::StatusCode::ABORTED, "x")).code, Code::kInternal);
  EXPECT_EQ(FromStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "x", "not a message")).retry, Retry::kLater);
}

TEST(RolesTest, EveryMethodOfEveryServiceIsInTheTable) {
  const google::protobuf::FileDescriptor* files[] = {intake::v1::SubmitMailRequest::descriptor()->file(),
                                                     policy::v1::PolicyDocument::descriptor()->file(),
                                                     approval::v1::HeldParcel::descriptor()->file(),
                                                     encryption::v1::Certificate::descriptor()->file(),
                                                     delivery::v1::DestinationSummary::descriptor()->file(),
                                                     ledger::v1::Trace::descriptor()->file(),
                                                     stage::v1::Queue::descriptor()->file(),
                                                     stage::v1::TopicRecord::descriptor()->file()};
  int methods = 0;
  for (const auto* file : files) {
    for (int s = 0; s < file->service_count(); ++s) {
      for (int m = 0; m < file->service(s)->method_count(); ++m) {
        const auto* method = file->service(s)->method(m);
        const std::string path = "/" + file->service(s)->full_name() + "/" + method->name();
        EXPECT_FALSE(RolesFor(path).empty()) << path;
        ++methods;
      }
    }
  }
  EXPECT_GT(methods, 25);
  EXPECT_TRUE(RolesFor("/sekisho.intake.v1.IntakeService/Unheard").empty());
}

TEST(TokensTest, LivesUntilItsTimeAndCannotBeChanged) {
  testing::TemporaryFolder folder;
  testing::FakeClock clock;
  const auto keys = *keys::OpenFileRing(folder / "ring", true);
  const Tokens tokens(*keys, clock, std::chrono::hours(12));
  const auto issued = tokens.Issue("hanako@example.jp");
  ASSERT_TRUE(issued.ok());
  EXPECT_EQ(*tokens.Verify(issued->token), "hanako@example.jp");
  for (size_t i = 0; i < issued->token.size(); ++i) {
    std::string changed = issued->token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    const auto verified = tokens.Verify(changed);
    // The last characters of base64 may carry unused bits, which the strict decoder refuses.
    EXPECT_FALSE(verified.ok()) << i;
  }
  EXPECT_FALSE(tokens.Verify("").ok());
  EXPECT_FALSE(tokens.Verify(".").ok());
  clock.Advance(std::chrono::hours(12));
  EXPECT_EQ(tokens.Verify(issued->token).error().code, Code::kUnauthenticated);
}

}  // namespace
}  // namespace sekisho::rpc

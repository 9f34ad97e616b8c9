// The distributed driver of content against an S3 server that nobody here wrote, well and on bad days.

#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <thread>

#include "shared/base/bytes.h"
#include "shared/base/random.h"
#include "shared/content/s3/client.h"
#include "shared/content/s3/distributed.h"
#include "shared/keys/file_ring.h"
#include "shared/store/postgres.h"
#include "shared/store/sqlite.h"
#include "shared/testing/command.h"
#include "shared/testing/moto_server.h"
#include "shared/testing/pki.h"
#include "shared/testing/postgres_server.h"
#include "shared/testing/tcp_proxy.h"
#include "shared/testing/temporary_folder.h"
#include "tests/unit/shared/content/conformance.h"

namespace sekisho::content {
namespace {

using sekisho::testing::MotoServer;
using sekisho::testing::PostgresServer;
using sekisho::testing::TcpProxy;
using sekisho::testing::TemporaryFolder;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const std::string kMoto = SEKISHO_VENV "/bin/moto_server";
const std::string kBusy =
    "HTTP/1.1 503 Slow Down\r\nContent-Length: 42\r\nConnection: close\r\n\r\n<Error><Code>SlowDown</Code>      "
    "</Error>\r\n";
constexpr uint64_t kParts = 12'000'000;  // three parts

// One for all tests; each has its own bucket.
MotoServer& Moto() {
  static MotoServer server({.program = kMoto, .certificate = {}, .key = {}, .environment = {}});
  return server;
}

PostgresServer& Postgres() {
  static PostgresServer server;
  return server;
}

s3::ClientOptions OptionsFor(const std::string& endpoint, const std::string& bucket) {
  s3::ClientOptions options;
  options.endpoint = endpoint;
  options.bucket = bucket;
  options.signer = {"an-id", Secret<std::string>("a-key"), "us-east-1"};
  options.first_pause = milliseconds(1);
  options.list_page = 2;
  return options;
}

std::string Local(uint16_t port) { return "http://127.0.0.1:" + std::to_string(port); }

class DistributedUnderTest final : public ContentUnderTest {
 public:
  enum class Rows { kSqlite, kPostgres };

  explicit DistributedUnderTest(MotoServer& server = Moto(), Rows rows = Rows::kSqlite)
      : rows_(rows), proxy_(server.port()) {
    static int buckets = 0;
    const std::string bucket = "sekisho-" + std::to_string(++buckets);
    direct_ = *s3::Client::Open(OptionsFor(server.endpoint(), bucket), clock());
    EXPECT_TRUE(direct_->Put("", "").ok()) << "makes the bucket";
    keys_ = *keys::OpenFileRing(folder_ / "ring", true);
    options_.s3 = OptionsFor(Local(proxy_.port()), bucket);
    options_.small_limit = kSmallLimit;
    Reopen();
  }
  void Reopen() override {
    content_.reset();
    database_.reset();
    database_ = rows_ == Rows::kSqlite ? *store::OpenSqlite({.folder = folder_ / "data"})
                                       : *store::OpenPostgres({.conninfo = Secret<std::string>(Postgres().conninfo())});
    content_ = *OpenDistributed(options_, *database_, *keys_, clock());
  }
  Store& content() override { return *content_; }
  store::Database& database() override { return *database_; }
  keys::KeyRing& keys() override { return *keys_; }

  DistributedOptions& options() { return options_; }
  TcpProxy& proxy() { return proxy_; }  // which the driver goes through
  s3::Client& direct() { return *direct_; }
  const TemporaryFolder& folder() const { return folder_; }

  std::vector<std::string> Objects() {
    std::vector<std::string> found;
    const Status listed = direct_->List("", [&](const std::string& key) {
      found.push_back(key);
      return Ok();
    });
    EXPECT_TRUE(listed.ok());
    return found;
  }
  size_t Uploads() {
    size_t found = 0;
    const Status listed = direct_->ListUploads("", [&](const std::string&, const std::string&) {
      ++found;
      return Ok();
    });
    EXPECT_TRUE(listed.ok());
    return found;
  }
  std::string Get(const std::string& key) {
    std::string octets;
    EXPECT_TRUE(direct_
                    ->Read(key,
                           [&](std::string_view piece) {
                             octets += piece;
                             return Ok();
                           })
                    .ok());
    return octets;
  }
  // Removal is done beside; waits until just `objects` are left.
  bool Becomes(const std::vector<std::string>& objects) {
    for (int i = 0; i < 1000; ++i) {
      if (Objects() == objects && Uploads() == 0) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  bool BecomesEmpty() { return Becomes({}); }

 private:
  const Rows rows_;
  TemporaryFolder folder_;
  TcpProxy proxy_;
  DistributedOptions options_;
  std::unique_ptr<s3::Client> direct_;
  std::unique_ptr<keys::KeyRing> keys_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<Store> content_;
};

std::unique_ptr<ContentUnderTest> NewDistributed() { return std::make_unique<DistributedUnderTest>(); }

std::unique_ptr<ContentUnderTest> NewDistributedOnPostgres() {
  return std::make_unique<DistributedUnderTest>(Moto(), DistributedUnderTest::Rows::kPostgres);
}

INSTANTIATE_TEST_SUITE_P(Distributed, ContentConformance,
                         ::testing::Values(&NewDistributed, &NewDistributedOnPostgres));

class DistributedContentTest : public ContentConformance {
 protected:
  DistributedUnderTest& far() { return static_cast<DistributedUnderTest&>(*under_test_); }

  Code StageFails(uint64_t size) {
    const auto staged = Stage("d0", RandomOctets(size));
    EXPECT_FALSE(staged.ok());
    return staged.ok() ? Code::kInternal : staged.error().code;
  }
  // As a process leaves it that dies before its transaction.
  void StrandObject(const std::string& name) { EXPECT_TRUE(far().direct().Put("content/" + name, "octets").ok()); }
  std::string NewObjectName(const MailId& mail) {
    return mail.ToString() + ".d0." + Uuid::Generate(far().clock().Now()).ToString();
  }
};
INSTANTIATE_TEST_SUITE_P(Distributed, DistributedContentTest, ::testing::Values(&NewDistributed));

TEST_P(DistributedContentTest, GoesInPartsAndComesBackWhole) {
  const std::string octets = RandomOctets(kParts);
  const ContentRef ref = Keep("d0", octets, 100'000);
  EXPECT_EQ(far().Uploads(), 0u);
  const auto read = Read(ref);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_TRUE(**read == octets);
}

TEST_P(DistributedContentTest, LeavesNothingOfWhatWasNotFinishedOrNotAttached) {
  {
    const auto key = far().keys().NewMailKey(far().clock().Now());
    const auto writer = far().content().Create(*key, mail_, "d0");
    ASSERT_TRUE(writer->Append(RandomOctets(kParts)).ok());
    EXPECT_EQ(far().Uploads(), 1u);
    EXPECT_TRUE(far().Objects().empty()) << "nothing half stored can be read";
  }
  EXPECT_TRUE(far().BecomesEmpty());
  for (const uint64_t size : {kLarge, kParts}) {
    {
      const auto staged = Stage("d0", RandomOctets(size));
      ASSERT_TRUE(staged.ok());
      EXPECT_EQ(far().Objects().size(), 1u);
    }
    EXPECT_TRUE(far().BecomesEmpty());
  }
}

TEST_P(DistributedContentTest, LeavesToTheSweepWhatATransactionMayHaveTaken) {
  {
    const auto staged = Stage("d0", RandomOctets(kLarge));
    const Status undone = far().database().RunAndWait([&](store::Tx& tx) -> Status {
      SEKISHO_RETURN_IF_ERROR((*staged)->Attach(tx));
      return MakeError(Code::kCancelled, "the connection broke in COMMIT");
    });
    EXPECT_FALSE(undone.ok());
  }
  const auto left = far().Objects();
  ASSERT_EQ(left.size(), 1u);
  // Removals come about in order: once this one's has, the other's would have.
  ASSERT_TRUE(Stage("d0", RandomOctets(kLarge)).ok());
  EXPECT_TRUE(far().Becomes(left));
  far().clock().Advance(minutes(61));
  EXPECT_EQ(*far().content().SweepOrphans(), 1u);
  EXPECT_TRUE(far().Objects().empty());
}

TEST_P(DistributedContentTest, SweepsOldObjectsAndUploadsThatNoRowNames) {
  const ContentRef kept = Keep("d0", RandomOctets(kLarge)), kept_too = Keep("d1-x", RandomOctets(kLarge));
  for (int i = 0; i < 5; ++i) StrandObject(NewObjectName(MailId::Generate(far().clock().Now())));
  StrandObject(NewObjectName(mail_));  // whose row names another
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(far().direct().StartUpload("content/" + NewObjectName(mail_)).ok());
  }
  StrandObject("README");
  ASSERT_TRUE(far().direct().Put("elsewhere/" + NewObjectName(mail_), "octets").ok());
  EXPECT_EQ(*far().content().SweepOrphans(), 0u) << "may be in work";
  far().clock().Advance(minutes(61));
  StrandObject(NewObjectName(mail_));
  ASSERT_TRUE(far().direct().StartUpload("content/" + NewObjectName(mail_)).ok());
  EXPECT_EQ(*far().content().SweepOrphans(), 9u);
  EXPECT_TRUE(Read(kept).ok());
  EXPECT_TRUE(Read(kept_too).ok());
  EXPECT_EQ(far().Objects().size(), 5u);
  EXPECT_EQ(far().Uploads(), 1u);
}

TEST_P(DistributedContentTest, RemovingAMailRemovesItsObjects) {
  Keep("d0", RandomOctets(kLarge));
  Keep("d1-x", RandomOctets(kParts));
  ASSERT_EQ(far().Objects().size(), 2u);
  ASSERT_TRUE(far().database().RunAndWait([&](store::Tx& tx) { return far().content().Remove(tx, mail_); }).ok());
  EXPECT_TRUE(far().BecomesEmpty());
}

TEST_P(DistributedContentTest, WritesNothingInClearAndNamesNobody) {
  std::string octets;
  while (octets.size() < kLarge) octets += "a very secret sentence ";
  Keep("d0", octets);
  const auto objects = far().Objects();
  ASSERT_EQ(objects.size(), 1u);
  const std::string stored = far().Get(objects[0]);
  EXPECT_GT(stored.size(), octets.size());
  EXPECT_EQ(stored.find("secret sentence"), std::string::npos);
  EXPECT_TRUE(std::regex_match(objects[0], std::regex("content/[0-9a-f-]{36}\\.d0\\.[0-9a-f-]{36}"))) << objects[0];
}

TEST_P(DistributedContentTest, FindsEveryDamageToAnObject) {
  const ContentRef ref = Keep("d0", RandomOctets(kLarge));
  const std::string key = far().Objects().at(0), stored = far().Get(key);
  for (const size_t at : {size_t{0}, size_t{200}, stored.size() / 2, stored.size() - 1}) {
    std::string damaged = stored;
    damaged[at] ^= 1;
    ASSERT_TRUE(far().direct().Put(key, damaged).ok());
    EXPECT_EQ(ReadFails(ref), Code::kCorrupt) << at;
  }
  for (const size_t cut : {stored.size() - 1, stored.size() / 2, size_t{200}, size_t{1}, size_t{0}}) {
    ASSERT_TRUE(far().direct().Put(key, stored.substr(0, cut)).ok());
    EXPECT_EQ(ReadFails(ref), Code::kCorrupt) << cut;
  }
  ASSERT_TRUE(far().direct().Put(key, stored).ok());
  EXPECT_TRUE(Read(ref).ok());
  ASSERT_TRUE(far().direct().Remove(key).ok());
  EXPECT_EQ(ReadFails(ref), Code::kNotFound);
}

TEST_P(DistributedContentTest, AMailOf50MibCostsTheWriterOnePart) {
  const std::string piece = RandomOctets(1 << 20);
  const auto key = far().keys().NewMailKey(far().clock().Now());
  const auto writer = far().content().Create(*key, mail_, "d0");
  const auto used = [] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; };
  const size_t before = used();
  size_t most = 0;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(writer->Append(piece).ok());
    most = std::max(most, used());
  }
  const auto staged = writer->Finish();
  ASSERT_TRUE(staged.ok()) << staged.error().ToString();
  EXPECT_LT(most, before + far().options().part_size + (1 << 20));
  ASSERT_TRUE(Attach(*staged).ok());
  EXPECT_EQ((*Read((*staged)->ref()))->size(), 50u << 20);
}

TEST_P(DistributedContentTest, TriesAgainWhenTheStoreIsBusy) {
  for (const uint64_t size : {kLarge, kParts}) {
    far().Reopen();
    const std::string octets = RandomOctets(size);
    far().proxy().Answer(2, kBusy);
    const ContentRef ref = Keep("d1-" + std::to_string(size), octets);
    far().proxy().Answer(2, kBusy);
    far().Reopen();
    const auto read = Read(ref);
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    EXPECT_TRUE(**read == octets);
  }
}

TEST_P(DistributedContentTest, GivesUpWhenTheStoreStaysBusy) {
  const ContentRef ref = Keep("d0", RandomOctets(kLarge));
  far().Reopen();
  const int before = far().proxy().connections();
  far().proxy().Answer(4, kBusy);
  EXPECT_EQ(ReadFails(ref), Code::kUnavailable);
  EXPECT_EQ(far().proxy().connections(), before + 4);
  EXPECT_TRUE(Read(ref).ok());
}

TEST_P(DistributedContentTest, AFullStoreIsExhaustedAtOnce) {
  far().proxy().Answer(1, "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(StageFails(kLarge), Code::kExhausted) << "a second attempt would have passed";
}

TEST_P(DistributedContentTest, AnUploadThatIsCutOnceIsMadeWhole) {
  for (const uint64_t size : {kLarge, kParts}) {
    far().Reopen();
    const std::string octets = RandomOctets(size);
    if (size == kParts) far().proxy().Pass(1);  // to start it
    far().proxy().CutUpload(1, 300'000);
    const ContentRef ref = Keep("d1-" + std::to_string(size), octets);
    const auto read = Read(ref);
    ASSERT_TRUE(read.ok()) << read.error().ToString();
    EXPECT_TRUE(**read == octets);
  }
}

TEST_P(DistributedContentTest, AnUploadThatIsCutForGoodLeavesNothing) {
  for (const uint64_t size : {kLarge, kParts}) {
    far().Reopen();
    if (size == kParts) far().proxy().Pass(1);
    far().proxy().CutUpload(4, 300'000);
    EXPECT_EQ(StageFails(size), Code::kUnavailable);
    for (const std::string& key : far().Objects()) ADD_FAILURE() << key << " can be read";
    EXPECT_TRUE(far().BecomesEmpty());
  }
}

TEST_P(DistributedContentTest, AnUploadIsNotStartedTwice) {
  const int before = far().proxy().connections();
  far().proxy().CutDownload(1, 1);
  EXPECT_EQ(StageFails(kParts), Code::kUnavailable);
  EXPECT_EQ(far().proxy().connections(), before + 1);
}

TEST_P(DistributedContentTest, AnUploadThatCannotBeCompletedLeavesNothing) {
  // Said after 200, as S3 may.
  const std::string error = "<Error><Code>InternalError</Code></Error>";
  far().proxy().Pass(4);
  far().proxy().Answer(1, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(error.size()) +
                              "\r\n\r\n" + error);
  EXPECT_EQ(StageFails(kParts), Code::kUnavailable);
  EXPECT_TRUE(far().BecomesEmpty());
}

TEST_P(DistributedContentTest, AReadThatIsCutGoesOnWhereItWas) {
  const std::string octets = RandomOctets(kParts);
  const ContentRef ref = Keep("d0", octets);
  far().Reopen();
  far().proxy().CutDownload(3, 3'000'000);
  const auto read = Read(ref);
  ASSERT_TRUE(read.ok()) << read.error().ToString();
  EXPECT_TRUE(**read == octets);
  far().Reopen();
  far().proxy().CutDownload(4, 100'000);
  EXPECT_EQ(ReadFails(ref), Code::kUnavailable);
}

TEST_P(DistributedContentTest, AStoreThatDoesNotAnswerIsATimeout) {
  const ContentRef ref = Keep("d0", RandomOctets(kLarge));
  far().options().s3.request_timeout = milliseconds(100);
  far().options().s3.attempts = 2;
  far().Reopen();
  far().proxy().Mute(2);
  EXPECT_EQ(ReadFails(ref), Code::kTimeout);
}

TEST_P(DistributedContentTest, OnlyTheStoresOwnWordIsProofThatThereIsNothing) {
  const ContentRef ref = Keep("d0", RandomOctets(kLarge));
  far().Reopen();
  far().proxy().Answer(1, "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here\n");
  EXPECT_EQ(ReadFails(ref), Code::kPrecondition);
  far().options().s3.bucket = "no-such-bucket";
  far().Reopen();
  EXPECT_EQ(ReadFails(ref), Code::kPrecondition);
  EXPECT_EQ(StageFails(kLarge), Code::kPrecondition);
}

TEST_P(DistributedContentTest, ClosingEndsWhatHangs) {
  far().options().s3.request_timeout = minutes(10);
  far().Reopen();
  far().proxy().Pass(1);
  far().proxy().Mute(1);
  const int before = far().proxy().connections();
  ASSERT_TRUE(Stage("d0", RandomOctets(kLarge)).ok());
  while (far().proxy().connections() < before + 2) std::this_thread::yield();
  far().Reopen();  // though the removal gets no answer
}

// The same with the key is the proof that the backup is one.
TEST(ErasureTest, ADestroyedDayIsReadableNeitherHereNorFromABackup) {
  const std::string word = "erasure-" + HexEncode(RandomOctets(16));
  std::string large;
  while (large.size() < 1'000'000) large += word + " ";
  DistributedUnderTest far(Moto(), DistributedUnderTest::Rows::kPostgres);
  const MailId mail = MailId::Generate(far.clock().Now());
  const auto keep = [&](std::string_view name, const std::string& octets) {
    const auto writer = far.content().Create(*far.keys().NewMailKey(far.clock().Now()), mail, name);
    EXPECT_TRUE(writer->Append(octets).ok());
    const auto staged = *writer->Finish();
    EXPECT_TRUE(far.database().RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }).ok());
    return staged->ref();
  };
  const ContentRef refs[] = {keep("d0", word), keep("d1-large", large)};

  Postgres().Sql("DROP TABLE IF EXISTS backup; CREATE TABLE backup AS SELECT * FROM content.blob; CHECKPOINT");
  std::map<std::string, std::string> objects;
  for (const std::string& key : far.Objects()) objects[key] = far.Get(key);
  ASSERT_EQ(objects.size(), 1u);
  const auto restore = [&] {
    Postgres().Sql("DELETE FROM content.blob; INSERT INTO content.blob SELECT * FROM backup");
    for (const auto& [key, octets] : objects) {
      ASSERT_TRUE(far.direct().Remove(key).ok());
      ASSERT_TRUE(far.direct().Put(key, octets).ok());
    }
    far.Reopen();
  };
  restore();
  EXPECT_EQ(**far.content().Read(refs[0]), word);
  EXPECT_TRUE(**far.content().Read(refs[1]) == large);

  for (const std::string& epoch : far.keys().Epochs()) ASSERT_TRUE(far.keys().DestroyEpoch(epoch).ok());
  for (int from_backup = 0; from_backup < 2; ++from_backup) {
    for (const ContentRef& ref : refs) {
      const auto read = far.content().Read(ref);
      ASSERT_FALSE(read.ok());
      EXPECT_EQ(read.error().code, Code::kNotFound);
    }
    restore();
  }
  for (const auto& [key, octets] : objects) EXPECT_EQ(octets.find(word), octets.npos);
  const auto files_with = [](const std::string& wanted) {
    size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(Postgres().folder() + "/data")) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string octets((std::istreambuf_iterator<char>(in)), {});
      files += octets.find(wanted) != octets.npos;
    }
    return files;
  };
  EXPECT_EQ(files_with(word), 0u);
  Postgres().Sql("CREATE TABLE clear AS SELECT '" + word + "'::text AS word; CHECKPOINT");
  EXPECT_GT(files_with(word), 0u) << "the search finds what is there";
  Postgres().Sql("DROP TABLE clear, backup");
}

TEST(S3DownTest, SmallContentGoesOnAndLargeWaits) {
  auto server = std::make_unique<MotoServer>(MotoServer::Options{kMoto, {}, {}, {}});
  DistributedUnderTest far(*server);
  const auto write = [&](std::string_view name, size_t size) -> Result<ContentRef> {
    const auto key = far.keys().NewMailKey(far.clock().Now());
    const auto writer = far.content().Create(*key, MailId::Generate(far.clock().Now()), name);
    SEKISHO_RETURN_IF_ERROR(writer->Append(RandomOctets(size)));
    SEKISHO_TRY(const auto staged, writer->Finish());
    SEKISHO_RETURN_IF_ERROR(far.database().RunAndWait([&](store::Tx& tx) { return staged->Attach(tx); }));
    return staged->ref();
  };
  const auto large = write("d0", 1'000'000);
  ASSERT_TRUE(large.ok());
  server->Stop();
  far.Reopen();  // starts without it
  const auto read = far.content().Read(*large);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Code::kUnavailable);
  EXPECT_EQ(read.error().retry, Retry::kLater);
  const auto refused = write("d0", 1'000'000);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  const auto small = write("d0", 1000);
  ASSERT_TRUE(small.ok());
  EXPECT_TRUE(far.content().Read(*small).ok());
  const auto swept = far.content().SweepOrphans();
  ASSERT_FALSE(swept.ok());
  EXPECT_EQ(swept.error().code, Code::kUnavailable);
}

TEST(S3TlsTest, TrustsTheCaOfItsFileAndNoOther) {
  const SystemClock clock;
  const TimePoint now = clock.Now();
  const TemporaryFolder folder;
  const sekisho::testing::TestCa ours("ours", now - minutes(5), now + minutes(60));
  const sekisho::testing::TestCa other("other", now - minutes(5), now + minutes(60));
  sekisho::testing::CertificateRequest request;
  request.common_name = "127.0.0.1";
  request.hosts = {"localhost"};
  request.extended_key_usage = "serverAuth";
  request.not_before = now - minutes(5);
  request.not_after = now + minutes(60);
  const auto issued = ours.Issue(request);
  std::ofstream(folder / "certificate") << issued.certificate_pem;
  std::ofstream(folder / "key") << issued.key_pem;
  std::ofstream(folder / "ours") << ours.certificate_pem();
  std::ofstream(folder / "other") << other.certificate_pem();
  const MotoServer server(
      {.program = kMoto, .certificate = folder / "certificate", .key = folder / "key", .environment = {}});

  const auto put = [&](const std::string& host, const std::string& ca) {
    auto options = OptionsFor("https://" + host + ":" + std::to_string(server.port()), "sekisho");
    if (!ca.empty()) options.ca_file = folder / ca;
    const auto client = *s3::Client::Open(options, clock);
    return client->Put("", "");
  };
  const Status trusted = put("localhost", "ours");
  EXPECT_TRUE(trusted.ok()) << trusted.error().ToString();
  for (const auto& [host, ca] : {std::pair("localhost", "other"), {"localhost", ""}, {"127.0.0.1", "ours"}}) {
    const Status refused = put(host, ca);
    ASSERT_FALSE(refused.ok()) << host << " " << ca;
    EXPECT_EQ(refused.error().code, Code::kUnauthenticated) << refused.error().ToString();
  }
}

// The server checks signatures with botocore's implementation.
TEST(S3SignatureTest, IsWhatBotocoreComputes) {
  const SystemClock clock;
  const MotoServer server(
      {.program = kMoto, .certificate = {}, .key = {}, .environment = {"INITIAL_NO_AUTH_ACTION_COUNT=4"}});
  const auto made = sekisho::testing::RunCommand(
      {SEKISHO_VENV "/bin/python", "-c",
       "import boto3, json, sys\n"
       "at = dict(endpoint_url=sys.argv[1], region_name='us-east-1', aws_access_key_id='x', "
       "aws_secret_access_key='y')\n"
       "iam = boto3.client('iam', **at)\n"
       "iam.create_user(UserName='u')\n"
       "key = iam.create_access_key(UserName='u')['AccessKey']\n"
       "iam.put_user_policy(UserName='u', PolicyName='p', PolicyDocument=json.dumps(dict(Version='2012-10-17',\n"
       "    Statement=[dict(Effect='Allow', Action='s3:*', Resource='*')])))\n"
       "boto3.client('s3', **at).create_bucket(Bucket='sekisho')\n"
       "print(key['AccessKeyId'], key['SecretAccessKey'], end='')\n",
       server.endpoint()});
  ASSERT_EQ(made.exit_status, 0) << made.output;
  auto options = OptionsFor(server.endpoint(), "sekisho");
  const size_t space = made.output.find(' ');
  options.signer.access_key_id = made.output.substr(0, space);
  options.signer.secret_access_key = Secret<std::string>("wrong");
  const auto wrong = *s3::Client::Open(options, clock);
  const Status refused = wrong->Put("key", "octets");
  ASSERT_FALSE(refused.ok()) << "or nothing is checked";
  EXPECT_EQ(refused.error().code, Code::kPermission);

  options.signer.secret_access_key = Secret<std::string>(made.output.substr(space + 1));
  const auto client = *s3::Client::Open(options, clock);
  for (const std::string key : {"content/plain.d0", "a b+c=d&e%f~g*h'(i)", "関所/二", "a//b/../c", "%41$@:,;"}) {
    const Status put = client->Put(key, "octets of " + key);
    EXPECT_TRUE(put.ok()) << key << ": " << put.error().ToString();
    std::string octets;
    const Status read = client->Read(key, [&](std::string_view piece) {
      octets += piece;
      return Ok();
    });
    EXPECT_TRUE(read.ok()) << key << ": " << read.error().ToString();
    EXPECT_EQ(octets, "octets of " + key);
    int listed = 0;
    EXPECT_TRUE(client->List(key, [&](const std::string&) { return ++listed, Ok(); }).ok()) << key;
    EXPECT_EQ(listed, 1) << key;
    for (int time = 0; time < 2; ++time) EXPECT_TRUE(client->Remove(key).ok()) << key;
    const auto upload = client->StartUpload(key);
    ASSERT_TRUE(upload.ok()) << key << ": " << upload.error().ToString();
    EXPECT_TRUE(client->PutPart(key, *upload, 1, "part").ok()) << key;
    for (int time = 0; time < 2; ++time) EXPECT_TRUE(client->AbortUpload(key, *upload).ok()) << key;
  }
}

}  // namespace
}  // namespace sekisho::content

// What the power-cut suite records: transactions with rows, small and large content, failures among them, from several
// threads, with restarts between. Writes "ack N" to MARKS when transaction N is said to be durable.
//   powercut_workload FOLDER RING MARKS SYNCHRONOUS
// FOLDER must exist, empty; RING is the key ring's file, outside of it.
#include "tests/integration/powercut_workload.h"

#include <fcntl.h>

#include <cstdio>
#include <mutex>
#include <thread>

#include "shared/base/files.h"
#include "shared/base/random.h"
#include "shared/crypto/digest.h"

namespace sekisho::powercut {
namespace {

constexpr int kRuns = 3, kThreads = 4, kEach = 40;

const store::Statement kAddMail("INSERT INTO {w.mail} (number, content, sha256, size) VALUES ($1, $2, $3, $4)");
const store::Statement kAddPart("INSERT INTO {w.part} (number, part, octets) VALUES ($1, $2, $3)");
const store::Statement kAppend("INSERT INTO {w.log} (number) VALUES ($1)");
const store::Statement kTrim("DELETE FROM {w.log} WHERE number < $1 AND number % 3 = 0");

uint64_t ContentSize(int number) {
  if (number % 25 == 0) return 300'000 + RandomBelow(100'000);  // a file
  return RandomBelow(20'000);
}

class Workload {
 public:
  Workload(Data& data, int marks) : data_(data), marks_(marks) {}

  Status One(int number) {
    const MailId mail = MailId::Generate(data_.clock.Now());
    SEKISHO_TRY(const keys::MailKey key, data_.keys->NewMailKey(data_.clock.Now()));
    const auto writer = data_.content->Create(key, mail, "d0");
    SEKISHO_RETURN_IF_ERROR(writer->Append(RandomOctets(ContentSize(number))));
    SEKISHO_TRY(const auto staged, writer->Finish());
    const Status status = data_.database->RunAndWait([&](store::Tx& tx) { return Write(tx, number, *staged); });
    if (number % 7 == 3) return status.ok() ? MakeError(Code::kInternal, "a refusal was not passed on") : Status();
    if (status.ok()) return WriteAll(marks_, "ack " + std::to_string(number) + "\n");
    return status;
  }

 private:
  static Status Write(store::Tx& tx, int number, content::Staged& staged) {
    SEKISHO_RETURN_IF_ERROR(staged.Attach(tx));
    const content::ContentRef& ref = staged.ref();
    SEKISHO_RETURN_IF_ERROR(
        tx.Execute(kAddMail, {number, ref.key(), store::Octets{ref.sha256()}, static_cast<int64_t>(ref.size())}));
    for (int part = 0; part < kParts; ++part) {
      SEKISHO_RETURN_IF_ERROR(tx.Execute(kAddPart, {number, part, store::Octets{PartOctets(number, part)}}));
      if (number % 7 == 3 && part == 1) return MakeError(Code::kInvalid, "refused half-way");
    }
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kAppend, {number}));
    SEKISHO_RETURN_IF_ERROR(tx.Execute(kTrim, {number - 50}));
    return Ok();
  }

  Data& data_;
  const int marks_;
};

Status RunOnce(int run, const std::string& folder, const std::string& ring, const std::string& synchronous, int marks) {
  SEKISHO_TRY(const auto data, Data::Open(folder, ring, synchronous));
  Workload workload(*data, marks);
  std::mutex mutex;
  Status failed;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        const Status status = workload.One((run * kThreads + thread) * kEach + i);
        const std::scoped_lock lock(mutex);
        if (!status.ok()) failed = status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return failed;
}

Status Run(const std::string& folder, const std::string& ring, const std::string& marks,
           const std::string& synchronous) {
  SEKISHO_TRY(const FileDescriptor fd, OpenFile(marks, O_WRONLY | O_CREAT | O_APPEND));
  for (int run = 0; run < kRuns; ++run) SEKISHO_RETURN_IF_ERROR(RunOnce(run, folder, ring, synchronous, fd.get()));
  return Ok();
}

}  // namespace
}  // namespace sekisho::powercut

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: powercut_workload FOLDER RING MARKS SYNCHRONOUS\n");
    return 2;
  }
  const auto status = sekisho::powercut::Run(argv[1], argv[2], argv[3], argv[4]);
  if (!status.ok()) std::fprintf(stderr, "powercut_workload: %s\n", status.error().ToString().c_str());
  return status.ok() ? 0 : 1;
}

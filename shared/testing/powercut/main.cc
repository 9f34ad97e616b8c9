// The replay for tests that are not in C++:
//   powercut size JOURNAL                     how many records there are: a cut may be before any of them, or at the
//   end powercut check JOURNAL FOLDER             compares the recording with what FOLDER holds at the end powercut
//   marks JOURNAL                    prints what the process told others: a JSON line
//                                             {"at", "own_port", "peer_port", "hex"} each
//   powercut cut JOURNAL AT SEED FOLDER [FILE] makes FOLDER what a cut before record AT may leave.
//                                             SEED 0: nothing survives but what was synced.
//                                             FILE: as if it had never been synced
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "shared/base/bytes.h"
#include "shared/testing/powercut/disk.h"

namespace sekisho::powercut {
namespace {

void PrintMarks(const std::vector<JournalRecord>& records) {
  for (size_t at = 0; at < records.size(); ++at) {
    if (records[at].kind != Kind::kMark) continue;
    std::printf("{\"at\": %zu, \"own_port\": %llu, \"peer_port\": %llu, \"hex\": \"%s\"}\n", at,
                static_cast<unsigned long long>(records[at].inode), static_cast<unsigned long long>(records[at].offset),
                HexEncode(records[at].octets).c_str());
  }
}

Status Cut(std::span<const JournalRecord> records, uint64_t seed, const std::string& folder) {
  Disk disk;
  for (const JournalRecord& record : records) disk.Apply(record);
  std::mt19937_64 random(seed);
  return disk.Leave(folder, seed == 0 ? nullptr : &random);
}

Status Run(std::span<const std::string> arguments) {
  const auto usage = [] { return MakeError(Code::kInvalid, "usage: powercut size|check|marks|cut JOURNAL …"); };
  if (arguments.size() < 3) return usage();
  const std::string& verb = arguments[1];
  SEKISHO_TRY(auto records, ReadJournal(arguments[2]));
  if (verb == "size" && arguments.size() == 3) {
    std::printf("%zu\n", records.size());
    return Ok();
  }
  if (verb == "marks" && arguments.size() == 3) {
    PrintMarks(records);
    return Ok();
  }
  if (verb == "check" && arguments.size() == 4) {
    Disk disk;
    for (const JournalRecord& record : records) disk.Apply(record);
    const std::string difference = disk.DifferenceFrom(arguments[3]);
    return difference.empty() ? Ok() : Status(MakeError(Code::kCorrupt, difference));
  }
  if (verb == "cut" && (arguments.size() == 6 || arguments.size() == 7)) {
    const size_t at = std::strtoull(arguments[3].c_str(), nullptr, 10);
    if (at > records.size()) return MakeError(Code::kInvalid, "there are fewer records");
    records.resize(at);
    if (arguments.size() == 7) records = WithoutSyncs(std::move(records), SyncOf::kFile, arguments[6]);
    return Cut(records, std::strtoull(arguments[4].c_str(), nullptr, 10), arguments[5]);
  }
  return usage();
}

}  // namespace
}  // namespace sekisho::powercut

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv, argv + argc);
  const auto status = sekisho::powercut::Run(arguments);
  if (!status.ok()) std::fprintf(stderr, "powercut: %s\n", status.error().ToString().c_str());
  return status.ok() ? 0 : 1;
}

// The replay for tests that are not in C++:
//   powercut size JOURNAL                     how many records there are: a cut may be before any of them, or at the end
//   powercut check JOURNAL FOLDER             compares the recording with what FOLDER holds at the end
//   powercut cut JOURNAL AT SEED FOLDER       makes FOLDER what a cut before record AT may leave, and prints the marks
//                                             before it: a JSON line {"own_port", "peer_port", "hex"} each.
//                                             SEED 0: nothing survives but what was synced
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>

#include "shared/base/bytes.h"
#include "shared/testing/powercut/disk.h"

namespace sekisho::powercut {
namespace {

Status Cut(std::span<const JournalRecord> records, uint64_t seed, const std::string& folder) {
  Disk disk;
  for (const JournalRecord& record : records) {
    disk.Apply(record);
    if (record.kind != Kind::kMark) continue;
    std::printf("{\"own_port\": %llu, \"peer_port\": %llu, \"hex\": \"%s\"}\n",
                static_cast<unsigned long long>(record.inode), static_cast<unsigned long long>(record.offset),
                HexEncode(record.octets).c_str());
  }
  std::mt19937_64 random(seed);
  return disk.Leave(folder, seed == 0 ? nullptr : &random);
}

Status Run(std::span<const std::string> arguments) {
  const auto usage = [] { return MakeError(Code::kInvalid, "usage: powercut size|check|cut JOURNAL …"); };
  if (arguments.size() < 3) return usage();
  const std::string& verb = arguments[1];
  SEKISHO_TRY(const auto records, ReadJournal(arguments[2]));
  if (verb == "size" && arguments.size() == 3) {
    std::printf("%zu\n", records.size());
    return Ok();
  }
  if (verb == "check" && arguments.size() == 4) {
    Disk disk;
    for (const JournalRecord& record : records) disk.Apply(record);
    const std::string difference = disk.DifferenceFrom(arguments[3]);
    return difference.empty() ? Ok() : Status(MakeError(Code::kCorrupt, difference));
  }
  if (verb == "cut" && arguments.size() == 6) {
    const size_t at = std::strtoull(arguments[3].c_str(), nullptr, 10);
    if (at > records.size()) return MakeError(Code::kInvalid, "there are fewer records");
    return Cut(std::span(records).first(at), std::strtoull(arguments[4].c_str(), nullptr, 10), arguments[5]);
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

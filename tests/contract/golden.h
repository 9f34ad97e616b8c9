#pragma once
// Records as a version wrote them, kept in files: see README.md for the form.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/bus/bus.h"

namespace sekisho::contract {

struct GoldenRecord {
  std::string key;                                              // of the Kafka record: the mail's id, 16 octets
  std::vector<std::pair<std::string, std::string>> cloudevent;  // its headers
  std::string header;  // the same as the local bus and the stages' tables keep it
  std::string sealed;  // the value, as it travels
  std::string clear;   // the value, opened
};

// The mail that every golden record is about. With an attachment, so that there is something to seal.
extern const std::string_view kGoldenMail;

// "<folder>/<name>.record". Errors: kNotFound; kCorrupt.
Result<GoldenRecord> ReadRecord(const std::string& folder, const std::string& name);
Status WriteRecord(const std::string& folder, const std::string& name, const GoldenRecord& record);

// The folders of all versions in `golden`.
std::vector<std::string> GoldenVersions(const std::string& golden);

// Fails when there is no such file.
Result<std::string> ReadWhole(const std::string& file);

}  // namespace sekisho::contract

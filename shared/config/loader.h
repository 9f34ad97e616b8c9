#pragma once
// Reads a YAML file into a protobuf message by its descriptor. Unknown keys, wrong types, duplicate keys and unknown
// enum values are problems with file, line, column, the key's path and what to write instead. Pure but for LoadFile.
//
// Beyond YAML's own types: google.protobuf.Duration is written "90s", "3m", "1h30m"; integers may carry KiB, MiB or
// GiB; enum values in any case. Anchors and aliases are refused (a small file could unfold to a huge one).

#include <google/protobuf/message.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace sekisho::config {

struct Place {
  int line = 0;  // from 1; 0: the file as a whole
  int column = 0;
};

struct Problem {
  std::string file;
  Place place;
  std::string path;     // "rules[2].when.recipient"
  std::string message;  // what is wrong and what to write instead

  std::string ToString() const;  // "policy.yaml:12:5: rules[2].when: …"
};

// Where each value of a loaded document stands, by path.
class SourceMap {
 public:
  void Put(std::string path, Place place) { places_[std::move(path)] = place; }
  // The place of `path`, or of the nearest thing around it.
  Place At(std::string_view path) const;

 private:
  std::map<std::string, Place, std::less<>> places_;
};

inline constexpr size_t kMaxFileOctets = 8 << 20;
inline constexpr int kMaxDepth = 64;

// Fills `message`; `source` learns the places. Gives every problem found, in the order of the file; empty when all is
// well.
std::vector<Problem> Load(std::string_view yaml, const std::string& file, google::protobuf::Message& message,
                          SourceMap& source);

// The same from disk. A file that cannot be read is a problem too.
std::vector<Problem> LoadFile(const std::string& file, google::protobuf::Message& message, SourceMap& source);

// Reads at most `limit` octets. Errors: kNotFound, kPermission, kLimit, kUnavailable; the detail names the file and the
// remedy.
Result<std::string> ReadWholeFile(const std::string& file, size_t limit = kMaxFileOctets);

// A secret's file: as above, and others must not be able to read it. A line end at the end is dropped.
Result<std::string> ReadSecretFile(const std::string& file);

// All problems as one error, one a line. kInvalid.
Error AsError(const std::vector<Problem>& problems);

// The candidate nearest to `word`, when it is near enough to be meant; empty otherwise.
std::string Nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace sekisho::config

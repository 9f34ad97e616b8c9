#pragma once
// What the workload writes, so that the test can check what is left of it.

#include <memory>
#include <string>

#include "shared/base/clock.h"
#include "shared/content/local.h"
#include "shared/keys/file_ring.h"
#include "shared/store/sqlite.h"

namespace sekisho::powercut {

inline constexpr int kParts = 4;

// Part `part` of transaction `number`: anybody can say what it must be.
inline std::string PartOctets(int number, int part) {
  const std::string piece = std::to_string(number) + "/" + std::to_string(part) + ";";
  std::string octets;
  while (octets.size() < static_cast<size_t>(500 * (number % 5 + 1))) octets += piece;
  return octets;
}

// The parts of the product under test, opened in one folder.
struct Data {
  SystemClock clock;
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<store::Database> database;
  std::unique_ptr<content::Store> content;

  static Result<std::unique_ptr<Data>> Open(const std::string& folder, const std::string& ring,
                                            const std::string& synchronous) {
    auto data = std::make_unique<Data>();
    SEKISHO_TRY(data->keys, keys::OpenFileRing(ring, true));
    SEKISHO_TRY(data->database,
                store::OpenSqlite({.folder = folder + "/data", .wal_limit = 1 << 20, .synchronous = synchronous}));
    SEKISHO_TRY(data->content,
                content::OpenLocal({.folder = folder + "/content"}, *data->database, *data->keys, data->clock));
    const store::Migration migrations[] = {
        {1,
         "CREATE TABLE {w.mail} (number BIGINT PRIMARY KEY, content TEXT NOT NULL, sha256 {blob} NOT NULL, size "
         "BIGINT)"},
        {2,
         "CREATE TABLE {w.part} (number BIGINT, part BIGINT, octets {blob} NOT NULL, PRIMARY KEY (number, part));\n"
         "CREATE TABLE {w.log} (number BIGINT PRIMARY KEY)"}};
    SEKISHO_RETURN_IF_ERROR(data->database->Migrate("w", migrations));
    return data;
  }
};

}  // namespace sekisho::powercut

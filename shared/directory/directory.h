#pragma once
// Users and groups of the organisation. Thread safe. Addresses and logins compare without regard to case.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::directory {

struct User {
  std::string login;  // lower case
  std::string name;
  std::vector<std::string> addresses;  // lower case, domain as A-label; the first is where notices go
  std::string manager;                 // a login; empty: none
  std::set<std::string, std::less<>> roles;
  std::set<std::string, std::less<>> groups;
  std::string language;  // "ja" or "en"; empty: the organisation's
  bool demo = false;
};

// One consistent reading of the directory; never changes.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual const User* Find(std::string_view login) const = 0;             // nullptr: unknown or disabled
  virtual const User* FindByAddress(std::string_view address) const = 0;  // whose own address it is
  // Own addresses and those of the groups it belongs to.
  virtual bool MaySendAs(std::string_view login, std::string_view address) const = 0;
  // Everyone who may send as `address`: its owner, or the members of the group whose shared mailbox it is.
  virtual std::set<std::string> SendersOf(std::string_view address) const = 0;
  virtual std::vector<const User*> WithRole(std::string_view role) const = 0;  // by login
};

struct Options {
  std::string file;
  size_t verifiers = 2;                           // Argon2id at once: each takes 64 MiB and 70 ms
  Duration cache = std::chrono::seconds(60);      // of verified passwords; 0: none
  Duration look_again = std::chrono::seconds(1);  // how often the file's state is looked at
};

class Directory {
 public:
  // `clock` outlives it. Errors: kInvalid with file, line and column for each problem.
  static Result<std::unique_ptr<Directory>> Open(const Options& options, const Clock& clock);
  virtual ~Directory() = default;

  // The current reading; looks at the file when the last look is older than `look_again`.
  virtual std::shared_ptr<const Snapshot> Current() = 0;

  // Blocks for about 70 ms unless the answer is cached; never on an I/O thread. An unknown login takes as long as a
  // known one. `demo_allowed`: whether demo logins may be used here. Errors: kUnauthenticated (no more is said);
  // kExhausted when all verifiers are busy.
  virtual Status VerifyPassword(std::string_view login, const Secret<std::string>& password, bool demo_allowed) = 0;

  // Why the newest file is not in force; empty when it is.
  virtual std::string last_error() const = 0;
};

// Argon2id, as the directory file holds it.
std::string HashPassword(const Secret<std::string>& password);

}  // namespace sekisho::directory

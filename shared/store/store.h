#pragma once
// Durable state behind one small interface: transactions that group themselves, and reads beside them. Drivers: SQLite
// (sqlite.h), PostgreSQL (postgres.h). Each passes tests/unit/shared/store/conformance.h.
//
// SQL is the common subset of both: parameters are $1, $2, …; tables are written {schema.table}, which the driver turns
// into its own form (schema_table, or schema.table); {blob} is the type for octets. {for_update} ends a SELECT
// whose rows stay as they are found until the transaction ends; {skip_locked} does, and passes over rows that another
// transaction keeps so: both are empty where there is one writer. INSERT … ON CONFLICT and RETURNING may be used; rows
// are leased by WITH … AS MATERIALIZED (SELECT … LIMIT … {skip_locked}) UPDATE … RETURNING.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/function_ref.h"
#include "shared/base/result.h"

namespace sekisho::store {

// One SQL statement, prepared once a connection. Keep it static or as a member: its identity is its cache key.
class Statement {
 public:
  explicit Statement(std::string sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  const std::string& sql() const { return sql_; }
  uint32_t id() const { return id_; }  // dense, unique in the process

 private:
  const std::string sql_;
  const uint32_t id_;
};

struct Octets {
  std::string_view value;
};
// A parameter; views must live until the call returns.
using Param = std::variant<std::nullptr_t, int64_t, std::string_view, Octets>;

// A row of a result; what it gives is valid only inside the callback that got it. Columns count from 0.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool IsNull(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;
  virtual std::string_view Blob(int column) const = 0;
};

// An open transaction. Used by one thread, and only inside the function that got it.
class Tx {
 public:
  virtual ~Tx() = default;

  // After an error of Execute or Query that no Savepoint undid, some databases do nothing more in the transaction:
  // return it. A function that goes on and says ok fails with that error.

  // Runs a statement that returns no rows. Gives the number of rows it changed.
  // Errors: kExists (a unique key), kExhausted (disk full), kUnavailable (database away, I/O error), kInternal (a wrong
  // statement).
  virtual Result<int64_t> Execute(const Statement& statement, std::initializer_list<Param> params) = 0;

  // Calls `each` for every row, in order; stops at its first error and returns it.
  virtual Status Query(const Statement& statement, std::initializer_list<Param> params,
                       FunctionRef<Status(const Row&)> each) = 0;

  // Until this transaction ends, no other of any process gets past the Lock of the same name: for what is decided from
  // rows that another may be about to insert, which no row's own lock keeps out. Names begin with the schema:
  // "delivery.mail:<id>". Take several in one order.
  virtual Status Lock(std::string_view name) = 0;

  // Runs `fn`; when it fails, undoes what it did and returns its error. The transaction goes on.
  virtual Status Savepoint(FunctionRef<Status()> fn) = 0;

  // Calls `fn` once after the transaction is durable; never when it is not. On the driver's thread: be short.
  // Inside a savepoint that is undone, it is forgotten.
  virtual void OnCommitted(std::function<void()> fn) = 0;
};

struct Migration {
  int version = 0;  // 1, 2, 3, … in order
  std::string sql;  // statements separated by ';' and a newline
  // Instead of `sql` on PostgreSQL, where tables are to have what the common SQL can't say: partitions.
  std::string postgres_sql = {};
  // The lowest version of the schema whose programs still run on it after this migration: set it where the migration
  // only adds what they need not know, or takes away what they no longer use. 0: none but those that know this one.
  int works_from = 0;
};

class Database {
 public:
  using TxFn = std::function<Status(Tx&)>;
  using DoneFn = std::function<void(Status)>;

  virtual ~Database() = default;

  // Queues `fn`. It runs inside a transaction that it may share with others' functions (each in a savepoint of its
  // own): all that are waiting are committed, and synced, together. `fn` may run again; it touches only Tx and what it
  // owns. `done` gets fn's error, or the commit's, or ok once the effects are durable. It is called on the driver's
  // thread, one at a time: be short, never block, post to your own. Never blocks: over the queue's limit, `done` gets
  // kExhausted at once. Other processes' transactions, and of a driver with several writers this one's, run beside:
  // what must come after something waits for its `done`.
  virtual void Run(TxFn fn, DoneFn done) = 0;

  // Run, waiting for the result. Never from a `done`, nor from inside a coroutine.
  Status RunAndWait(TxFn fn);

  // Reads a consistent snapshot on the caller's thread, beside the writer. Execute fails in it.
  virtual Status Read(FunctionRef<Status(Tx&)> fn) = 0;

  // Brings a schema ("policy"), or a part of one ("policy/stage"), to its newest version: each migration in a
  // transaction, remembered in {policy.migration}, or {policy.stage_migration}. A part is what a shared module keeps in
  // a service's schema: its tables lie there, its versions are numbered apart. A database that is newer than
  // `migrations` is left as it is, and used, when each migration that it has above them works_from theirs
  // (docs/adr/schema-of-a-newer-version.md). Errors: kPrecondition when one does not; kInternal for a wrong name.
  virtual Status Migrate(std::string_view schema_or_part, std::span<const Migration> migrations) = 0;

  struct Stats {
    uint64_t commits = 0;    // transactions synced
    uint64_t functions = 0;  // functions they held: functions / commits is the group size
    uint64_t queued = 0;     // waiting now
    uint64_t failed_commits = 0;
    // Of a driver that has them:
    uint64_t failed_checkpoints = 0;  // harmless alone, but the disk is failing
    uint64_t reruns = 0;  // transactions run again after a deadlock, a serialization failure, a lost connection
    uint64_t unknown_commits = 0;  // whether they happened could not be known
  };
  virtual Stats stats() const = 0;

  // True when no other process can have it open: what another process left in it was left by one that is dead.
  virtual bool sole_process() const = 0;

  // Refuses new work with kCancelled, finishes what is queued, closes. Idempotent.
  virtual void Stop() = 0;
};

}  // namespace sekisho::store

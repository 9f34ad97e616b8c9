#include "shared/store/postgres_group.h"

#include "shared/base/bytes.h"
#include "shared/base/failpoint.h"
#include "shared/base/random.h"

namespace sekisho::store {
namespace {

constexpr int kAttemptsTogether = 2;  // then each function alone: it is not harmed by what the others touch
constexpr int kAttemptsAlone = 6;

// Those that were in each other's way should not meet again.
Duration PauseBefore(int attempt) {
  const auto longest = std::chrono::milliseconds(1 << attempt);
  return std::chrono::duration_cast<Duration>(longest * RandomUnit());
}

void FailAll(std::span<Work> group, const Status& whole) {
  for (Work& work : group) {
    if (work.result.ok()) work.result = whole;
  }
}

}  // namespace

void PostgresShared::SetMarks(std::unique_ptr<const PostgresMarks> marks) {
  const std::scoped_lock lock(marks_mutex_);
  if (marks_owner_ != nullptr) return;
  marks_owner_ = std::move(marks);
  marks_ = marks_owner_.get();
}

PostgresGroup::PostgresGroup(PostgresShared& shared) : shared_(shared), writer_(HexEncode(RandomOctets(16))) {}

Status PostgresGroup::Connect() {
  if (connection_ != nullptr) return Ok();
  SEKISHO_TRY(connection_, shared_.connector.Open());
  return Ok();
}

void PostgresGroup::Run(std::span<Work> group) {
  if (RunTogether(group)) return;
  for (Work& work : group) RunTogether({&work, 1});
}

// False when the results are open still: each function should run alone.
bool PostgresGroup::RunTogether(std::span<Work> group) {
  const bool alone = group.size() == 1;
  auto kind = PostgresTx::Kind::kHopeful;
  for (int attempt = 1;;) {
    for (Work& work : group) work.result = Ok();
    Status whole = Connect();
    const Attempt ended = whole.ok() ? Try(group, kind, whole) : Attempt::kFailed;
    switch (ended) {
      case Attempt::kCommitted:
        return true;
      case Attempt::kFailed:
        FailAll(group, whole);
        return true;
      case Attempt::kSavepoints:
        kind = PostgresTx::Kind::kWithSavepoints;
        continue;
      case Attempt::kAgain:
        break;
    }
    if (attempt == (alone ? kAttemptsAlone : kAttemptsTogether)) {
      if (alone) group[0].result = whole;
      return alone;
    }
    ++shared_.reruns;
    static_cast<void>(shared_.queue.Pause(PauseBefore(attempt++)));
  }
}

// One transaction with all of the group, or none of it.
PostgresGroup::Attempt PostgresGroup::Try(std::span<Work> group, PostgresTx::Kind kind, Status& whole) {
  const bool serializable = shared_.options.isolation == PostgresIsolation::kSerializable;
  PostgresTx tx(*connection_, kind);
  Attempt ended = Attempt::kFailed;
  whole =
      connection_->Exec(serializable ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN ISOLATION LEVEL READ COMMITTED");
  if (whole.ok()) whole = RunFunctions(tx, group);
  if (whole.ok()) {
    ended = Commit(whole);
  } else if (connection_->lost() || tx.again()) {
    ended = Attempt::kAgain;
  } else if (tx.undo_needed() && kind == PostgresTx::Kind::kHopeful) {
    ended = Attempt::kSavepoints;
  }
  EndTransaction();
  if (ended == Attempt::kCommitted) {
    ++shared_.commits;
    shared_.functions += group.size();
    const std::scoped_lock lock(shared_.callbacks);
    for (const auto& hook : tx.hooks()) hook();
  }
  return ended;
}

// Gives an error when the transaction as a whole can't be committed.
Status PostgresGroup::RunFunctions(PostgresTx& tx, std::span<Work> group) {
  const bool alone = group.size() == 1;  // needs no savepoint of its own
  for (Work& work : group) {
    work.result = alone ? tx.Truthful(work.fn(tx)) : tx.Savepoint([&] { return work.fn(tx); });
    if (tx.again()) return *tx.again();
    if (tx.undo_needed()) return MakeError(Code::kUnavailable, "a savepoint has to be undone");
    if (connection_->transaction_failed()) return MakeError(Code::kUnavailable, "a savepoint could not be undone");
  }
  return alone ? group[0].result : Ok();
}

PostgresGroup::Attempt PostgresGroup::Commit(Status& whole) {
  if (Failpoint("store.before_commit")) {
    ++shared_.failed_commits;
    whole = MakeError(Code::kUnavailable, "failpoint store.before_commit");
    return Attempt::kFailed;
  }
  const PostgresMarks* marks = shared_.marks();
  Result<bool> marked = true;
  if (marks != nullptr) marked = marks->Mark(*connection_, writer_, ++number_);
  whole = marked.ok() ? connection_->Commit() : Status(marked.error());
  if (whole.ok()) {
    static_cast<void>(Failpoint("store.after_commit"));
    return Attempt::kCommitted;
  }
  ++shared_.failed_commits;
  whole = Annotate(whole.error(), "commit");
  // Of a transaction that wrote nothing, nothing can be lost.
  if (connection_->lost() && marked.ok() && *marked) return AfterLostCommit(marks, whole);
  return connection_->lost() || connection_->failure() == PostgresFailure::kConflict ? Attempt::kAgain
                                                                                     : Attempt::kFailed;
}

PostgresGroup::Attempt PostgresGroup::AfterLostCommit(const PostgresMarks* marks, Status& whole) {
  auto outcome = PostgresOutcome::kUnknown;
  if (marks != nullptr) {
    outcome = marks->Find(shared_.connector, connection_->backend(), writer_, number_, shared_.options.outcome_limit);
  }
  if (outcome == PostgresOutcome::kCommitted) return Attempt::kCommitted;
  if (outcome == PostgresOutcome::kRolledBack) return Attempt::kAgain;
  ++shared_.unknown_commits;
  whole = MakeError(Code::kUnavailable, "the connection was lost in the commit; whether it happened can't be known");
  return Attempt::kFailed;
}

// Leaves a connection between transactions, or none.
void PostgresGroup::EndTransaction() {
  if (connection_ == nullptr) return;
  if (!connection_->lost() && !connection_->idle()) static_cast<void>(connection_->Exec("ROLLBACK"));
  if (!connection_->idle()) connection_.reset();
}

}  // namespace sekisho::store

#pragma once
// What the transactions of both drivers have in common. Inside this module only.

#include <functional>
#include <utility>
#include <vector>

#include "shared/store/store.h"

namespace sekisho::store {

class GroupTx : public Tx {
 public:
  // Savepoints are dear (SQLite copies each page that is changed in one, PostgreSQL needs two round trips), and almost
  // all are released: hopeful, there are none, and when one would have been undone, undo_needed() says that the whole
  // has to be rolled back and run again with savepoints.
  enum class Kind { kReadOnly, kHopeful, kWithSavepoints };

  void OnCommitted(std::function<void()> fn) final { hooks_.push_back(std::move(fn)); }

  std::vector<std::function<void()>>& hooks() { return hooks_; }
  bool undo_needed() const { return undo_needed_; }

 protected:
  explicit GroupTx(Kind kind) : kind_(kind) {}

  const Kind kind_;
  bool undo_needed_ = false;
  std::vector<std::function<void()>> hooks_;
};

}  // namespace sekisho::store

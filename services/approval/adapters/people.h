#pragma once
// The directory as the rules ask for it. One reading: it never changes; make a new one for each decision.

#include <memory>
#include <vector>

#include "services/approval/domain/authority.h"
#include "shared/directory/directory.h"

namespace sekisho::approval {

class DirectoryPeople final : public People {
 public:
  explicit DirectoryPeople(std::shared_ptr<const directory::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}
  std::optional<Member> Find(std::string_view login) const override;
  std::set<std::string> SendersOf(std::string_view address) const override;
  std::vector<Member> WithRole(std::string_view role) const;

 private:
  const std::shared_ptr<const directory::Snapshot> snapshot_;
};

}  // namespace sekisho::approval

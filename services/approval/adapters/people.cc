#include "services/approval/adapters/people.h"

namespace sekisho::approval {
namespace {

Member MemberOf(const directory::User& user) {
  return {user.login,    user.name, user.manager, user.addresses.empty() ? "" : user.addresses.front(),
          user.language, user.roles};
}

}  // namespace

std::optional<Member> DirectoryPeople::Find(std::string_view login) const {
  const directory::User* user = snapshot_->Find(login);
  return user == nullptr ? std::nullopt : std::optional(MemberOf(*user));
}

std::set<std::string> DirectoryPeople::SendersOf(std::string_view address) const {
  return snapshot_->SendersOf(address);
}

std::vector<Member> DirectoryPeople::WithRole(std::string_view role) const {
  std::vector<Member> members;
  for (const directory::User* user : snapshot_->WithRole(role)) members.push_back(MemberOf(*user));
  return members;
}

}  // namespace sekisho::approval

#include "services/approval/domain/authority.h"

#include "shared/base/bytes.h"

namespace sekisho::approval {
namespace {

// The nearest manager above `sender` who may decide. Somebody disabled ends the chain: who stands above is not known.
std::optional<Member> SuperiorOf(const Member& sender, const std::set<std::string>& authors, const People& people) {
  std::set<std::string> seen = {sender.login};
  std::string next = sender.manager;
  while (!next.empty() && seen.insert(next).second) {
    std::optional<Member> manager = people.Find(next);
    if (!manager) return std::nullopt;
    if (manager->roles.contains("approver") && !authors.contains(manager->login)) return manager;
    next = manager->manager;
  }
  return std::nullopt;
}

}  // namespace

Authority::Authority(const Origin& origin, const People& people) {
  using mail::v1::Submitter;
  if (origin.kind == Submitter::KIND_SUBMISSION || origin.kind == Submitter::KIND_GRPC) {
    senders_ = {AsciiLower(origin.principal)};
  } else if (origin.kind == Submitter::KIND_RELAY && !origin.mail_from.empty()) {
    senders_ = people.SendersOf(origin.mail_from);
  }
  authors_ = senders_;
  if (!origin.mail_from.empty()) authors_.merge(people.SendersOf(origin.mail_from));
  for (const std::string& address : origin.header_senders) authors_.merge(people.SendersOf(address));
  if (senders_.size() == 1) sender_ = people.Find(*senders_.begin());
  if (sender_) superior_ = SuperiorOf(*sender_, authors_, people);
}

unsigned Authority::CapacitiesOf(std::string_view login, const std::set<std::string, std::less<>>& roles) const {
  const std::string name = AsciiLower(login);
  unsigned capacities = kNoCapacity;
  if (senders_.contains(name)) capacities |= kSender;
  if (authors_.contains(name)) return capacities;
  const bool officer = roles.contains("security_officer");
  if (superior_ && superior_->login == name && roles.contains("approver")) capacities |= kSuperior;
  if (!superior_ && officer) capacities |= kSuperior;
  if (officer) capacities |= kOfficer;
  if (roles.contains("operator")) capacities |= kOperator;
  return capacities;
}

}  // namespace sekisho::approval

#include "shared/directory/snapshot.h"

#include "shared/base/bytes.h"
#include "shared/text/domain.h"

namespace sekisho::directory {
namespace {

const std::vector<std::string>& KnownRoles() {
  static const std::vector<std::string> kRoles = {"sender",           "approver", "policy_admin",
                                                  "security_officer", "auditor",  "operator"};
  return kRoles;
}

struct Group {
  std::set<std::string> members;    // logins
  std::set<std::string> addresses;  // shared mailboxes
};

class BuiltSnapshot final : public Snapshot {
 public:
  const User* Find(std::string_view login) const override {
    const auto found = users.find(Canonical(login));
    return found == users.end() ? nullptr : &found->second;
  }
  const User* FindByAddress(std::string_view address) const override {
    const auto found = owners.find(Canonical(address));
    return found == owners.end() ? nullptr : Find(found->second);
  }
  bool MaySendAs(std::string_view login, std::string_view address) const override {
    return SendersOf(address).contains(Canonical(login)) && Find(login) != nullptr;
  }
  std::set<std::string> SendersOf(std::string_view address) const override {
    const std::string wanted = Canonical(address);
    std::set<std::string> senders;
    if (const auto owner = owners.find(wanted); owner != owners.end()) senders.insert(owner->second);
    if (const auto shared = shared_mailboxes.find(wanted); shared != shared_mailboxes.end()) {
      senders.insert(shared->second.begin(), shared->second.end());
    }
    return senders;
  }
  std::vector<const User*> WithRole(std::string_view role) const override {
    std::vector<const User*> found;
    for (const auto& [login, user] : users) {
      if (user.roles.find(role) != user.roles.end()) found.push_back(&user);
    }
    return found;
  }

  std::map<std::string, User, std::less<>> users;                              // by login
  std::map<std::string, std::string, std::less<>> owners;                      // address → login
  std::map<std::string, std::set<std::string>, std::less<>> shared_mailboxes;  // address → logins
};

class Builder {
 public:
  Builder(const std::string& file, const config::SourceMap& source, std::vector<config::Problem>& problems)
      : file_(file), source_(source), problems_(problems) {}

  Built Build(const config::v1::Directory& directory) {
    for (int i = 0; i < directory.users_size(); ++i) AddUser(directory.users(i), "users[" + std::to_string(i) + "]");
    for (int i = 0; i < directory.groups_size(); ++i)
      AddGroup(directory.groups(i), "groups[" + std::to_string(i) + "]");
    for (int i = 0; i < directory.users_size(); ++i)
      CheckManagers(directory.users(i), "users[" + std::to_string(i) + "]");
    return {snapshot_, std::move(hashes_)};
  }

 private:
  void Add(const std::string& path, std::string message) {
    problems_.push_back({file_, source_.At(path), path, std::move(message)});
  }

  void AddUser(const config::v1::User& entry, const std::string& at) {
    if (entry.login().empty()) return Add(at + ".login", "is required, like hanako@example.jp");
    User user;
    user.login = Canonical(entry.login());
    if (!logins_.insert(user.login).second) return Add(at + ".login", "is given twice; keep one");
    if (!entry.password_hash().empty() && !entry.password_hash().starts_with("$argon2id$")) {
      Add(at + ".password_hash", "must be an Argon2id hash; make one with: sekisho directory hash-password");
    }
    for (const std::string& role : entry.roles()) {
      if (std::find(KnownRoles().begin(), KnownRoles().end(), role) == KnownRoles().end()) {
        const std::string nearest = config::Nearest(role, KnownRoles());
        Add(at + ".roles", "'" + role + "' is no role" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?"));
      }
      user.roles.insert(role);
    }
    if (!entry.language().empty() && entry.language() != "ja" && entry.language() != "en") {
      Add(at + ".language", "must be ja or en");
    }
    for (const std::string& address : entry.addresses()) user.addresses.push_back(Canonical(address));
    if (user.addresses.empty()) user.addresses.push_back(user.login);
    user.name = entry.name();
    user.manager = Canonical(entry.manager());
    user.language = entry.language();
    user.demo = entry.demo();
    if (entry.disabled()) return;
    for (const std::string& address : user.addresses) {
      if (!snapshot_->owners.emplace(address, user.login).second)
        Add(at + ".addresses", "an address belongs to two users");
    }
    if (!entry.password_hash().empty()) hashes_[user.login] = entry.password_hash();
    snapshot_->users.emplace(user.login, std::move(user));
  }

  void AddGroup(const config::v1::Group& entry, const std::string& at) {
    if (entry.name().empty()) return Add(at + ".name", "is required, like sales");
    std::set<std::string> members;
    for (const std::string& member : entry.members()) {
      const std::string login = Canonical(member);
      if (!logins_.contains(login)) Add(at + ".members", "names a login that is not in users");
      members.insert(login);
      if (const auto user = snapshot_->users.find(login); user != snapshot_->users.end())
        user->second.groups.insert(entry.name());
    }
    for (const std::string& address : entry.addresses()) {
      snapshot_->shared_mailboxes[Canonical(address)].insert(members.begin(), members.end());
    }
  }

  // Every chain of managers must end: an approval would go round for ever.
  void CheckManagers(const config::v1::User& entry, const std::string& at) {
    if (entry.manager().empty()) return;
    if (!logins_.contains(Canonical(entry.manager()))) return Add(at + ".manager", "is a login that is not in users");
    const std::string start = Canonical(entry.login());
    std::set<std::string> seen = {start};
    std::string next = Canonical(entry.manager());
    while (!next.empty()) {
      if (!seen.insert(next).second) {
        if (next == start) Add(at + ".manager", "makes a loop of managers");
        return;
      }
      const auto user = snapshot_->users.find(next);
      next = user == snapshot_->users.end() ? "" : user->second.manager;
    }
  }

  const std::string& file_;
  const config::SourceMap& source_;
  std::vector<config::Problem>& problems_;
  std::set<std::string> logins_;  // disabled ones too
  std::map<std::string, std::string, std::less<>> hashes_;
  std::shared_ptr<BuiltSnapshot> snapshot_ = std::make_shared<BuiltSnapshot>();
};

}  // namespace

std::string Canonical(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return AsciiLower(address);
  const auto domain = text::DomainToAscii(address.substr(at + 1));
  return AsciiLower(address.substr(0, at)) + "@" + (domain.ok() ? *domain : AsciiLower(address.substr(at + 1)));
}

Built BuildSnapshot(const config::v1::Directory& directory, const std::string& file, const config::SourceMap& source,
                    std::vector<config::Problem>& problems) {
  return Builder(file, source, problems).Build(directory);
}

}  // namespace sekisho::directory

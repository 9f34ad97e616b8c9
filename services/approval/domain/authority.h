#pragma once
// Who may decide about a mail: resolved from the directory as it is when they decide, never from the mail. Pure.
//
// An author of a mail is who handed it in, and everyone who may send as its MAIL FROM, From or Sender: of a shared
// mailbox, all who share it. No author decides about it as superior, officer or operator.
//
// The superior is the nearest of the sender's managers who is an approver and no author. Where there is none (no
// manager, one who left, a relay's mail from an unknown address), a security officer stands in.

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/approval/domain/state_table.h"

namespace sekisho::approval {

struct Member {
  std::string login;  // as the directory writes it: lower case
  std::string name;
  std::string manager;         // a login; empty: none
  std::string notice_address;  // where notices go
  std::string language;        // "ja", "en"; empty: the organisation's
  std::set<std::string, std::less<>> roles;
};

// What the rules ask of the directory. One consistent reading.
class People {
 public:
  virtual ~People() = default;
  virtual std::optional<Member> Find(std::string_view login) const = 0;         // none: unknown or disabled
  virtual std::set<std::string> SendersOf(std::string_view address) const = 0;  // logins that may send as it
};

// Whose mail it is, as the server authenticated it and the mail says.
struct Origin {
  mail::v1::Submitter::Kind kind = mail::v1::Submitter::KIND_UNSPECIFIED;
  std::string principal;
  std::string mail_from;
  std::vector<std::string> header_senders;  // addresses in From and Sender
};

class Authority {
 public:
  Authority(const Origin& origin, const People& people);

  // What `login`, who has `roles` now, may act as.
  unsigned CapacitiesOf(std::string_view login, const std::set<std::string, std::less<>>& roles) const;

  // The one person who sent it, where that can be told.
  const std::optional<Member>& sender() const { return sender_; }
  const std::optional<Member>& superior() const { return superior_; }

 private:
  std::set<std::string> senders_;  // whose mail it is: they release, confirm, recall
  std::set<std::string> authors_;
  std::optional<Member> sender_, superior_;
};

}  // namespace sekisho::approval

#pragma once
// What people are told about a mail that waits: plain text, in the reader's language first and the other one below.
// Says what, to whom, which files, why, and what to do. Pure: the same facts give the same text.
//
// A sender never reads what matched, only the rule's words: evidence may be a term of a dictionary that nobody should
// learn.

#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/approval/domain/state_table.h"
#include "shared/base/clock.h"
#include "shared/notice/body.h"
#include "shared/notice/letter.h"

namespace sekisho::approval {

enum class NoticeKind {
  // To the sender, when the mail comes to wait.
  kHeld,          // for a time, or for somebody to decide; `state` says which
  kAskToConfirm,  // the sender is to confirm
  // To who decides.
  kAskToDecide,
  // To the sender, when it was decided.
  kApproved,  // with a comment
  kRejected,
  kExpired,
  kDropped,
};

using notice::Language;

// How much of the mail comes with a notice that returns it.
enum class Returned { kNothing, kWhole, kHeaderOnly };

struct NoticeFacts {
  NoticeKind kind = NoticeKind::kHeld;
  State state = State::kTimed;  // in which it waits, or waited
  std::string mail_id, parcel_id;
  std::string subject;    // of the mail, UTF-8
  std::string from;       // address; a null sender is empty
  std::string from_name;  // of the directory; may be empty
  std::vector<std::string> recipients;
  std::vector<std::string> files;  // names of attachments
  std::vector<mail::v1::Reason> reasons;
  TimePoint due{};
  std::string decider;  // who decides or decided: a person's name; may be empty
  std::string comment;  // of who decided; UTF-8, may have lines
  Returned returned = Returned::kNothing;
  std::string link_base_url;  // of the console; empty: the command line is named
};

// Without its recipient and the mail that is returned with it.
notice::Letter WriteNotice(const NoticeFacts& facts, Language reader);

}  // namespace sekisho::approval

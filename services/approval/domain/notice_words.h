#pragma once
// The sentences of a notice in one language. Internal to notice.cc. Pure.

#include <string>

#include "services/approval/domain/notice.h"

namespace sekisho::approval {

struct NoticeWords {
  std::string title;    // begins the subject line
  std::string opening;  // what happened
  std::string closing;  // what happens next; may be empty
  bool asks_to_decide = false;
};

NoticeWords Japanese(const NoticeFacts& facts);
NoticeWords English(const NoticeFacts& facts);

// The labels of what both say in the same order.
struct NoticeLabels {
  std::string_view subject, from, to, files, why, remedy, comment, more, approve, reject, release, recall, open;
};
const NoticeLabels& LabelsOf(Language language);

// A deadline as its reader counts: Japanese in Japan's time, English in UTC.
std::string FormatDue(TimePoint due, Language language);
// "body line 3" → "本文 3行目".
std::string JapanesePlace(std::string_view place);

}  // namespace sekisho::approval

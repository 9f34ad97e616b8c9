#pragma once
// From a mail's journal events to its trace. Pure.
//
// Events of several stages arrive in no strict order. A recipient's state is its terminal state when it has one (the
// first, in event order), else that of its latest event that gives one.

#include <string>
#include <vector>

#include "sekisho/ledger/v1/ledger.pb.h"
#include "sekisho/mail/v1/mail.pb.h"
#include "shared/base/ids.h"

namespace sekisho::ledger {

struct JournalEntry {
  EventId id;
  mail::v1::JournalEvent event;
};

// `entries` in any order, all of one mail.
v1::Trace FoldTrace(const MailId& mail, std::vector<JournalEntry> entries);

bool IsTerminal(mail::v1::RecipientState state);
std::string StageName(mail::v1::Stage stage);  // "delivery"

}  // namespace sekisho::ledger

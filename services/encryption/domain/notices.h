#pragma once
// What a sender is told: a password to pass on, or why a mail could not be sealed. Japanese and English, the sender's language first.
// Pure.

#include <string>
#include <vector>

#include "services/encryption/domain/sealer.h"
#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::encryption {

struct NoticeAbout {
  std::string from;                     // our address
  std::string to;                       // the sender
  std::string language;                 // "ja" or "en"
  std::string subject;                  // of the mail
  std::vector<std::string> recipients;  // of the parcel
  TimePoint date;
  std::string message_id;               // of the notice
};

Result<std::string> WritePasswordNotice(const NoticeAbout& about, const Secret<std::string>& password);
Result<std::string> WriteRefusalNotice(const NoticeAbout& about, const Refusal& refusal);

std::string PasswordSubject(const NoticeAbout& about);
std::string RefusalSubject(const NoticeAbout& about);

}  // namespace sekisho::encryption

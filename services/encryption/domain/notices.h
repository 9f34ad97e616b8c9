#pragma once
// What a sender is told: a password to pass on, or why a mail could not be sealed. Japanese and English, the sender's
// language first. Pure.

#include <string>
#include <vector>

#include "services/encryption/domain/sealer.h"
#include "shared/base/secret.h"
#include "shared/notice/body.h"
#include "shared/notice/letter.h"

namespace sekisho::encryption {

struct NoticeAbout {
  std::string to;  // the sender
  notice::Language language = notice::Language::kJapanese;
  std::string subject;                  // of the mail
  std::vector<std::string> recipients;  // of the parcel
};

notice::Letter WritePasswordNotice(const NoticeAbout& about, const Secret<std::string>& password);
notice::Letter WriteRefusalNotice(const NoticeAbout& about, const Refusal& refusal);

}  // namespace sekisho::encryption

#pragma once
// For topics `cleared` (seal and hand on) and `outcome` (tell the sender the password once the peer has the mail).

#include "services/encryption/adapters/key_book.h"
#include "services/encryption/adapters/system_mail.h"
#include "services/encryption/domain/notices.h"
#include "services/encryption/domain/sealer.h"
#include "shared/content/content.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

struct Names {
  std::string hostname;
  std::string notice_from;        // "postmaster@example.jp"
  std::string default_language;
};

class Processor final : public stage::Processor {
 public:
  // All outlive it.
  Processor(const stage::Surroundings& surroundings, content::Store& content, const KeyBook& book, Names names)
      : around_(surroundings), content_(content), book_(book), names_(std::move(names)) {}

  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  Result<stage::Effects> OnCleared(const stage::Input& input);
  Result<stage::Effects> OnOutcome(const stage::Input& input);
  Result<SealRequest> MakeRequest(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement,
                                  std::string_view octets) const;
  Result<stage::Effects> HandOn(const stage::Input& input, mail::v1::Parcel parcel, const Sealed& sealed);
  Result<stage::Effects> Refuse(const stage::Input& input, const mail::v1::Parcel& parcel, const Error& error);
  NoticeAbout About(const mail::v1::Submitter& submitter, const std::string& mail_from, const std::string& subject,
                    const MailId& notice) const;

  const stage::Surroundings around_;
  content::Store& content_;
  const KeyBook& book_;
  const Names names_;
};

}  // namespace sekisho::encryption

#pragma once
// For topics `cleared` (seal and hand on, or refuse and return) and `outcome` (tell the sender the password once a peer
// has the mail).

#include "services/encryption/adapters/key_book.h"
#include "services/encryption/adapters/password_table.h"
#include "services/encryption/domain/sealer.h"
#include "shared/content/content.h"
#include "shared/notice/writer.h"
#include "shared/stage/stage.h"

namespace sekisho::encryption {

class Processor final : public stage::Processor {
 public:
  // All outlive it. `limits`: those that policy parses mails under.
  Processor(const stage::Surroundings& surroundings, content::Store& content, KeyBook& book, const mime::Limits& limits,
            notice::Writer::Options notices)
      : around_(surroundings),
        content_(content),
        book_(book),
        limits_(limits),
        notices_(std::move(notices), surroundings, content) {}

  Result<stage::Effects> Process(const stage::Input& input) override;

 private:
  Result<stage::Effects> OnCleared(const stage::Input& input);
  Result<stage::Effects> OnOutcome(const stage::Input& input);
  SealRequest MakeRequest(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement,
                          std::string_view octets) const;
  Result<stage::Effects> HandOn(const stage::Input& input, mail::v1::Parcel parcel, const Sealed& sealed,
                                std::shared_ptr<content::Staged> staged);
  Result<stage::Effects> Refuse(const stage::Input& input, const mail::v1::Parcel& parcel, const Refusal& refusal);
  Result<notice::SystemMail> WritePasswordMail(const PasswordRow& row) const;

  const stage::Surroundings around_;
  content::Store& content_;
  KeyBook& book_;
  const mime::Limits limits_;
  const notice::Writer notices_;
};

}  // namespace sekisho::encryption

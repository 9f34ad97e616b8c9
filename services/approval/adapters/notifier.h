#pragma once
// Writes notices and hands them to delivery as system mail: null sender, never judged, a mail of its own with its own
// key. Writing touches the content store and may block; publishing belongs into a transaction. Thread safe.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "services/approval/domain/authority.h"
#include "services/approval/domain/notice.h"
#include "shared/content/content.h"
#include "shared/stage/stage.h"

namespace sekisho::approval {

struct Notice {
  MailId mail;
  keys::MailKey key;
  std::shared_ptr<content::Staged> content;
  mail::v1::Parcel parcel;
  std::string about;  // the mail it tells of
};

struct Reader {
  std::string address;
  std::string language;  // "ja", "en"; empty: the organisation's
};

// A returned mail that is larger comes back as its header only: with the notice around it, it must still fit where it
// goes.
inline constexpr size_t kMaxReturned = 10 << 20;

class Notifier {
 public:
  struct Options {
    std::string hostname;
    std::string from_address;  // of notices
    std::string link_base_url;
    Language language = Language::kJapanese;
  };
  // The surroundings and `content` outlive it.
  Notifier(Options options, const stage::Surroundings& around, content::Store& content);

  // `original`: the mail to return with it; null for none. Errors: those of the content store and of mime::BuildMail.
  Result<std::shared_ptr<Notice>> Write(NoticeFacts facts, const Reader& reader, const std::string* original) const;

  static Status Publish(const Notice& notice, store::Tx& tx, stage::Outbox& outbox);

 private:
  const Options options_;
  const stage::Surroundings around_;
  content::Store& content_;
};

// Who is told as the sender of `parcel`: the person who sent it, else its MAIL FROM; none when there is neither.
std::optional<Reader> SenderOf(const mail::v1::Parcel& parcel, const Authority& authority);

// What every notice about `parcel` says.
NoticeFacts FactsOf(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Authority& authority);

}  // namespace sekisho::approval

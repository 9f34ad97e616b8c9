#pragma once
// Writes notices, with the mail that they return. Writing touches the content store and may block; publishing belongs
// into a transaction. Thread safe.

#include <optional>
#include <string>
#include <vector>

#include "services/approval/domain/authority.h"
#include "services/approval/domain/notice.h"
#include "shared/mime/model.h"
#include "shared/notice/writer.h"

namespace sekisho::approval {

struct Notices {
  std::vector<notice::SystemMail> written;
  std::string unwritten;  // why one could not be written; empty when all could

  Status Publish(store::Tx& tx, stage::Outbox& outbox) const;
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
  // `link_base_url`: of the console; may be empty. `limits`: those that policy reads mails under. The writer's needs
  // outlive it.
  Notifier(notice::Writer writer, std::string link_base_url, const mime::Limits& limits)
      : writer_(std::move(writer)), link_base_url_(std::move(link_base_url)), limits_(limits) {}

  // Adds to `notices`. `original`: the mail to return with it; null for none. A notice that can't be written must not
  // keep a mail from being held or decided: why it can't is in `unwritten`. Errors: only those that may pass.
  Status Write(NoticeFacts facts, const Reader& reader, const std::string* original, Notices& notices) const;

 private:
  const notice::Writer writer_;
  const std::string link_base_url_;
  const mime::Limits limits_;
};

// Who is told as the sender of `parcel`: the person who sent it, else its MAIL FROM; none when there is neither.
std::optional<Reader> SenderOf(const mail::v1::Parcel& parcel, const Authority& authority);

// What every notice about `parcel` says.
NoticeFacts FactsOf(const mail::v1::Parcel& parcel, const mail::v1::Judgement& judgement, const Authority& authority);

}  // namespace sekisho::approval

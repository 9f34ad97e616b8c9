#pragma once
// Makes a letter a mail of its own: its own id and key, stored content, the null sender. Published inside a transaction
// it enters at `sealed`, where only delivery is ahead of it.

#include <memory>
#include <string>

#include "sekisho/config/v1/config.pb.h"
#include "shared/content/content.h"
#include "shared/notice/body.h"
#include "shared/notice/letter.h"
#include "shared/stage/stage.h"

namespace sekisho::notice {

// A mail that is written and stored, and that nobody knows of yet. Unpublished, its content is removed with it.
struct SystemMail {
  MailId id;
  keys::MailKey key;
  std::shared_ptr<content::Staged> content;
  mail::v1::Parcel parcel;
  mail::v1::JournalEvent accepted;  // the first entry of its own timeline

  // Inside a transaction, perhaps twice.
  Status Publish(store::Tx& tx, stage::Outbox& outbox) const;
};

// Thread safe.
class Writer {
 public:
  struct Options {
    std::string hostname;  // in Message-IDs
    std::string from;      // "postmaster@example.jp": a person reads it (RFC 3464 §2)
    Language default_language = Language::kJapanese;
  };
  // The surroundings and `content` outlive it.
  Writer(Options options, const stage::Surroundings& around, content::Store& content)
      : options_(std::move(options)), around_(around), content_(content) {}

  // `about`: the mail it tells of, for the journal. Touches the content store and may block.
  // Errors: those of the content store and the key ring; kInvalid when it can't be composed.
  Result<SystemMail> Write(const Letter& letter, const MailId& about) const;

  // The language of who reads `code` ("ja", "en"); the organisation's when that says nothing.
  Language LanguageFor(std::string_view code) const { return LanguageOf(code, options_.default_language); }

 private:
  const Options options_;
  const stage::Surroundings around_;
  content::Store& content_;
};

Writer::Options OptionsOf(const config::v1::Organization& organization);

}  // namespace sekisho::notice

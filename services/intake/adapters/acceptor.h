#pragma once
// Makes a mail durable: content, the intake row, and the record for policy, in one transaction. Nothing is acknowledged
// before. Both doors use it, SMTP and gRPC. Thread safe; one Incoming belongs to one thread at a time.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sekisho/mail/v1/mail.pb.h"
#include "services/intake/domain/ownership.h"
#include "shared/content/content.h"
#include "shared/mime/model.h"
#include "shared/stage/stage.h"

namespace sekisho::intake {

// Everything about a mail but its octets. The caller has checked MAIL FROM, the recipients and their number.
struct Submission {
  mail::v1::Envelope envelope;
  std::vector<mail::v1::Recipient> recipients;
  mail::v1::Submitter submitter;
  MaySendAs may_send_as;  // for From and Sender
  // gRPC only: a request id that the principal chose, and the digest of what it asked, to tell a repeat from a reuse.
  std::string request_id;
  std::string request_digest;
};

struct Accepted {
  MailId mail;
  TimePoint at{};
};

struct AcceptorLimits {
  size_t message_octets = 50 << 20;
  size_t received_hops = 50;
  uint64_t backlog = 100'000;  // records that policy has not judged
  mime::Limits header;
};

class Incoming {
 public:
  virtual ~Incoming() = default;  // not finished: nothing remains
  // Errors: kLimit (message size), kExhausted (disk), kUnavailable.
  virtual Status Append(std::string_view octets) = 0;
  // `done` is called once, on the database's thread, after the mail is durable or was refused.
  // Errors: kPermission and kInvalid (From or Sender), kPrecondition (too many hops: a loop), kLimit (header),
  // kExhausted, kUnavailable, kExists (request id). Blocks on disk for large mail only.
  virtual void Finish(std::function<void(Result<Accepted>)> done) = 0;
};

class Acceptor {
 public:
  // `surroundings` and `content` outlive it; `backlog` answers how many records wait for policy.
  Acceptor(const stage::Surroundings& surroundings, content::Store& content, const AcceptorLimits& limits,
           std::function<uint64_t()> backlog);

  // Makes its tables.
  Status Migrate();

  // Errors: kExhausted when the backlog or the disk is full: the caller answers 452 or RESOURCE_EXHAUSTED.
  Result<std::unique_ptr<Incoming>> Begin(Submission submission);

 private:
  class IncomingMail;
  stage::Surroundings around_;
  content::Store& content_;
  const AcceptorLimits limits_;
  const std::function<uint64_t()> backlog_;
  stage::Committer committer_;
};

}  // namespace sekisho::intake

#include "services/intake/adapters/acceptor.h"

#include "services/intake/adapters/tables.h"
#include "shared/stage/proto_time.h"
#include "shared/text/utf8.h"

namespace sekisho::intake {
namespace {

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

}  // namespace

// One mail on its way in.
class Acceptor::IncomingMail final : public Incoming {
 public:
  IncomingMail(Acceptor& acceptor, Submission submission, keys::MailKey key)
      : acceptor_(acceptor), submission_(std::move(submission)), key_(std::move(key)) {
    accepted_.at = acceptor_.around_.clock.Now();
    accepted_.mail = MailId::Generate(accepted_.at);
    writer_ = acceptor_.content_.Create(key_, accepted_.mail, "d0");
  }

  Status Append(std::string_view octets) override {
    size_ += octets.size();
    if (size_ > acceptor_.limits_.message_octets) {
      return MakeError(Code::kLimit,
                       "the mail is larger than " + std::to_string(acceptor_.limits_.message_octets) + " octets");
    }
    KeepHeader(octets);
    return writer_->Append(octets);
  }

  void Finish(std::function<void(Result<Accepted>)> done) override {
    if (Status fit = CheckHeader(); !fit.ok()) return done(std::move(fit).error());
    auto staged = writer_->Finish();
    if (!staged.ok()) return done(std::move(staged).error());
    auto mail = std::make_shared<mail::v1::Mail>(MakeMail((*staged)->ref()));
    auto result = std::make_shared<Accepted>(accepted_);
    auto submission = std::make_shared<Submission>(std::move(submission_));
    acceptor_.committer_.Commit(
        [this_acceptor = &acceptor_, key = key_, staged = *staged, mail, result, submission, accepted = accepted_,
         subject = subject_](store::Tx& tx, stage::Outbox& outbox) {
          *result = accepted;
          return Write(*this_acceptor, key, *staged, *mail, *submission, subject, *result, tx, outbox);
        },
        [done = std::move(done), result](const Status& status) {
          if (status.ok())
            done(*result);
          else
            done(status.error());
        });
  }

 private:
  // The octets up to the empty line, kept for the checks that need the header.
  void KeepHeader(std::string_view octets) {
    if (header_whole_ || header_.size() > acceptor_.limits_.header.header_octets + kHeaderEnd.size()) return;
    const size_t from = header_.size() < 3 ? 0 : header_.size() - 3;
    header_ += octets.substr(0, acceptor_.limits_.header.header_octets + kHeaderEnd.size() + 1 - header_.size());
    const size_t end = header_.find(kHeaderEnd, from);
    if (end != std::string::npos) {
      header_.resize(end + kHeaderEnd.size());
      header_whole_ = true;
    } else if (header_.starts_with("\r\n")) {
      header_.resize(2);
      header_whole_ = true;
    }
  }

  Status CheckHeader() {
    auto header = mime::ParseHeader(header_, acceptor_.limits_.header);
    if (!header.ok()) {
      // Two readings: policy holds the mail and tells its sender. A limit is said at the door.
      return header.error().code == Code::kMalformed ? Ok() : Status(std::move(header).error());
    }
    if (header->received_count > acceptor_.limits_.received_hops) {
      return MakeError(Code::kPrecondition, "too many hops (" + std::to_string(header->received_count) +
                                                " Received fields): this mail goes round in a loop");
    }
    subject_ = header->subject;
    return CheckHeaderSenders(*header, submission_.may_send_as);
  }

  mail::v1::Mail MakeMail(const content::ContentRef& ref) const {
    mail::v1::Mail mail;
    mail.set_organization_id(acceptor_.around_.organization_id);
    mail.set_mail_id(std::string(accepted_.mail.octets()));
    *mail.mutable_envelope() = submission_.envelope;
    for (const mail::v1::Recipient& recipient : submission_.recipients) *mail.add_recipients() = recipient;
    *mail.mutable_content() = ref;
    *mail.mutable_submitter() = submission_.submitter;
    *mail.mutable_accepted_at() = ToProto(accepted_.at);
    return mail;
  }

  static Status Write(Acceptor& acceptor, const keys::MailKey& key, content::Staged& staged, const mail::v1::Mail& mail,
                      const Submission& submission, const std::string& subject, Accepted& result, store::Tx& tx,
                      stage::Outbox& outbox) {
    keys::KeyRing& keys = acceptor.around_.keys;
    MailRow row;
    row.mail = result.mail;
    SEKISHO_TRY(row.owner, keys.BlindIndex("principal", submission.submitter.principal()));
    if (!submission.request_id.empty()) {
      // The row decides: of two replicas that are asked the same at once, the second waits here for the first.
      SEKISHO_TRY(const bool first, InsertRequest(tx, row.owner, submission.request_id,
                                                  {result.mail, submission.request_digest, result.at}));
      if (!first) {
        SEKISHO_TRY(const auto earlier, FindRequest(tx, row.owner, submission.request_id));
        if (!earlier) return MakeError(Code::kUnavailable, "this request_id is being forgotten; try again");
        if (earlier->digest != submission.request_digest) {
          return MakeError(Code::kExists, "this request_id was used before for another mail; choose a new one");
        }
        result = Accepted{earlier->mail, earlier->at};
        return Ok();
      }
    }
    SEKISHO_RETURN_IF_ERROR(staged.Attach(tx));
    SEKISHO_TRY(row.sealed_mail, keys.Seal(key, "intake.mail", mail.SerializeAsString()));
    SEKISHO_RETURN_IF_ERROR(InsertMail(tx, row, mail.recipients_size()));
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kSubmitted, key, result.mail, mail));

    mail::v1::JournalEvent event;
    event.set_mail_id(mail.mail_id());
    event.set_type("accepted");
    event.set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
    for (const auto& recipient : mail.recipients()) event.add_recipients(recipient.address());
    *event.mutable_at() = mail.accepted_at();
    event.set_actor(mail.submitter().principal());
    event.set_principal(mail.submitter().principal());
    event.set_detail("accepted by " + mail.submitter().protocol());
    event.set_content_sha256(mail.content().sha256());
    event.set_mail_from(mail.envelope().mail_from());
    event.set_subject(std::string(text::TruncateUtf8(subject, 600)));
    event.set_size(mail.content().size());
    return outbox.Journal(key, std::move(event));
  }

  Acceptor& acceptor_;
  Submission submission_;
  const keys::MailKey key_;
  Accepted accepted_;
  std::unique_ptr<content::Writer> writer_;
  std::string header_, subject_;
  bool header_whole_ = false;
  size_t size_ = 0;
};

Acceptor::Acceptor(const stage::Surroundings& surroundings, content::Store& content, const AcceptorLimits& limits,
                   std::function<uint64_t()> backlog)
    : around_(surroundings),
      content_(content),
      limits_(limits),
      backlog_(std::move(backlog)),
      committer_(surroundings, "intake") {}

Status Acceptor::Migrate() {
  SEKISHO_RETURN_IF_ERROR(stage::MigrateStageTables(around_.database, "intake"));
  return MigrateTables(around_.database);
}

Result<std::unique_ptr<Incoming>> Acceptor::Begin(Submission submission) {
  if (content_.FreeOctets() == 0) return MakeError(Code::kExhausted, "the disk is full; try again later");
  if (backlog_() >= limits_.backlog)
    return MakeError(Code::kExhausted, "too many mails wait to be judged; try again later");
  SEKISHO_TRY(keys::MailKey key, around_.keys.NewMailKey(around_.clock.Now()));
  return std::unique_ptr<Incoming>(new IncomingMail(*this, std::move(submission), std::move(key)));
}

}  // namespace sekisho::intake

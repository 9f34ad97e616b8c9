#include "services/intake/adapters/intake_rpc.h"

#include <future>
#include <set>

#include "services/intake/domain/envelope.h"
#include "services/intake/domain/ownership.h"
#include "services/intake/domain/structured_mail.h"
#include "services/intake/domain/watch_position.h"
#include "shared/base/bytes.h"
#include "shared/crypto/digest.h"
#include "shared/rpc/error.h"
#include "shared/rpc/peers.h"
#include "shared/smtp/content_checker.h"
#include "shared/stage/proto_time.h"

namespace sekisho::intake {
namespace {

constexpr char kService[] = "/sekisho.intake.v1.IntakeService/";
constexpr auto kPollEvery = std::chrono::milliseconds(150);
constexpr auto kRecallPatience = std::chrono::seconds(3);
constexpr int kMostWatches = 48;  // of the server's threads
constexpr size_t kLongestRequestId = 128;

// ErrorInfo reasons of SubmitMail and UploadMail; docs/security.md lists them.
std::string_view SubmitReason(Code code) {
  switch (code) {
    case Code::kPermission:
      return "SENDER_NOT_OWNED";
    case Code::kExists:
      return "REQUEST_ID_REUSED";
    case Code::kExhausted:
      return "QUEUE_FULL";
    case Code::kLimit:
      return "MESSAGE_TOO_LARGE";
    default:
      return {};
  }
}

grpc::Status SubmitError(const Error& error) { return rpc::ToStatus(error, SubmitReason(error.code)); }

// Tells a repeated request from another one under the same id.
std::string DigestOf(v1::SubmitMailRequest request) {
  request.clear_request_id();
  return crypto::Sha256(request.SerializeAsString());
}

bool IsRequestId(std::string_view text) {
  return text.size() <= kLongestRequestId &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

// Who calls, or the status to give back.
#define SEKISHO_PRINCIPAL(method)                                                                     \
  const auto authenticated = authenticator_.Authenticate(*context, std::string(kService) + (method)); \
  if (!authenticated.ok()) return rpc::ToStatus(authenticated.error());                               \
  [[maybe_unused]] const rpc::Principal& principal = *authenticated

IntakeRpc::IntakeRpc(const IntakeRpcOptions& options, const stage::Surroundings& surroundings, Acceptor& acceptor,
                     const Traces& traces, directory::Directory& directory, const rpc::Authenticator& authenticator,
                     CheckMailFn check_mail)
    : options_(options),
      around_(surroundings),
      acceptor_(acceptor),
      traces_(traces),
      directory_(directory),
      authenticator_(authenticator),
      check_mail_(std::move(check_mail)),
      committer_(surroundings, "intake") {}

Result<Submission> IntakeRpc::MakeSubmission(const rpc::Principal& principal, const grpc::ServerContext& context,
                                             const std::string& mail_from,
                                             const google::protobuf::RepeatedPtrField<std::string>& recipients,
                                             const std::string& request_id) const {
  Submission submission;
  if (!IsRequestId(request_id)) {
    return MakeError(Code::kInvalid, "request_id: at most 128 printable ASCII characters without spaces");
  }
  const auto from = smtp::ParseMailbox(mail_from, true);
  if (!from.ok()) return Annotate(from.error(), "mail_from");
  SEKISHO_TRY(*submission.envelope.mutable_mail_from(), CanonicalAddress(*from));
  bool smtputf8 = from->needs_smtputf8;
  if (recipients.empty()) return MakeError(Code::kInvalid, "recipients: at least one is needed");
  if (static_cast<size_t>(recipients.size()) > options_.max_recipients) {
    return MakeError(Code::kInvalid, "recipients: at most " + std::to_string(options_.max_recipients));
  }
  std::set<std::string> seen;
  for (int i = 0; i < recipients.size(); ++i) {
    smtp::RcptTo rcpt;
    auto mailbox = smtp::ParseMailbox(recipients[i], true);
    if (!mailbox.ok()) return Annotate(mailbox.error(), "recipients[" + std::to_string(i) + "]");
    rcpt.path.mailbox = *std::move(mailbox);
    smtputf8 = smtputf8 || rcpt.path.mailbox.needs_smtputf8;
    SEKISHO_TRY(mail::v1::Recipient recipient, MakeRecipient(rcpt));
    if (seen.insert(recipient.address()).second) submission.recipients.push_back(std::move(recipient));
  }
  submission.envelope.set_smtputf8(smtputf8);
  submission.envelope.set_body_8bit(true);
  submission.submitter.set_kind(mail::v1::Submitter::KIND_GRPC);
  submission.submitter.set_principal(principal.login);
  submission.submitter.set_peer(rpc::AddressOfPeer(context.peer()));
  submission.submitter.set_protocol("gRPC");
  submission.submitter.set_display_language(principal.language);
  submission.request_id = request_id;
  const auto directory = directory_.Current();
  submission.may_send_as = [directory, login = principal.login](std::string_view address) {
    return directory->MaySendAs(login, address);
  };
  SEKISHO_RETURN_IF_ERROR(CheckMailFrom(submission.envelope.mail_from(), false, submission.may_send_as));
  return submission;
}

Result<std::string> IntakeRpc::RawOf(const v1::SubmitMailRequest& request) const {
  if (request.has_structured()) {
    return BuildStructured(request.structured(), request.mail_from(), around_.clock.Now(), options_.hostname);
  }
  if (request.raw().empty()) return MakeError(Code::kInvalid, "raw: the mail is empty; give raw or structured");
  smtp::ContentChecker checker;
  checker.Check(request.raw());
  checker.Finish();
  if (!checker.defect().ok()) return Annotate(checker.defect().error(), "raw");
  return request.raw();
}

grpc::Status IntakeRpc::Finish(Incoming& incoming, v1::SubmitMailResponse* response) {
  std::promise<Result<Accepted>> promise;
  incoming.Finish([&](Result<Accepted> accepted) { promise.set_value(std::move(accepted)); });
  const Result<Accepted> accepted = promise.get_future().get();
  if (!accepted.ok()) return SubmitError(accepted.error());
  response->set_mail_id(accepted->mail.ToString());
  *response->mutable_accepted_at() = ToProto(accepted->at);
  return grpc::Status::OK;
}

grpc::Status IntakeRpc::SubmitMail(grpc::ServerContext* context, const v1::SubmitMailRequest* request,
                                   v1::SubmitMailResponse* response) {
  SEKISHO_PRINCIPAL("SubmitMail");
  auto submission =
      MakeSubmission(principal, *context, request->mail_from(), request->recipients(), request->request_id());
  if (!submission.ok()) return SubmitError(submission.error());
  submission->request_digest = DigestOf(*request);
  const auto raw = RawOf(*request);
  if (!raw.ok()) return SubmitError(raw.error());
  const auto incoming = acceptor_.Begin(*std::move(submission));
  if (!incoming.ok()) return SubmitError(incoming.error());
  if (const Status appended = (*incoming)->Append(*raw); !appended.ok()) return SubmitError(appended.error());
  return Finish(**incoming, response);
}

grpc::Status IntakeRpc::UploadMail(grpc::ServerContext* context, grpc::ServerReader<v1::UploadMailRequest>* reader,
                                   v1::SubmitMailResponse* response) {
  SEKISHO_PRINCIPAL("UploadMail");
  v1::UploadMailRequest piece;
  if (!reader->Read(&piece) || !piece.has_header()) return rpc::BadRequest({{"header", "must come first"}});
  const v1::UploadHeader header = piece.header();
  if (header.size() > options_.max_message_octets) {
    return SubmitError(
        MakeError(Code::kLimit, "the mail is larger than " + std::to_string(options_.max_message_octets) + " octets"));
  }
  auto submission = MakeSubmission(principal, *context, header.mail_from(), header.recipients(), header.request_id());
  if (!submission.ok()) return SubmitError(submission.error());
  // The whole content must be known before a repeat can be told: the digest is over header and pieces.
  crypto::Sha256Stream digest;
  digest.Update(header.mail_from());
  for (const auto& recipient : header.recipients()) digest.Update("\n" + recipient);
  digest.Update("\n\n");
  std::string octets;
  octets.reserve(header.size());
  smtp::ContentChecker checker;
  while (reader->Read(&piece)) {
    if (!piece.has_data()) return rpc::BadRequest({{"header", "must come once"}});
    if (octets.size() + piece.data().size() > header.size())
      return rpc::BadRequest({{"data", "is more than header.size said"}});
    checker.Check(piece.data());
    octets += piece.data();
  }
  checker.Finish();
  if (!checker.defect().ok()) return SubmitError(Annotate(checker.defect().error(), "data"));
  if (octets.size() != header.size()) return rpc::BadRequest({{"data", "is less than header.size said"}});
  digest.Update(octets);
  submission->request_digest = digest.Finish();
  const auto incoming = acceptor_.Begin(*std::move(submission));
  if (!incoming.ok()) return SubmitError(incoming.error());
  if (const Status appended = (*incoming)->Append(octets); !appended.ok()) return SubmitError(appended.error());
  octets = std::string();
  return Finish(**incoming, response);
}

bool IntakeRpc::MayCheck(const std::string& login) {
  const std::scoped_lock lock(mutex_);
  const auto now = around_.clock.Steady();
  auto& [since, count] = checks_[login];
  if (now - since >= std::chrono::minutes(1)) {
    since = now;
    count = 0;
  }
  return ++count <= options_.checks_per_minute;
}

grpc::Status IntakeRpc::CheckMail(grpc::ServerContext* context, const v1::CheckMailRequest* request,
                                  v1::CheckMailResponse* response) {
  SEKISHO_PRINCIPAL("CheckMail");
  if (!MayCheck(principal.login)) {
    return rpc::ToStatus(MakeError(Code::kExhausted, "too many checks; wait a minute"), "TOO_MANY_CHECKS");
  }
  const v1::SubmitMailRequest& mail = request->mail();
  const auto submission = MakeSubmission(principal, *context, mail.mail_from(), mail.recipients(), "");
  if (!submission.ok()) return SubmitError(submission.error());
  auto raw = RawOf(mail);
  if (!raw.ok()) return SubmitError(raw.error());
  policy::v1::CheckMailRequest question;
  question.set_mail_from(submission->envelope.mail_from());
  question.set_principal(principal.login);
  for (const auto& recipient : submission->recipients) question.add_recipients(recipient.address());
  if (const auto header = mime::ParseHeader(*raw); header.ok()) {  // else the mail would be held, which the answer says
    const Status owned = CheckHeaderSenders(*header, submission->may_send_as);
    if (!owned.ok()) return SubmitError(owned.error());
  }
  // Before the answer: whoever asks what would pass leaves a trace.
  if (const Status kept = JournalCheck(principal, *raw, submission->recipients.size()); !kept.ok())
    return rpc::ToStatus(kept.error());
  question.set_raw(*std::move(raw));
  auto checked = check_mail_(*context, question);
  if (!checked.ok()) return rpc::ToStatus(checked.error());
  *response->mutable_parcels() = std::move(*checked->mutable_parcels());
  return grpc::Status::OK;
}

Status IntakeRpc::JournalCheck(const rpc::Principal& principal, const std::string& raw, size_t recipients) {
  const TimePoint now = around_.clock.Now();
  SEKISHO_TRY(const keys::MailKey key, around_.keys.NewMailKey(now));
  mail::v1::JournalEvent event;
  event.set_mail_id(std::string(MailId::Generate(now).octets()));
  event.set_type("checked");
  event.set_actor(principal.login);
  event.set_detail(std::to_string(recipients) + " recipients");
  event.set_content_sha256(crypto::Sha256(raw));
  return committer_.CommitAndWait(
      [key, event](store::Tx&, stage::Outbox& outbox) { return outbox.Journal(key, event); });
}

grpc::Status IntakeRpc::GetMail(grpc::ServerContext* context, const v1::GetMailRequest* request,
                                v1::GetMailResponse* response) {
  SEKISHO_PRINCIPAL("GetMail");
  const auto mail = MailId::Parse(request->mail_id());
  if (!mail.ok()) return rpc::BadRequest({{"mail_id", mail.error().detail}});
  auto trace = traces_.Find(principal, *context, *mail);
  if (!trace.ok()) return rpc::ToStatus(trace.error());
  *response->mutable_trace() = *std::move(trace);
  return grpc::Status::OK;
}

grpc::Status IntakeRpc::ListMails(grpc::ServerContext* context, const v1::ListMailsRequest* request,
                                  v1::ListMailsResponse* response) {
  SEKISHO_PRINCIPAL("ListMails");
  auto mails = traces_.List(*context, request->page_size(), request->page_token());
  if (!mails.ok()) return rpc::ToStatus(mails.error());
  *response->mutable_mails() = std::move(*mails->mutable_mails());
  response->set_next_page_token(mails->next_page_token());
  return grpc::Status::OK;
}

bool IntakeRpc::WaitALittle() {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, kPollEvery, [&] { return stopping_; });
}

void IntakeRpc::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
}

grpc::Status IntakeRpc::WatchMail(grpc::ServerContext* context, const v1::WatchMailRequest* request,
                                  grpc::ServerWriter<v1::WatchMailResponse>* writer) {
  SEKISHO_PRINCIPAL("WatchMail");
  const auto mail = MailId::Parse(request->mail_id());
  if (!mail.ok()) return rpc::BadRequest({{"mail_id", mail.error().detail}});
  const auto resumed = WatchPosition::Parse(request->resume_token());
  if (!resumed.ok()) return rpc::BadRequest({{"resume_token", "is not one of ours"}});
  WatchPosition position = *resumed;
  struct Watch {
    std::atomic<int>& count;
    explicit Watch(std::atomic<int>& all) : count(all) { ++count; }
    ~Watch() { --count; }
  } watch(watches_);
  if (watches_ > kMostWatches)
    return rpc::ToStatus(MakeError(Code::kExhausted, "too many watches; ask GetMail, or try later"));

  bool first = request->resume_token().empty();
  while (!context->IsCancelled()) {
    auto trace = traces_.Find(principal, *context, *mail);
    if (!trace.ok()) return rpc::ToStatus(trace.error());
    const bool terminal = IsTerminal(*trace);
    v1::WatchMailResponse update;
    if (first) {
      for (const auto& event : trace->events()) position.Take(event.event_id());
      update.set_resume_token(position.ToToken());
      *update.mutable_snapshot() = *trace;
      // What intake says before the ledger knows the mail has no id; it comes again as the ledger's.
      if (trace->events_size() == 1 && trace->events(0).event_id().empty()) update.mutable_snapshot()->clear_events();
      update.set_terminal(terminal);
      if (!writer->Write(update)) return grpc::Status::OK;
    } else {
      for (const auto& event : trace->events()) {
        if (event.event_id().empty()) continue;  // intake's own, while the ledger does not know the mail
        if (!position.Take(event.event_id())) continue;
        update.set_resume_token(position.ToToken());
        *update.mutable_event() = event;
        if (!writer->Write(update)) return grpc::Status::OK;
      }
      if (terminal) {
        update.clear_update();
        update.set_terminal(true);
        writer->Write(update);
      }
    }
    if (terminal) return grpc::Status::OK;
    first = false;
    if (!WaitALittle())
      return rpc::ToStatus(MakeError(Code::kCancelled, "the server is stopping; resume with the token"));
  }
  return grpc::Status::CANCELLED;
}

Status IntakeRpc::RequestRecall(const Traces::Own& own, const MailId& mail, const rpc::Principal& principal,
                                const google::protobuf::RepeatedPtrField<std::string>& recipients) {
  mail::v1::Control control;
  control.set_organization_id(around_.organization_id);
  control.set_mail_id(std::string(mail.octets()));
  control.set_action(mail::v1::Control::ACTION_RECALL);
  control.set_actor(principal.login);
  *control.mutable_at() = ToProto(around_.clock.Now());
  *control.mutable_recipients() = recipients;
  mail::v1::JournalEvent event;
  event.set_mail_id(control.mail_id());
  event.set_type("recall_requested");
  event.set_actor(principal.login);
  *event.mutable_recipients() = recipients;
  return committer_.CommitAndWait([&](store::Tx&, stage::Outbox& outbox) -> Status {
    SEKISHO_RETURN_IF_ERROR(outbox.Publish(bus::Topic::kControl, own.key, mail, control));
    return outbox.Journal(own.key, event);
  });
}

namespace {

v1::RecipientRecall::Answer AnswerOf(const ledger::v1::Trace& trace, const ledger::v1::TraceRecipient& recipient) {
  if (recipient.state() == mail::v1::RECIPIENT_STATE_RECALLED) return v1::RecipientRecall::ANSWER_RECALLED;
  if (IsTerminal(recipient.state())) return v1::RecipientRecall::ANSWER_TOO_LATE;
  for (const auto& event : trace.events()) {
    if (event.type() != "recall_too_late") continue;
    for (const auto& address : event.recipients()) {
      if (address == recipient.address()) return v1::RecipientRecall::ANSWER_TOO_LATE;
    }
  }
  return v1::RecipientRecall::ANSWER_PENDING;
}

}  // namespace

grpc::Status IntakeRpc::RecallMail(grpc::ServerContext* context, const v1::RecallMailRequest* request,
                                   v1::RecallMailResponse* response) {
  SEKISHO_PRINCIPAL("RecallMail");
  const auto mail = MailId::Parse(request->mail_id());
  if (!mail.ok()) return rpc::BadRequest({{"mail_id", mail.error().detail}});
  const auto own = traces_.FindOwn(principal, *mail);
  if (!own.ok()) return rpc::ToStatus(own.error());
  std::set<std::string> asked;
  for (const auto& recipient : own->mail.recipients()) {
    if (request->recipients().empty()) asked.insert(recipient.address());
  }
  for (const auto& address : request->recipients()) {
    const auto& all = own->mail.recipients();
    const bool known =
        std::any_of(all.begin(), all.end(), [&](const auto& recipient) { return recipient.address() == address; });
    if (!known) return rpc::BadRequest({{"recipients", "one of them is not a recipient of this mail"}});
    asked.insert(address);
  }
  if (const Status requested = RequestRecall(*own, *mail, principal, request->recipients()); !requested.ok()) {
    return rpc::ToStatus(requested.error());
  }
  // Most answers are there in moments; what is not is said to be pending, and WatchMail tells the rest.
  const auto give_up = std::chrono::steady_clock::now() + kRecallPatience;
  for (;;) {
    const auto trace = traces_.Find(principal, *context, *mail);
    if (!trace.ok()) return rpc::ToStatus(trace.error());
    response->clear_recipients();
    bool pending = false;
    for (const auto& recipient : trace->recipients()) {
      if (!asked.contains(recipient.address())) continue;
      auto* answer = response->add_recipients();
      answer->set_address(recipient.address());
      answer->set_answer(AnswerOf(*trace, recipient));
      pending = pending || answer->answer() == v1::RecipientRecall::ANSWER_PENDING;
    }
    if (!pending || context->IsCancelled() || std::chrono::steady_clock::now() >= give_up || !WaitALittle()) break;
  }
  return grpc::Status::OK;
}

grpc::Status IntakeRpc::GetLimits(grpc::ServerContext* context, const v1::GetLimitsRequest*,
                                  v1::GetLimitsResponse* response) {
  SEKISHO_PRINCIPAL("GetLimits");
  response->set_max_message_bytes(options_.max_message_octets);
  response->set_max_recipients(static_cast<uint32_t>(options_.max_recipients));
  response->set_max_unary_bytes(4 << 20);
  response->set_request_id_days(options_.request_id_days);
  return grpc::Status::OK;
}

}  // namespace sekisho::intake

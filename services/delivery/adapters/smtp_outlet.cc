#include "services/delivery/adapters/smtp_outlet.h"

#include <algorithm>
#include <utility>

#include "shared/base/failpoint.h"
#include "shared/text/utf8.h"

namespace sekisho::delivery {
namespace {

std::string NotifyOf(const mail::v1::Recipient& recipient) {
  using mail::v1::Recipient;
  std::string value;
  for (const int asked : recipient.notify()) {
    const char* word = asked == Recipient::NOTIFY_NEVER     ? "NEVER"
                       : asked == Recipient::NOTIFY_SUCCESS ? "SUCCESS"
                       : asked == Recipient::NOTIFY_FAILURE ? "FAILURE"
                       : asked == Recipient::NOTIFY_DELAY   ? "DELAY"
                                                            : "";
    if (*word != '\0') value += (value.empty() ? "" : ",") + std::string(word);
  }
  return value;
}

Reply ToReply(const smtp::Reply& reply) { return {reply.code, reply.enhanced, reply.Text()}; }

bool IsTaken(const std::optional<smtp::Reply>& reply) { return reply && reply->code >= 200 && reply->code <= 299; }

Step StepOf(smtp::Stage stage) {
  switch (stage) {
    case smtp::Stage::kRcpt:
      return Step::kRecipient;
    case smtp::Stage::kData:
      return Step::kData;
    case smtp::Stage::kInData:
      return Step::kContent;
    case smtp::Stage::kAfterDot:
    case smtp::Stage::kDone:
      return Step::kDot;
    default:
      return Step::kMailFrom;
  }
}

// What holds for a recipient whose own reply was positive, or never came. A final reply counts where it was one to this
// mail: a peer that went on though it had refused everybody gets an empty content, and its answer to that means
// nothing.
Disposition OfTransaction(const smtp::Sent& sent) {
  if (sent.mail && !IsTaken(sent.mail)) return OfReply(Step::kMailFrom, ToReply(*sent.mail), false);
  const bool is_final =
      sent.stage == smtp::Stage::kDone || sent.stage == smtp::Stage::kData || sent.stage == smtp::Stage::kInData;
  if (sent.final && is_final) return OfReply(StepOf(sent.stage), ToReply(*sent.final), false);
  const Error error = sent.error.value_or(MakeError(Code::kUnavailable, "the connection ended"));
  if (error.code == Code::kMalformed) return OfUnsendable(error);
  if (error.code == Code::kUnsupported) return OfMissing(Missing::k8BitMime);
  return OfFailure(StepOf(sent.stage), error);
}

class SmtpOutlet final : public Outlet {
 public:
  SmtpOutlet(std::unique_ptr<smtp::Client> client, std::string host, const Clock& clock, Metrics& metrics)
      : client_(std::move(client)), host_(std::move(host)), clock_(clock), metrics_(metrics) {}
  ~SmtpOutlet() override { client_->Quit(); }

  void Close() override { client_->Close(); }

  void Send(std::shared_ptr<const Batch> batch, std::function<void(Sent)> done) override {
    auto attempt = std::make_shared<Attempt>();
    attempt->batch = std::move(batch);
    attempt->done = std::move(done);
    attempt->report.host = host_;
    attempt->report.dsn_passed_on = client_->Offers("DSN");
    attempt->report.dispositions.resize(attempt->batch->recipients.size());
    Choose(*attempt);
    if (attempt->chosen.empty()) return attempt->done({std::move(attempt->report), client_->IsHealthy(), false});
    static_cast<void>(Failpoint("delivery.before_data"));
    attempt->began = clock_.Steady();
    client_->Send(Compose(*attempt), [this, attempt](const smtp::Sent& sent) { OnSent(*attempt, sent); });
  }

 private:
  struct Attempt {
    std::shared_ptr<const Batch> batch;
    std::vector<size_t> chosen;  // the recipients that this peer can take
    Report report;
    std::function<void(Sent)> done;
    std::chrono::steady_clock::time_point began;
  };

  // Sorts out what the peer can't take as it is.
  void Choose(Attempt& attempt) const {
    const Batch& batch = *attempt.batch;
    const mail::v1::Envelope& envelope = batch.about.envelope();
    const bool utf8_peer = client_->Offers("SMTPUTF8");
    const bool utf8_mail = !text::IsAscii(envelope.mail_from()) || (envelope.smtputf8() && batch.prepared.header_8bit);
    for (size_t i = 0; i < batch.recipients.size(); ++i) {
      std::optional<Missing> missing;
      const bool utf8 = utf8_mail || !text::IsAscii(batch.recipients[i].recipient.address());
      if (utf8 && !utf8_peer) missing = Missing::kSmtpUtf8;
      if (batch.prepared.has_8bit && !client_->Offers("8BITMIME")) missing = Missing::k8BitMime;
      if (envelope.require_tls() && !(client_->tls_verified() && client_->Offers("REQUIRETLS")))
        missing = Missing::kRequireTls;
      if (missing) {
        attempt.report.dispositions[i] = OfMissing(*missing);
      } else {
        attempt.chosen.push_back(i);
      }
    }
  }

  static smtp::Transaction Compose(const Attempt& attempt) {
    const Batch& batch = *attempt.batch;
    const mail::v1::Envelope& envelope = batch.about.envelope();
    smtp::Transaction mail;
    mail.mail_from = envelope.mail_from();
    bool utf8 = !text::IsAscii(envelope.mail_from()) || (envelope.smtputf8() && batch.prepared.header_8bit);
    for (const size_t i : attempt.chosen) {
      const mail::v1::Recipient& recipient = batch.recipients[i].recipient;
      mail.recipients.push_back({recipient.address(), NotifyOf(recipient), recipient.original_recipient()});
      utf8 = utf8 || !text::IsAscii(recipient.address());
    }
    mail.smtputf8 = utf8;
    mail.require_tls = envelope.require_tls();
    mail.envid = envelope.dsn_envid();
    if (envelope.dsn_ret() == mail::v1::Envelope::DSN_RETURN_FULL) mail.ret = "FULL";
    if (envelope.dsn_ret() == mail::v1::Envelope::DSN_RETURN_HEADERS) mail.ret = "HDRS";
    mail.content = {batch.prepared.prefix, *batch.prepared.content};
    mail.keep = attempt.batch;
    return mail;
  }

  void OnSent(Attempt& attempt, const smtp::Sent& sent) {
    if (sent.stage == smtp::Stage::kDone) static_cast<void>(Failpoint("delivery.after_dot"));
    metrics_.ObserveTransaction(std::chrono::duration_cast<Duration>(clock_.Steady() - attempt.began));
    const bool any_taken = std::any_of(sent.recipients.begin(), sent.recipients.end(), IsTaken);
    for (size_t j = 0; j < attempt.chosen.size(); ++j) {
      const auto reply = j < sent.recipients.size() ? sent.recipients[j] : std::nullopt;
      const bool refused = IsTaken(sent.mail) && reply && !IsTaken(reply);
      attempt.report.dispositions[attempt.chosen[j]] =
          refused ? OfReply(Step::kRecipient, ToReply(*reply), any_taken) : OfTransaction(sent);
    }
    const auto done = std::move(attempt.done);
    done({std::move(attempt.report), sent.reusable, sent.unanswered});
  }

  const std::unique_ptr<smtp::Client> client_;
  const std::string host_;
  const Clock& clock_;
  Metrics& metrics_;
};

}  // namespace

void SmtpOutlets::Open(const DestinationName& destination, std::function<void(Opened)> done) {
  const Route* route =
      destination.kind == DestinationName::Kind::kRoute ? routes_.FindByName(destination.name) : nullptr;
  Secret<std::string> password;
  if (const auto known = passwords_.find(destination.name); route != nullptr && known != passwords_.end())
    password = known->second;
  auto search =
      std::make_shared<HostSearch>(SearchParts{options_, resolver_, pool_, gate_}, destination, route,
                                   std::move(password), [this, done = std::move(done)](HostSearch::Found found) {
                                     metrics_.CountConnection(found.client != nullptr);
                                     Opened opened;
                                     if (found.client != nullptr) {
                                       opened.outlet = std::make_unique<SmtpOutlet>(
                                           std::move(found.client), std::move(found.host), clock_, metrics_);
                                     } else {
                                       opened.failure = {*found.failure, std::move(found.host)};
                                     }
                                     done(std::move(opened));
                                   });
  search->Start();
}

}  // namespace sekisho::delivery

#include "services/intake/adapters/smtp_receiver.h"

#include <algorithm>

#include "services/intake/domain/envelope.h"
#include "shared/observe/log.h"

namespace sekisho::intake {
namespace {

// RFC 3848: how the mail came, for the trace.
std::string ProtocolOf(const smtp::Peer& peer, bool smtputf8) {
  if (!peer.extended) return "SMTP";
  return std::string(smtputf8 ? "UTF8SMTP" : "ESMTP") + (peer.tls.empty() ? "" : "S") + (peer.login.empty() ? "" : "A");
}

smtp::Reply Refuse(const Error& error) {
  if (error.code == Code::kPrecondition) return {554, "5.4.6", error.detail};  // a loop: RFC 3463 §3.5
  if (error.code == Code::kInvalid || error.code == Code::kMalformed || error.code == Code::kPermission ||
      error.code == Code::kLimit || error.code == Code::kExhausted) {
    return smtp::ReplyTo(error);
  }
  observe::Log(observe::Level::kError, "intake.refused", {{"error", error}});
  return smtp::ReplyTo(error);
}

}  // namespace

void SmtpReceiver::OnAuth(const smtp::Peer& peer, std::string login, Secret<std::string> password, Answer answer) {
  const bool demo_allowed = door_.demo_allowed && peer.loopback;
  const bool posted = door_.blocking.TryPost(
      [&directory = door_.directory, demo_allowed, login = std::move(login), password = std::move(password), answer] {
        const Status verified = directory.VerifyPassword(login, password, demo_allowed);
        if (verified.ok()) return answer(smtp::Reply(235, "2.7.0", "welcome"));
        if (verified.error().code == Code::kUnauthenticated) {
          return answer(smtp::Reply(535, "5.7.8", "the login or the password is wrong"));
        }
        answer(smtp::Reply(454, "4.7.0", "logins cannot be checked now; try again"));
      });
  if (!posted) answer(smtp::Reply(454, "4.7.0", "too many logins at once; try again"));
}

Status SmtpReceiver::Begin(const smtp::Peer& peer, const smtp::MailFrom& mail) {
  submission_ = Submission();
  SEKISHO_TRY(submission_.envelope, MakeEnvelope(mail));
  mail::v1::Submitter& submitter = submission_.submitter;
  submitter.set_kind(door_.kind);
  submitter.set_peer(peer.address);
  submitter.set_helo(peer.hello);
  submitter.set_protocol(ProtocolOf(peer, mail.smtputf8));
  submitter.set_tls(peer.tls);
  submitter.set_display_language(door_.default_language);
  if (door_.kind == mail::v1::Submitter::KIND_RELAY) {
    if (!door_.relay.MayConnect(peer.address, peer.certificate_sha256)) {
      return MakeError(Code::kPermission, "this host is not listed for this relay");
    }
    submitter.set_principal(door_.name);
    submission_.may_send_as = [&relay = door_.relay](std::string_view address) { return relay.MaySendAs(address); };
    return CheckMailFrom(submission_.envelope.mail_from(), true, submission_.may_send_as);
  }
  submitter.set_principal(peer.login);
  const auto snapshot = door_.directory.Current();
  const directory::User* user = snapshot->Find(peer.login);
  if (user == nullptr) return MakeError(Code::kPermission, "this login is not in the directory any more");
  if (!user->roles.contains("sender")) return MakeError(Code::kPermission, "this login has not the role sender");
  submitter.set_principal(user->login);
  if (!user->language.empty()) submitter.set_display_language(user->language);
  submission_.may_send_as = [snapshot, login = user->login](std::string_view address) {
    return snapshot->MaySendAs(login, address);
  };
  return CheckMailFrom(submission_.envelope.mail_from(), false, submission_.may_send_as);
}

void SmtpReceiver::OnMail(const smtp::Peer& peer, const smtp::MailFrom& mail, Answer answer) {
  incoming_.reset();
  size_ = 0;
  const Status begun = Begin(peer, mail);
  answer(begun.ok() ? smtp::Reply(250, "2.1.0", "ok") : Refuse(begun.error()));
}

void SmtpReceiver::OnRcpt(const smtp::RcptTo& rcpt, Answer answer) {
  auto recipient = MakeRecipient(rcpt);
  if (!recipient.ok()) return answer(smtp::Reply(501, "5.1.3", recipient.error().detail));
  auto& all = submission_.recipients;
  const bool known =
      std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.address() == recipient->address(); });
  if (!known) all.push_back(*std::move(recipient));  // given twice is delivered once
  answer(smtp::Reply(250, "2.1.5", "ok"));
}

void SmtpReceiver::OnBegin(Answer answer) {
  auto incoming = door_.acceptor.Begin(std::move(submission_));
  if (!incoming.ok()) return answer(Refuse(incoming.error()));
  incoming_ = *std::move(incoming);
  answer(smtp::Reply(354, "", "end with CRLF.CRLF"));
}

void SmtpReceiver::OnContent(std::string_view octets, Taken taken) {
  size_ += octets.size();
  taken(incoming_->Append(octets));
}

void SmtpReceiver::OnEnd(Answer answer) {
  auto done = [answer](Result<Accepted> accepted) {
    if (accepted.ok())
      answer(smtp::Reply(250, "2.0.0", "accepted as " + accepted->mail.ToString()));
    else
      answer(Refuse(accepted.error()));
  };
  if (size_ <= door_.small_content) {
    incoming_->Finish(std::move(done));
    incoming_.reset();
    return;
  }
  // The sync of a large file takes its time; the loop has other connections.
  const std::shared_ptr<Incoming> incoming = std::move(incoming_);
  if (!door_.blocking.TryPost([incoming, done] { incoming->Finish(done); })) {
    answer(smtp::Reply(452, "4.3.1", "too much large mail at once; try again later"));
  }
}

void SmtpReceiver::OnAbort() { incoming_.reset(); }

}  // namespace sekisho::intake

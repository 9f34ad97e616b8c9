#include "services/intake/domain/envelope.h"

#include "shared/text/domain.h"

namespace sekisho::intake {

Result<std::string> CanonicalAddress(const smtp::Mailbox& mailbox) {
  if (mailbox.domain.starts_with('[')) return mailbox.ToString();  // an address literal
  SEKISHO_TRY(const std::string domain, text::DomainToAscii(mailbox.domain));
  return mailbox.local_part + "@" + domain;
}

Result<mail::v1::Recipient> MakeRecipient(const smtp::RcptTo& rcpt) {
  mail::v1::Recipient recipient;
  SEKISHO_TRY(*recipient.mutable_address(), CanonicalAddress(rcpt.path.mailbox));
  if (rcpt.notify_never) recipient.add_notify(mail::v1::Recipient::NOTIFY_NEVER);
  if (rcpt.notify_success) recipient.add_notify(mail::v1::Recipient::NOTIFY_SUCCESS);
  if (rcpt.notify_failure) recipient.add_notify(mail::v1::Recipient::NOTIFY_FAILURE);
  if (rcpt.notify_delay) recipient.add_notify(mail::v1::Recipient::NOTIFY_DELAY);
  recipient.set_original_recipient(rcpt.orcpt);
  return recipient;
}

Result<mail::v1::Envelope> MakeEnvelope(const smtp::MailFrom& mail) {
  mail::v1::Envelope envelope;
  if (!mail.path.null) {
    SEKISHO_TRY(*envelope.mutable_mail_from(), CanonicalAddress(mail.path.mailbox));
  }
  envelope.set_smtputf8(mail.smtputf8);
  envelope.set_body_8bit(mail.body_8bit);
  envelope.set_require_tls(mail.require_tls);
  envelope.set_dsn_envid(mail.envid);
  if (mail.ret == smtp::MailFrom::Ret::kFull) envelope.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_FULL);
  if (mail.ret == smtp::MailFrom::Ret::kHeaders) envelope.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_HEADERS);
  return envelope;
}

}  // namespace sekisho::intake

#include "services/policy/adapters/check_mail.h"

namespace sekisho::policy {

Result<v1::CheckMailResponse> CheckMail(const Judge& judge, const v1::CheckMailRequest& request) {
  Question question;
  question.raw = std::make_shared<const std::string>(request.raw());
  question.mail_from = request.mail_from();
  question.submitter.set_kind(mail::v1::Submitter::KIND_GRPC);
  question.submitter.set_principal(request.principal());
  question.recipients.assign(request.recipients().begin(), request.recipients().end());
  SEKISHO_TRY(const v1::ExplainMailResponse explained, judge.Explain(question, ""));
  v1::CheckMailResponse response;
  for (const v1::Decision& decision : explained.decisions()) {
    intake::v1::ExpectedParcel& parcel = *response.add_parcels();
    *parcel.mutable_recipients() = decision.recipients();
    *parcel.mutable_actions() = decision.actions();
    for (const mail::v1::Reason& reason : decision.reasons()) {
      parcel.add_reasons_ja(reason.text_ja());
      parcel.add_reasons_en(reason.text_en());
    }
  }
  return response;
}

}  // namespace sekisho::policy

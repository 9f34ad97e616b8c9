// Writes what this version puts on each topic, under a key ring made for it, into a folder: README.md.
#include <google/protobuf/text_format.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "shared/bus/cloudevents.h"
#include "shared/bus/header.h"
#include "shared/crypto/digest.h"
#include "shared/keys/file_ring.h"
#include "shared/parcel/judgement.h"
#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/testing/fake_clock.h"
#include "tests/contract/golden.h"

namespace sekisho::contract {
namespace {

using bus::Topic;

class Maker {
 public:
  explicit Maker(std::string folder)
      : folder_(std::move(folder)),
        ring_(*keys::OpenFileRing(folder_ + "/ring.json", true, clock_)),
        key_(*ring_->NewMailKey(clock_.Now())),
        mail_(MailId::Generate(clock_.Now())) {}

  Status Make() {
    SEKISHO_RETURN_IF_ERROR(Write("submitted", Topic::kSubmitted, "intake", Submitted()));

    mail::v1::Treatment approval;
    approval.set_hold(mail::v1::HOLD_CLASS_APPROVAL);
    SEKISHO_TRY(const mail::v1::Parcel judged, Judged(approval, {mail::v1::STAGE_APPROVAL, mail::v1::STAGE_DELIVERY}));
    SEKISHO_RETURN_IF_ERROR(Write("judged", Topic::kJudged, "policy", judged));

    mail::v1::Treatment zip;
    zip.set_attachments(mail::v1::ATTACHMENT_SEAL_ZIP_AES256);
    SEKISHO_TRY(const mail::v1::Parcel cleared, Judged(zip, {mail::v1::STAGE_ENCRYPTION, mail::v1::STAGE_DELIVERY}));
    SEKISHO_RETURN_IF_ERROR(Write("cleared", Topic::kCleared, "policy", cleared));

    SEKISHO_TRY(const mail::v1::Parcel sealed, Judged({}, {mail::v1::STAGE_DELIVERY}));
    SEKISHO_RETURN_IF_ERROR(Write("sealed", Topic::kSealed, "policy", sealed));

    // Of the parcel on `cleared`: its password is due.
    SEKISHO_RETURN_IF_ERROR(Write("outcome", Topic::kOutcome, "delivery", Delivered(cleared)));
    SEKISHO_RETURN_IF_ERROR(Write("control", Topic::kControl, "intake", Recall()));
    SEKISHO_RETURN_IF_ERROR(Write("journal", Topic::kJournal, "intake", Accepted()));
    return WriteDeadLetter();
  }

 private:
  void Fill(mail::v1::Submitter& submitter) const {
    submitter.set_kind(mail::v1::Submitter::KIND_SUBMISSION);
    submitter.set_principal("hanako@example.jp");
    submitter.set_peer("192.0.2.1");
    submitter.set_helo("pc.example.jp");
    submitter.set_protocol("ESMTPSA");
    submitter.set_tls("TLSv1.3 TLS_AES_256_GCM_SHA384");
    submitter.set_display_language("ja");
  }
  void Fill(mail::v1::Envelope& envelope) const {
    envelope.set_mail_from("hanako@example.jp");
    envelope.set_body_8bit(true);
    envelope.set_dsn_envid("e1");
    envelope.set_dsn_ret(mail::v1::Envelope::DSN_RETURN_HEADERS);
  }
  void Fill(mail::v1::Recipient& recipient) const {
    recipient.set_address("tanaka@maker.example");
    recipient.add_notify(mail::v1::Recipient::NOTIFY_FAILURE);
    recipient.set_original_recipient("rfc822;tanaka@maker.example");
  }
  void Fill(mail::v1::ContentRef& content, const std::string& name) const {
    content.set_key(mail_.ToString() + "/" + name);
    content.set_sha256(crypto::Sha256(kGoldenMail));
    content.set_size(kGoldenMail.size());
  }

  mail::v1::Mail Submitted() const {
    mail::v1::Mail mail;
    mail.set_organization_id("example");
    mail.set_mail_id(std::string(mail_.octets()));
    Fill(*mail.mutable_envelope());
    Fill(*mail.add_recipients());
    Fill(*mail.mutable_content(), "d0");
    Fill(*mail.mutable_submitter());
    *mail.mutable_accepted_at() = ToProto(clock_.Now());
    return mail;
  }

  Result<mail::v1::Parcel> Judged(const mail::v1::Treatment& treatment, const std::vector<mail::v1::Stage>& slip) {
    const ParcelId id = ParcelId::Generate(clock_.Now());
    mail::v1::Parcel parcel;
    parcel.set_organization_id("example");
    parcel.set_mail_id(std::string(mail_.octets()));
    parcel.set_parcel_id(std::string(id.octets()));
    parcel.set_hop(1);
    Fill(*parcel.mutable_envelope());
    Fill(*parcel.add_recipients());
    Fill(*parcel.mutable_content(), "d1-" + id.ToString());
    Fill(*parcel.mutable_submitter());
    *parcel.mutable_accepted_at() = ToProto(clock_.Now());
    parcel.set_subject("仕様");

    mail::v1::Judgement judgement;
    judgement.set_organization_id("example");
    judgement.set_mail_id(parcel.mail_id());
    judgement.set_root_parcel_id(parcel.parcel_id());
    judgement.set_mail_from("hanako@example.jp");
    judgement.add_recipients("tanaka@maker.example");
    judgement.set_d0_sha256(parcel.content().sha256());
    judgement.set_d1_sha256(parcel.content().sha256());
    *judgement.mutable_treatment() = treatment;
    for (const auto stage : slip) judgement.add_slip(stage);
    judgement.set_policy_version("v1");
    auto& reason = *judgement.add_reasons();
    reason.set_rule_id("first-contact");
    reason.set_text_ja("初めての宛先です");
    reason.set_text_en("A recipient you have not written to before");
    SEKISHO_TRY(*parcel.mutable_judgement(), parcel::SignJudgement(*ring_, judgement));
    return parcel;
  }

  mail::v1::Outcome Delivered(const mail::v1::Parcel& parcel) const {
    mail::v1::Outcome outcome;
    outcome.set_organization_id("example");
    outcome.set_mail_id(parcel.mail_id());
    outcome.set_parcel_id(parcel.parcel_id());
    outcome.set_state(mail::v1::RECIPIENT_STATE_DELIVERED);
    outcome.add_recipients("tanaka@maker.example");
    Fill(*outcome.mutable_submitter());
    outcome.set_mail_from("hanako@example.jp");
    *outcome.mutable_at() = ToProto(clock_.Now());
    outcome.set_detail("250 2.0.0 Ok");
    return outcome;
  }

  mail::v1::Control Recall() const {
    mail::v1::Control control;
    control.set_organization_id("example");
    control.set_mail_id(std::string(mail_.octets()));
    control.set_action(mail::v1::Control::ACTION_RECALL);
    control.set_actor("hanako@example.jp");
    *control.mutable_at() = ToProto(clock_.Now());
    return control;
  }

  mail::v1::JournalEvent Accepted() const {
    mail::v1::JournalEvent event;
    event.set_organization_id("example");
    event.set_mail_id(std::string(mail_.octets()));
    event.set_stage(mail::v1::STAGE_INTAKE);
    event.set_type("accepted");
    event.set_state(mail::v1::RECIPIENT_STATE_ACCEPTED);
    event.add_recipients("tanaka@maker.example");
    *event.mutable_at() = ToProto(clock_.Now());
    event.set_content_sha256(crypto::Sha256(kGoldenMail));
    event.set_mail_from("hanako@example.jp");
    event.set_subject("仕様");
    event.set_size(kGoldenMail.size());
    event.set_principal("hanako@example.jp");
    return event;
  }

  bus::Header NewHeader(const std::string& source, const std::string& type) const {
    bus::Header header;
    header.id = EventId::Generate(clock_.Now());
    header.type = type;
    header.source = source;
    header.time = clock_.Now();
    header.organization_id = "example";
    header.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    return header;
  }

  Status Write(const std::string& name, Topic topic, const std::string& source,
               const google::protobuf::Message& value) {
    bus::Message message;
    message.key = mail_;
    message.header = NewHeader(source, value.GetTypeName());
    SEKISHO_TRY(message.value,
                ring_->Seal(key_, stage::ValueContext(topic, message.header.id), value.SerializeAsString()));
    SEKISHO_RETURN_IF_ERROR(stage::SignHandOver(*ring_, topic, message));
    if (topic == Topic::kSubmitted) submitted_ = message;
    return Keep(name, message, value);
  }

  // As policy writes it when it gives up the record on `submitted`.
  Status WriteDeadLetter() {
    bus::Message letter = submitted_;
    letter.header = NewHeader("policy", submitted_.header.type);
    letter.header.causation = submitted_.header.id;
    letter.header.dead_letter = bus::DeadLetter{Topic::kSubmitted, submitted_.header.id, "intake", "malformed", 8};
    return Keep("deadletter", letter, Submitted());
  }

  Status Keep(const std::string& name, const bus::Message& message, const google::protobuf::Message& value) const {
    GoldenRecord record;
    record.key = message.key.octets();
    record.cloudevent = bus::EncodeCloudEvent(message.header);
    record.header = bus::EncodeHeader(message.header);
    record.sealed = message.value;
    record.clear = value.SerializeAsString();
    std::string text;
    SEKISHO_CHECK(google::protobuf::TextFormat::PrintToString(value, &text));
    std::ofstream(folder_ + "/" + name + ".txtpb") << text;
    return WriteRecord(folder_, name, record);
  }

  const std::string folder_;
  testing::FakeClock clock_;
  const std::unique_ptr<keys::KeyRing> ring_;
  const keys::MailKey key_;
  const MailId mail_;
  bus::Message submitted_;
};

}  // namespace
}  // namespace sekisho::contract

int main(int argc, char** argv) {
  if (argc != 2 || std::filesystem::exists(std::string(argv[1]) + "/ring.json")) {
    std::cerr << "usage: make_golden FOLDER, which has no ring.json\n";
    return 2;
  }
  std::filesystem::create_directories(argv[1]);
  const sekisho::Status made = sekisho::contract::Maker(argv[1]).Make();
  if (!made.ok()) std::cerr << made.error().ToString() << '\n';
  return made.ok() ? 0 : 1;
}

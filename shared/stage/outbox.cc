#include "shared/stage/outbox.h"

#include <algorithm>

#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"

namespace sekisho::stage {
namespace {

constexpr char kUnread[] = "unread";  // the type of a dead letter without a value

mail::v1::Stage StageByName(std::string_view name) {
  for (const auto& [stage, known] : {std::pair{mail::v1::STAGE_INTAKE, "intake"},
                                     {mail::v1::STAGE_POLICY, "policy"},
                                     {mail::v1::STAGE_APPROVAL, "approval"},
                                     {mail::v1::STAGE_ENCRYPTION, "encryption"},
                                     {mail::v1::STAGE_DELIVERY, "delivery"},
                                     {mail::v1::STAGE_LEDGER, "ledger"}}) {
    if (name == known) return stage;
  }
  return mail::v1::STAGE_UNSPECIFIED;
}

}  // namespace

Status TransactionOutbox::Publish(bus::Topic topic, const keys::MailKey& key, const MailId& mail,
                                  const google::protobuf::MessageLite& value) {
  bus::Message message;
  message.key = mail;
  message.header = NewHeader();
  message.header.type = value.GetTypeName();
  SEKISHO_TRY(message.value, around_.keys.Seal(key, ValueContext(topic, message.header.id), value.SerializeAsString()));
  SEKISHO_RETURN_IF_ERROR(SignHandOver(around_.keys, topic, message));
  return Append(topic, message);
}

Status TransactionOutbox::Journal(const keys::MailKey& key, mail::v1::JournalEvent event) {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(event.mail_id()));
  event.set_organization_id(around_.organization_id);
  event.set_stage(StageByName(stage_));
  if (!event.has_at()) *event.mutable_at() = ToProto(around_.clock.Now());
  return Publish(bus::Topic::kJournal, key, mail, event);
}

Status TransactionOutbox::DeadLetter(const Kept& kept, Code cause, bool opened) {
  const bus::Message& original = kept.message;
  bus::Message letter;
  letter.key = original.key;
  letter.header = NewHeader();
  letter.header.type = kUnread;
  letter.header.causation = kept.event;
  letter.header.dead_letter =
      bus::DeadLetter{kept.topic, original.header.id, {}, std::string(CodeName(cause)), kept.attempts};
  if (opened) {
    letter.header.type = original.header.type;
    letter.header.dead_letter->source = original.header.source;
    letter.value = original.value;  // sealed, as it came
  }
  return Append(bus::Topic::kDeadLetter, letter);
}

Status TransactionOutbox::Append(bus::Topic topic, const bus::Message& message) {
  const auto& producers = RouteOf(topic).producers;
  SEKISHO_CHECK(std::find(producers.begin(), producers.end(), stage_) != producers.end());
  return around_.bus.Append(tx_, stage_, topic, message);
}

bus::Header TransactionOutbox::NewHeader() const {
  bus::Header header;
  header.time = around_.clock.Now();
  header.id = EventId::Generate(header.time);
  header.source = stage_;
  header.organization_id = around_.organization_id;
  header.traceparent = traceparent_;
  return header;
}

Committer::Committer(const Surroundings& surroundings, std::string stage)
    : around_(surroundings), stage_(std::move(stage)) {}

void Committer::Commit(Effects effects, std::function<void(Status)> done, std::string traceparent) {
  around_.database.Run(
      [around = &around_, stage = std::string_view(stage_), effects = std::move(effects),
       traceparent = std::move(traceparent)](store::Tx& tx) {
        TransactionOutbox outbox(*around, stage, tx, traceparent);
        return effects(tx, outbox);
      },
      std::move(done));
}

Status Committer::CommitAndWait(Effects effects, std::string traceparent) {
  return around_.database.RunAndWait([&](store::Tx& tx) {
    TransactionOutbox outbox(around_, stage_, tx, traceparent);
    return effects(tx, outbox);
  });
}

}  // namespace sekisho::stage

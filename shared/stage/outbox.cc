#include "shared/stage/outbox.h"

#include <algorithm>

#include "shared/stage/handover.h"
#include "shared/stage/proto_time.h"
#include "shared/stage/topology.h"

namespace sekisho::stage {
namespace {

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
  const auto& producers = RouteOf(topic).producers;
  SEKISHO_CHECK(std::find(producers.begin(), producers.end(), stage_) != producers.end());
  bus::Message message;
  message.key = mail;
  message.header.time = around_.clock.Now();
  message.header.id = EventId::Generate(message.header.time);
  message.header.type = value.GetTypeName();
  message.header.source = stage_;
  message.header.organization_id = around_.organization_id;
  message.header.traceparent = traceparent_;
  SEKISHO_TRY(message.value, around_.keys.Seal(key, ValueContext(topic, message.header.id), value.SerializeAsString()));
  SEKISHO_RETURN_IF_ERROR(SignHandOver(around_.keys, topic, message));
  return around_.bus.Append(tx_, stage_, topic, message);
}

Status TransactionOutbox::Journal(const keys::MailKey& key, mail::v1::JournalEvent event) {
  SEKISHO_TRY(const MailId mail, MailId::FromOctets(event.mail_id()));
  event.set_organization_id(around_.organization_id);
  event.set_stage(StageByName(stage_));
  if (!event.has_at()) *event.mutable_at() = ToProto(around_.clock.Now());
  return Publish(bus::Topic::kJournal, key, mail, event);
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

#include "services/ledger/adapters/recorder.h"

#include "services/ledger/adapters/tables.h"

namespace sekisho::ledger {

std::string EventContext(const EventId& event) { return "ledger.event:" + std::string(event.octets()); }

Result<stage::Effects> Recorder::Process(const stage::Input& input) {
  mail::v1::JournalEvent event;
  if (!event.ParseFromString(input.value)) return MakeError(Code::kCorrupt, "a journal event cannot be read");
  SEKISHO_TRY(std::string sealed, keys_.Seal(input.key, EventContext(input.event), input.value));
  std::string owner;
  if (event.type() == "accepted" && event.system_mail() == mail::v1::SYSTEM_MAIL_UNSPECIFIED) {
    SEKISHO_TRY(owner, keys_.BlindIndex("principal", event.principal()));
  }
  return stage::Effects([mail = input.mail, id = input.event, sealed = std::move(sealed), owner = std::move(owner)](
                            store::Tx& tx, stage::Outbox&) -> Status {
    if (!owner.empty()) SEKISHO_RETURN_IF_ERROR(InsertMail(tx, mail, owner));
    return InsertEvent(tx, mail, id, sealed);
  });
}

}  // namespace sekisho::ledger

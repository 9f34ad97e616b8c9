#pragma once
// What Sekisho itself says beside the document's rules. Internal to the domain.

#include "services/policy/domain/compiled_policy.h"

namespace sekisho::policy {

const RuleWords& UnreadableWords();       // an attachment could not be scanned
const RuleWords& ClientEncryptedWords();  // the sender's client encrypted the mail, and the document says hold
const RuleWords& ClientEncryptedApproveWords();
const RuleWords& SealedBySenderWords();  // a rule asks for a seal, but the sender signed the mail
const RuleWords& AmbiguousWords();       // kMalformed
const RuleWords& ErrorWords();           // a limit, or a failure of ours
const RuleWords& LookAlikeWords();       // no treatment: a warning beside other reasons

}  // namespace sekisho::policy

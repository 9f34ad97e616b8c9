// A policy document, and after a line "---" a text that it judges: neither may crash, hang or read out of bounds,
// whoever wrote them.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "services/policy/adapters/document_loader.h"
#include "services/policy/domain/evaluator.h"
#include "services/policy/domain/parcels.h"

namespace {

using namespace sekisho;          // NOLINT: one file
using namespace sekisho::policy;  // NOLINT

// A few steps of the patterns, whatever the machine is doing.
struct StepBudget {
  int left = 200;
  bool operator()() { return --left < 0; }
};

MailFacts MailWith(std::string_view text) {
  MailFacts mail;
  mail.mail_from = "hanako@example.jp";
  mail.recipients = {{"jiro@example.jp", false}, {"sato@partner.example", true}, {"x@partnar.example", true}};
  mail.visible_addresses = {"sato@partner.example", "x@partnar.example"};
  mail.size = text.size();
  using Where = v1::ContentCondition;
  for (const auto part : {Where::SUBJECT, Where::BODY, Where::ATTACHMENT_NAME, Where::ATTACHMENT_TEXT}) {
    mail.owned.push_back(text::Normalize(text));
    mail.texts.push_back({part, "here", part == Where::BODY, &mail.owned.back()});
  }
  AttachmentFacts file;
  file.place = "attachment 1";
  file.file_name = std::string(text.substr(0, 20));
  file.encrypted = file.unreadable = text.size() % 2 == 1;
  mail.attachments.push_back(file);
  return mail;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = std::min(input.find("\n---\n"), input.size());
  const std::string_view text = input.substr(std::min(cut + 5, input.size()));
  const LoadedDocument loaded = LoadDocument(input.substr(0, cut), "fuzz", {"example.jp"});
  SEKISHO_CHECK(loaded.problems.empty() == (loaded.policy != nullptr));
  if (!loaded.policy) return 0;
  const MailFacts mail = MailWith(text);
  StepBudget budget;
  const auto decisions = Evaluate(*loaded.policy, mail, budget);
  if (!decisions.ok()) {
    SEKISHO_CHECK(decisions.error().code == Code::kLimit);
    return 0;
  }
  size_t covered = 0;
  for (const PlannedParcel& parcel : PlanParcels(*decisions)) covered += parcel.recipients.size();
  SEKISHO_CHECK(covered == mail.recipients.size());
  return 0;
}

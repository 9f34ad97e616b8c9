#include "services/policy/domain/treatment.h"

#include <algorithm>

#include "shared/base/clock.h"

namespace sekisho::policy {
namespace {

using namespace mail::v1;  // NOLINT: the enumerators below

int64_t Micros(const google::protobuf::Duration& duration) {
  return duration.seconds() * 1'000'000 + duration.nanos() / 1'000;
}

Duration ToDuration(const google::protobuf::Duration& duration) { return Duration(Micros(duration)); }

std::string JapaneseDuration(Duration duration) {
  struct Unit {
    int64_t micros;
    const char* name;
  };
  constexpr Unit kUnits[] = {{86'400'000'000, "日"}, {3'600'000'000, "時間"}, {60'000'000, "分"}, {1'000'000, "秒"}};
  std::string text;
  int64_t left = duration.count();
  for (const Unit& unit : kUnits) {
    if (left >= unit.micros) text += std::to_string(left / unit.micros) + unit.name;
    left %= unit.micros;
  }
  return text.empty() ? "0秒" : text + (text.ends_with("時間") ? "" : "間");
}

// One thing that is done, in the two languages and for programs.
struct Action {
  std::string name, english, japanese;
};

std::vector<Action> ActionsOf(const Treatment& t) {
  std::vector<Action> actions;
  if (t.block()) return {{"block", "it is not sent", "送信しません。"}};
  switch (t.hold()) {
    case HOLD_CLASS_UNSPECIFIED:
      break;
    case HOLD_CLASS_TIMED: {
      const Duration wait = ToDuration(t.hold_for());
      actions.push_back({"hold " + FormatDuration(wait),
                         "it waits for " + FormatDuration(wait) + " and can be taken back",
                         JapaneseDuration(wait) + "保留します。"});
      break;
    }
    case HOLD_CLASS_CONFIRM:
      actions.push_back({"confirm", "it waits until the sender confirms it", "送信者の確認を待ちます。"});
      break;
    case HOLD_CLASS_APPROVAL:
      actions.push_back({"approval", "the superior must approve it", "上長の承認が必要です。"});
      break;
    case HOLD_CLASS_UNREADABLE:
      actions.push_back({"hold unreadable", "it could not be scanned and waits for the superior or a security officer",
                         "検査できないため、上長またはセキュリティ担当者の判断を待ちます。"});
      break;
    case HOLD_CLASS_AMBIGUOUS:
      actions.push_back({"hold ambiguous", "it can be read in two ways and waits for a security officer",
                         "二通りに読めるため、セキュリティ担当者の判断を待ちます。"});
      break;
    default:
      actions.push_back({"hold error", "it could not be judged and waits for an operator",
                         "判定できないため、運用担当者の対応を待ちます。"});
      break;
  }
  if (t.to_cc_to_bcc()) actions.push_back({"bcc", "its To and Cc become Bcc", "ToとCcの宛先をBccに変えます。"});
  if (t.attachments() != ATTACHMENT_SEAL_UNSPECIFIED) {
    actions.push_back(
        {"zip-aes256", "its attachments go as an AES-256 ZIP", "添付ファイルをAES-256のZIPで暗号化します。"});
  }
  if (t.smime_sign()) actions.push_back({"smime-sign", "it is signed with S/MIME", "S/MIMEで署名します。"});
  if (t.smime_encrypt()) actions.push_back({"smime-encrypt", "it is encrypted with S/MIME", "S/MIMEで暗号化します。"});
  if (actions.empty()) actions.push_back({"pass", "it goes at once", "すぐに送信します。"});
  return actions;
}

}  // namespace

Treatment TreatmentOf(const v1::Then& then) {
  Treatment treatment;
  if (then.block()) {
    treatment.set_block(true);
    return treatment;
  }
  switch (then.hold_case()) {
    case v1::Then::kHoldFor:
      treatment.set_hold(HOLD_CLASS_TIMED);
      *treatment.mutable_hold_for() = then.hold_for();
      break;
    case v1::Then::kApproval:
      treatment.set_hold(HOLD_CLASS_APPROVAL);
      if (Micros(then.approval().expire_after()) > 0)
        *treatment.mutable_expire_after() = then.approval().expire_after();
      break;
    case v1::Then::kConfirm:
      if (then.confirm()) treatment.set_hold(HOLD_CLASS_CONFIRM);
      break;
    case v1::Then::HOLD_NOT_SET:
      break;
  }
  treatment.set_to_cc_to_bcc(then.to_cc_to_bcc());
  treatment.set_smime_sign(then.smime_sign());
  treatment.set_smime_encrypt(then.smime_encrypt());
  treatment.set_attachments(then.attachments());
  return treatment;
}

Treatment Strictest(const Treatment& a, const Treatment& b) {
  Treatment both;
  if (a.block() || b.block()) {
    both.set_block(true);
    return both;
  }
  both.set_hold(std::max(a.hold(), b.hold()));
  if (both.hold() == HOLD_CLASS_TIMED) {
    const bool a_longer = Micros(a.hold_for()) >= Micros(b.hold_for());
    *both.mutable_hold_for() = a_longer ? a.hold_for() : b.hold_for();
  } else if (both.hold() != HOLD_CLASS_UNSPECIFIED) {
    for (const Treatment* each : {&a, &b}) {
      if (!each->has_expire_after()) continue;
      if (both.has_expire_after() && Micros(both.expire_after()) <= Micros(each->expire_after())) continue;
      *both.mutable_expire_after() = each->expire_after();
    }
  }
  both.set_to_cc_to_bcc(a.to_cc_to_bcc() || b.to_cc_to_bcc());
  both.set_smime_sign(a.smime_sign() || b.smime_sign());
  both.set_smime_encrypt(a.smime_encrypt() || b.smime_encrypt());
  both.set_attachments(std::max(a.attachments(), b.attachments()));
  return both;
}

bool ContributesTo(const Treatment& part, const Treatment& whole) {
  if (part.block() || whole.block()) return part.block() && whole.block();
  // Who decides about the whole must know every reason why a person has to; a wait that was outdone says nothing true.
  const bool holds = part.hold() == HOLD_CLASS_TIMED
                         ? whole.hold() == HOLD_CLASS_TIMED && Micros(part.hold_for()) == Micros(whole.hold_for())
                         : part.hold() != HOLD_CLASS_UNSPECIFIED;
  return holds || (part.to_cc_to_bcc() && whole.to_cc_to_bcc()) || (part.smime_sign() && whole.smime_sign()) ||
         (part.smime_encrypt() && whole.smime_encrypt()) ||
         (part.attachments() != ATTACHMENT_SEAL_UNSPECIFIED && part.attachments() == whole.attachments());
}

bool Seals(const Treatment& treatment) {
  return treatment.smime_sign() || treatment.smime_encrypt() || treatment.attachments() != ATTACHMENT_SEAL_UNSPECIFIED;
}

std::vector<Stage> SlipOf(const Treatment& treatment) {
  std::vector<Stage> slip;
  if (treatment.block()) return slip;
  if (treatment.hold() != HOLD_CLASS_UNSPECIFIED) slip.push_back(STAGE_APPROVAL);
  if (Seals(treatment)) slip.push_back(STAGE_ENCRYPTION);
  slip.push_back(STAGE_DELIVERY);
  return slip;
}

std::vector<std::string> Actions(const Treatment& treatment) {
  std::vector<std::string> names;
  for (Action& action : ActionsOf(treatment)) names.push_back(std::move(action.name));
  return names;
}

std::string DescribeEnglish(const Treatment& treatment) {
  std::string text;
  for (const Action& action : ActionsOf(treatment)) text += (text.empty() ? "" : "; ") + action.english;
  return text;
}

std::string DescribeJapanese(const Treatment& treatment) {
  std::string text;
  for (const Action& action : ActionsOf(treatment)) text += action.japanese;
  return text;
}

}  // namespace sekisho::policy

#include "services/policy/domain/builtin_rules.h"

namespace sekisho::policy {
namespace {

RuleWords Words(const char* id, const char* reason_ja, const char* reason_en, const char* remedy_ja,
                const char* remedy_en) {
  RuleWords words;
  words.id = id;
  words.reason.set_ja(reason_ja);
  words.reason.set_en(reason_en);
  words.remedy.set_ja(remedy_ja);
  words.remedy.set_en(remedy_en);
  return words;
}

}  // namespace

const RuleWords& UnreadableWords() {
  static const RuleWords words =
      Words("sekisho-unreadable", "検査できない添付ファイルがあるため保留しました。",
            "An attachment could not be scanned, so the mail is held.",
            "パスワードを外すか、検査できる形式で送り直してください。または承認者に保留の解除を依頼してください。",
            "Send it again without the password or in a form that can be scanned, or ask an approver to release it.");
  return words;
}

const RuleWords& ClientEncryptedWords() {
  static const RuleWords words =
      Words("sekisho-client-encrypted", "送信者のメールソフトで暗号化されており、内容を検査できないため保留しました。",
            "The sender's own client encrypted the mail, so its content could not be scanned and it is held.",
            "暗号化せずに送り直してください。暗号化が必要な宛先にはゲートウェイが暗号化します。",
            "Send it again without encryption; where it is needed, the gateway encrypts.");
  return words;
}

const RuleWords& ClientEncryptedApproveWords() {
  static const RuleWords words = Words(
      "sekisho-client-encrypted",
      "送信者のメールソフトで暗号化されており、内容を検査できないため、上長の承認が必要です。",
      "The sender's own client encrypted the mail, so its content could not be scanned; the superior must approve it.",
      "暗号化せずに送り直すか、上長の承認を得てください。",
      "Send it again without encryption, or have your superior approve it.");
  return words;
}

const RuleWords& SealedBySenderWords() {
  static const RuleWords words =
      Words("sekisho-sealed-by-sender",
            "この宛先には署名や暗号化が必要ですが、送信者が署名したメールは変更できないため保留しました。解除すると、そ"
            "のまま送信されます。",
            "This recipient's mail must be signed or encrypted here, but a mail that its sender signed can't be "
            "changed, so it is held. If "
            "released, it goes as its sender signed it.",
            "メールソフトでの署名を外して送り直してください。", "Send it again without your client's signature.");
  return words;
}

const RuleWords& AmbiguousWords() {
  static const RuleWords words =
      Words("sekisho-ambiguous", "メールの構造が二通りに読めるため保留しました。",
            "The mail can be read in two ways, so it is held.", "別のメールソフトで作り直して送ってください。",
            "Write it again with another mail client.");
  return words;
}

const RuleWords& ErrorWords() {
  static const RuleWords words = Words(
      "sekisho-error", "メールを判定できなかったため保留しました。", "The mail could not be judged, so it is held.",
      "添付ファイルを減らすか分けて送り直してください。それでも保留される場合は運用担当者にお問い合わせください。",
      "Send it again with fewer or smaller attachments; if it is still held, ask the operator.");
  return words;
}

const RuleWords& LookAlikeWords() {
  static const RuleWords words =
      Words("sekisho-look-alike", "宛先のドメインが、登録されているドメインとよく似ています。宛先をお確かめください。",
            "The recipient's domain resembles one that is known. Check the address.",
            "宛先が正しければ、何もする必要はありません。", "If the address is right, nothing need be done.");
  return words;
}

}  // namespace sekisho::policy

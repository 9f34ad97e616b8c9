#include "services/delivery/domain/dsn_reason.h"

namespace sekisho::delivery {
namespace {

struct Entry {
  std::string_view prefix;  // of the status without its class; a whole one unless it ends with a dot
  Wording wording;
};

// The first that fits.
constexpr Entry kEntries[] = {
    {".1.1",
     {"宛先のメールアドレスが存在しません。", "The address does not exist.",
      "アドレスのつづりを確かめてください。退職や異動で使われなくなった可能性もあります。",
      "Check the spelling. The person may have left or moved."}},
    {".1.10",
     {"宛先のドメインはメールを受け取りません。", "The recipient's domain takes no mail.",
      "ドメイン名（@ の右側）を確かめてください。", "Check the domain, the part after the @."}},
    {".1.2",
     {"宛先のドメインが存在しません。", "The recipient's domain does not exist.",
      "ドメイン名（@ の右側）のつづりを確かめてください。", "Check the spelling of the domain, the part after the @."}},
    {".1.",
     {"宛先のアドレスが受け付けられませんでした。", "The recipient's address was not accepted.",
      "アドレスを確かめて、もう一度お送りください。", "Check the address and send again."}},
    {".2.1",
     {"宛先のメールボックスは使えなくなっています。", "The recipient's mailbox is disabled.",
      "電話など、別の方法で相手に確かめてください。", "Ask the recipient by another way."}},
    {".2.2",
     {"宛先のメールボックスがいっぱいです。", "The recipient's mailbox is full.",
      "時間をおいて送り直すか、別の方法で相手に伝えてください。",
      "Send again later, or tell the recipient by another way."}},
    {".2.3",
     {"メールが、宛先の受け取れる大きさを超えています。", "The mail is larger than the recipient's mailbox takes.",
      "添付ファイルを小さくするか、分けてお送りください。",
      "Make the attachments smaller, or send them in several mails."}},
    {".3.4",
     {"メールが、相手のサーバーの受け取れる大きさを超えています。",
      "The mail is larger than the recipient's host takes.", "添付ファイルを小さくするか、分けてお送りください。",
      "Make the attachments smaller, or send them in several mails."}},
    {".4.6",
     {"メールが同じ経路を回り続けています。", "The mail is going round in a loop.",
      "転送の設定に誤りがあるようです。管理者にお知らせください。",
      "A forwarding is set wrongly. Please tell your administrator."}},
    {".4.7",
     {"期限まで送信を繰り返しましたが、届けられませんでした。",
      "We kept trying until the time limit and could not deliver it.",
      "相手のサーバーが長く止まっているようです。別の方法で相手に確かめてください。",
      "The recipient's host seems to be down. Ask the recipient by another way."}},
    {".4.",
     {"相手のサーバーにつながりませんでした。", "The recipient's host could not be reached.",
      "ドメイン名（@ の右側）を確かめ、正しければ時間をおいてお送りください。",
      "Check the domain, the part after the @; if it is right, send again later."}},
    {".6.7",
     {"相手のサーバーは、英数字以外を含むアドレスやヘッダーを扱えません。",
      "The recipient's host does not take internationalised addresses or headers.",
      "相手の、英数字だけのアドレスにお送りください。", "Send to an address of theirs that is plain ASCII."}},
    {".6.",
     {"相手のサーバーは、このメールの形式を扱えません。", "The recipient's host does not take mail of this form.",
      "メールの形式（文字コードなど）を変えて、もう一度お送りください。",
      "Send it again in another form (another encoding)."}},
    {".7.30",
     {"このメールは暗号化された経路を必要としますが、相手のサーバーはそれを約束できません。",
      "This mail asks for a protected way, which the recipient's host cannot promise.",
      "添付ファイルの暗号化など、別の方法で保護してお送りください。",
      "Protect it by another way, such as encrypted attachments."}},
    {".7.",
     {"相手のサーバーの方針により、受け取りを拒まれました。", "The recipient's host refused it by its policy.",
      "下の「相手の返答」を添えて、管理者にお知らせください。",
      "Please tell your administrator, with the reply shown below."}},
};

constexpr Wording kOther = {"相手のサーバーに受け取りを拒まれました。", "The recipient's host refused the mail.",
                            "下の「相手の返答」を添えて、管理者か相手にお問い合わせください。",
                            "Please ask your administrator or the recipient, with the reply shown below."};

// ".1.1" and ".1." fit "5.1.1"; ".1.1" does not fit "5.1.10".
bool Fits(std::string_view prefix, std::string_view status) {
  if (status.empty()) return false;
  const std::string_view rest = status.substr(1);
  return prefix.ends_with('.') ? rest.starts_with(prefix) : rest == prefix;
}

}  // namespace

Wording WordingOf(std::string_view status) {
  for (const Entry& entry : kEntries) {
    if (Fits(entry.prefix, status)) return entry.wording;
  }
  return kOther;
}

}  // namespace sekisho::delivery

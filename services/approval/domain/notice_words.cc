#include "services/approval/domain/notice_words.h"

namespace sekisho::approval {
namespace {

std::string Deciders(State state, const std::string& name, Language language) {
  const bool ja = language == Language::kJapanese;
  if (!name.empty()) return ja ? name + "さん" : name;
  switch (state) {
    case State::kError:
      return ja ? "運用担当者" : "an operator";
    case State::kApproval:
      return ja ? "承認者" : "an approver";
    default:
      return ja ? "セキュリティ担当者" : "a security officer";
  }
}

std::string WhyItWaits(State state, Language language) {
  const bool ja = language == Language::kJapanese;
  switch (state) {
    case State::kUnreadable:
      return ja ? "添付ファイルなど、内容を確認できない部分があります。"
                : "Parts of it, such as an attachment, could not be read.";
    case State::kAmbiguous:
      return ja ? "受け取る側で二通りに読める書き方になっています。"
                : "It is written so that it could be read in two ways.";
    case State::kError:
      return ja ? "処理の途中で問題が起きました。" : "Something went wrong on our side.";
    default:
      return "";
  }
}

std::string ReturnedWords(const NoticeFacts& facts, Language language) {
  const bool ja = language == Language::kJapanese;
  switch (facts.returned) {
    case Returned::kWhole:
      return ja ? "元のメールを添付します。" : "Your mail is attached.";
    case Returned::kHeaderOnly:
      return ja ? "元のメールは大きいため、ヘッダーだけを添付します。"
                : "Your mail is large; only its header is attached.";
    case Returned::kNothing:
      return "";
  }
  return "";
}

}  // namespace

NoticeWords Japanese(const NoticeFacts& facts) {
  const std::string decider = Deciders(facts.state, facts.decider, Language::kJapanese);
  const std::string due = FormatDue(facts.due, Language::kJapanese);
  const std::string why = WhyItWaits(facts.state, Language::kJapanese);
  switch (facts.kind) {
    case NoticeKind::kHeld:
      if (facts.state == State::kTimed) {
        return {"送信を保留しています", "お送りになったメールを、次の宛先について保留しています。",
                due + " に自動で送信します。それまでは取り消せます。すぐに送ることもできます。"};
      }
      return {facts.state == State::kApproval ? "承認を待っています" : "確認を待っています",
              "お送りになったメールは、まだ送信していません。" + why + decider + "の確認を待っています。",
              "承認されると送信します。" + due + " までに承認されない場合は、送信せずにお返しします。"};
    case NoticeKind::kAskToConfirm:
      return {"送信の確認をお願いします",
              "お送りになったメールは、まだ送信していません。次の内容でよいか、ご確認ください。",
              due + " までに確認されない場合は、送信せずにお返しします。"};
    case NoticeKind::kAskToDecide:
      return {"承認のお願い", "次のメールが、あなたの判断を待っています。" + why,
              due + " までに判断がない場合は、送信せずに差出人へ返します。", true};
    case NoticeKind::kApproved:
      return {"承認されました", decider + "が、次の宛先への送信を承認しました。これから送信します。", ""};
    case NoticeKind::kRejected:
      return {"差し戻されました", decider + "が、次のメールを差し戻しました。次の宛先には送信していません。",
              ReturnedWords(facts, Language::kJapanese)};
    case NoticeKind::kExpired:
      return {"期限が過ぎたためお返しします", "期限までに確認されなかったため、次の宛先には送信していません。",
              ReturnedWords(facts, Language::kJapanese) + "必要な場合は、もう一度お送りください。"};
    case NoticeKind::kDropped:
      return {"送信を取りやめました", "運用担当者が、次の宛先への送信を取りやめました。", ""};
  }
  return {};
}

NoticeWords English(const NoticeFacts& facts) {
  const std::string decider = Deciders(facts.state, facts.decider, Language::kEnglish);
  const std::string due = FormatDue(facts.due, Language::kEnglish);
  std::string why = WhyItWaits(facts.state, Language::kEnglish);
  if (!why.empty()) why += " ";
  std::string returned = ReturnedWords(facts, Language::kEnglish);
  switch (facts.kind) {
    case NoticeKind::kHeld:
      if (facts.state == State::kTimed) {
        return {"Your mail is held", "Your mail to the recipients below is held.",
                "It goes by itself at " + due + ". Until then you can take it back, or send it now."};
      }
      return {
          facts.state == State::kApproval ? "Your mail waits for approval" : "Your mail waits to be checked",
          "Your mail has not been sent yet. " + why + "It waits for " + decider + ".",
          "It goes as soon as it is approved. If nobody decides by " + due + ", it comes back to you and is not sent."};
    case NoticeKind::kAskToConfirm:
      return {"Please confirm your mail", "Your mail has not been sent yet. Please check that it is right.",
              "If you don't confirm it by " + due + ", it comes back to you and is not sent."};
    case NoticeKind::kAskToDecide:
      return {"A mail waits for your decision",
              "The mail below waits for your decision." + (why.empty() ? "" : " " + why),
              "If nobody decides by " + due + ", it goes back to its sender and is not sent.", true};
    case NoticeKind::kApproved:
      return {"Your mail was approved", "Approved by " + decider + ". It is on its way to the recipients below.", ""};
    case NoticeKind::kRejected:
      return {"Your mail was rejected", "Rejected by " + decider + ". It was not sent to the recipients below.",
              returned};
    case NoticeKind::kExpired:
      if (!returned.empty()) returned += " ";
      return {"Your mail comes back: nobody decided in time",
              "Nobody decided about your mail in time. It was not sent to the recipients below.",
              returned + "Please send it again if it is still needed."};
    case NoticeKind::kDropped:
      return {"Your mail was dropped", "An operator removed your mail. It was not sent to the recipients below.", ""};
  }
  return {};
}

const NoticeLabels& LabelsOf(Language language) {
  static constexpr NoticeLabels kJapanese = {.subject = "件名",
                                             .from = "差出人",
                                             .to = "宛先",
                                             .files = "添付",
                                             .why = "止めた理由",
                                             .remedy = "次からは",
                                             .comment = "コメント",
                                             .more = "ほか",
                                             .approve = "承認する",
                                             .reject = "差し戻す",
                                             .release = "送信する",
                                             .recall = "取り消す",
                                             .open = "内容を見る"};
  static constexpr NoticeLabels kEnglish = {.subject = "Subject",
                                            .from = "From",
                                            .to = "To",
                                            .files = "Files",
                                            .why = "Why",
                                            .remedy = "Next time",
                                            .comment = "Comment",
                                            .more = "and more:",
                                            .approve = "Approve",
                                            .reject = "Reject",
                                            .release = "Send it",
                                            .recall = "Take it back",
                                            .open = "Look at it"};
  return language == Language::kJapanese ? kJapanese : kEnglish;
}

std::string FormatDue(TimePoint due, Language language) {
  const bool ja = language == Language::kJapanese;
  // Japan has one zone and no daylight saving.
  const std::string text = FormatRfc3339(ja ? due + std::chrono::hours(9) : due);
  return text.substr(0, 10) + " " + text.substr(11, 5) + (ja ? "（日本時間）" : " UTC");
}

std::string JapanesePlace(std::string_view place) {
  std::string out(place);
  const auto replace = [&](std::string_view from, std::string_view to) {
    for (size_t at = 0; (at = out.find(from, at)) != std::string::npos; at += to.size())
      out.replace(at, from.size(), to);
  };
  if (out == "subject") return "件名";
  if (const size_t line = out.rfind(" line "); line != std::string::npos) {
    const std::string number = out.substr(line + 6);
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos) {
      out = out.substr(0, line) + " " + number + "行目";
    }
  }
  if (out.ends_with(" name")) out.replace(out.size() - 5, 5, "の名前");
  replace("attachment ", "添付");
  if (out.starts_with("body")) out.replace(0, 4, "本文");
  return out;
}

}  // namespace sekisho::approval

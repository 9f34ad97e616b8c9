#include "services/approval/domain/notice.h"

#include "services/approval/domain/notice_words.h"
#include "shared/base/bytes.h"
#include "shared/text/utf8.h"

namespace sekisho::approval {
namespace {

constexpr size_t kShown = 20;         // recipients and files
constexpr size_t kLongestLine = 200;  // characters of what others wrote
constexpr size_t kLongestComment = 2000;
constexpr std::string_view kRule = "------------------------------------------------------------";

// One line of what somebody else wrote: nothing invisible, nothing that ends a line.
std::string Line(std::string_view text, size_t characters = kLongestLine) {
  return text::Shorten(text::ShowInvisible(text::SanitizeUtf8(AsciiTrim(text))), characters);
}

class Section {
 public:
  Section(const NoticeFacts& facts, Language language)
      : facts_(facts),
        language_(language),
        labels_(LabelsOf(language)),
        words_(language == Language::kJapanese ? Japanese(facts) : English(facts)) {}

  std::string Write() {
    out_ = words_.opening + "\n\n";
    Field(labels_.subject, Line(facts_.subject));
    if (words_.asks_to_decide) {
      const std::string name = Line(facts_.from_name);
      Field(labels_.from, name.empty() ? Line(facts_.from) : name + " <" + Line(facts_.from) + ">");
    }
    List(labels_.to, facts_.recipients);
    List(labels_.files, facts_.files);
    Reasons();
    Comment();
    Actions();
    if (!words_.closing.empty()) out_ += "\n" + words_.closing + "\n";
    return out_;
  }
  const std::string& title() const { return words_.title; }

 private:
  void Field(std::string_view label, const std::string& value) {
    if (!value.empty()) out_ += std::string(label) + ": " + value + "\n";
  }

  void List(std::string_view label, const std::vector<std::string>& values) {
    for (size_t i = 0; i < values.size() && i < kShown; ++i) Field(label, Line(values[i]));
    if (values.size() > kShown) Field(label, std::string(labels_.more) + " " + std::to_string(values.size() - kShown));
  }

  void Reasons() {
    if (facts_.kind == NoticeKind::kApproved) return;
    bool first = true;
    for (const mail::v1::Reason& reason : facts_.reasons) {
      const bool ja = language_ == Language::kJapanese;
      const std::string why = Line(ja ? reason.text_ja() : reason.text_en(), 500);
      if (why.empty()) continue;
      out_ += first ? "\n" + std::string(labels_.why) + ":\n" : "";
      first = false;
      out_ += "- " + why + Evidence(reason) + "\n";
      const std::string remedy = Line(ja ? reason.remedy_ja() : reason.remedy_en(), 500);
      if (!remedy.empty() && !words_.asks_to_decide) out_ += "  " + std::string(labels_.remedy) + ": " + remedy + "\n";
    }
  }

  // Where it is; for who decides, also what it is.
  std::string Evidence(const mail::v1::Reason& reason) const {
    std::string place = language_ == Language::kJapanese ? JapanesePlace(reason.place()) : reason.place();
    place = Line(place);
    if (words_.asks_to_decide && !reason.evidence().empty()) {
      place += (place.empty() ? "" : ": ") + ("\"" + Line(reason.evidence()) + "\"");
    }
    return place.empty() ? "" : " (" + place + ")";
  }

  void Comment() {
    const std::string comment = text::Shorten(facts_.comment, kLongestComment);
    if (AsciiTrim(comment).empty()) return;
    out_ += "\n" + std::string(labels_.comment) + ":\n";
    size_t begin = 0;
    while (begin < comment.size()) {
      const size_t end = std::min(comment.find('\n', begin), comment.size());
      out_ += "  " + Line(std::string_view(comment).substr(begin, end - begin), kLongestComment) + "\n";
      begin = end + 1;
    }
  }

  void Action(std::string_view label, const std::string& command) {
    out_ += std::string(label) + ": " + command + "\n";
  }

  void Actions() {
    const bool held = facts_.kind == NoticeKind::kHeld && facts_.state == State::kTimed;
    const bool confirm = facts_.kind == NoticeKind::kAskToConfirm;
    if (!held && !confirm && !words_.asks_to_decide) return;
    out_ += "\n";
    if (!facts_.link_base_url.empty()) {
      const std::string folder = words_.asks_to_decide ? "/approvals/" : "/holds/";
      return Action(labels_.open, facts_.link_base_url + folder + facts_.parcel_id);
    }
    if (words_.asks_to_decide) {
      Action(labels_.open, "sekisho approval show " + facts_.parcel_id);
      Action(labels_.approve, "sekisho approval approve " + facts_.parcel_id);
      Action(labels_.reject, "sekisho approval reject " + facts_.parcel_id + " --comment \"...\"");
    } else {
      Action(labels_.release, "sekisho hold release " + facts_.parcel_id);
      Action(labels_.recall, "sekisho mail recall " + facts_.mail_id);
    }
  }

  const NoticeFacts& facts_;
  const Language language_;
  const NoticeLabels& labels_;
  const NoticeWords words_;
  std::string out_;
};

}  // namespace

Language LanguageOf(std::string_view code, Language otherwise) {
  if (code == "ja") return Language::kJapanese;
  if (code == "en") return Language::kEnglish;
  return otherwise;
}

NoticeText WriteNotice(const NoticeFacts& facts, Language reader) {
  const Language other = reader == Language::kJapanese ? Language::kEnglish : Language::kJapanese;
  Section first(facts, reader);
  Section second(facts, other);
  NoticeText notice;
  const std::string about = Line(facts.subject, 100);
  notice.subject = first.title() + (about.empty() ? "" : ": " + about);
  notice.text = first.Write() + "\n" + std::string(kRule) + "\n\n" + second.Write();
  return notice;
}

}  // namespace sekisho::approval

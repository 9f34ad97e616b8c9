#include "services/approval/domain/notice.h"

#include "services/approval/domain/notice_words.h"

namespace sekisho::approval {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kShownPlace = 200;  // characters
constexpr size_t kShownReason = 500;

class Section {
 public:
  Section(const NoticeFacts& facts, Language language)
      : facts_(facts),
        language_(language),
        labels_(LabelsOf(language)),
        words_(language == Language::kJapanese ? Japanese(facts) : English(facts)) {
    body_.Line(words_.opening).Gap();
    body_.Field(labels_.subject, facts_.subject);
    if (words_.asks_to_decide) {
      const std::string& name = facts_.from_name;
      body_.Field(labels_.from, name.empty() ? facts_.from : name + " <" + facts_.from + ">");
    }
    body_.Fields(labels_.to, facts_.recipients, labels_.more);
    body_.Fields(labels_.files, facts_.files, labels_.more);
    body_.Gap();
    Reasons();
    body_.Gap().Quote(labels_.comment, facts_.comment).Gap();
    Actions();
    body_.Gap();
    if (!words_.closing.empty()) body_.Line(words_.closing);
  }
  const notice::Body& body() const { return body_; }
  const std::string& title() const { return words_.title; }

 private:
  void Reasons() {
    if (facts_.kind == NoticeKind::kApproved) return;
    bool first = true;
    for (const mail::v1::Reason& reason : facts_.reasons) {
      const bool ja = language_ == Language::kJapanese;
      const std::string why = notice::Shown(ja ? reason.text_ja() : reason.text_en(), kShownReason);
      if (why.empty()) continue;
      if (first) body_.Line(std::string(labels_.why) + ":");
      first = false;
      body_.Line("- " + why + Evidence(reason));
      if (!words_.asks_to_decide) body_.Field(labels_.remedy, ja ? reason.remedy_ja() : reason.remedy_en(), kIndent);
    }
  }

  // Where it is; for who decides, also what it is.
  std::string Evidence(const mail::v1::Reason& reason) const {
    std::string place = language_ == Language::kJapanese ? JapanesePlace(reason.place()) : reason.place();
    place = notice::Shown(place, kShownPlace);
    if (words_.asks_to_decide && !reason.evidence().empty()) {
      place += (place.empty() ? "" : ": ") + ("\"" + notice::Shown(reason.evidence(), kShownPlace) + "\"");
    }
    return place.empty() ? "" : " (" + place + ")";
  }

  void Actions() {
    const bool held = facts_.kind == NoticeKind::kHeld && facts_.state == State::kTimed;
    const bool confirm = facts_.kind == NoticeKind::kAskToConfirm;
    if (!held && !confirm && !words_.asks_to_decide) return;
    if (!facts_.link_base_url.empty()) {
      const std::string folder = words_.asks_to_decide ? "/approvals/" : "/holds/";
      body_.Field(labels_.open, facts_.link_base_url + folder + facts_.parcel_id);
    } else if (words_.asks_to_decide) {
      body_.Field(labels_.open, "sekisho approval show " + facts_.parcel_id);
      body_.Field(labels_.approve, "sekisho approval approve " + facts_.parcel_id);
      body_.Field(labels_.reject, "sekisho approval reject " + facts_.parcel_id + " --comment \"...\"");
    } else {
      body_.Field(labels_.release, "sekisho hold release " + facts_.parcel_id);
      body_.Field(labels_.recall, "sekisho mail recall " + facts_.mail_id);
    }
  }

  const NoticeFacts& facts_;
  const Language language_;
  const NoticeLabels& labels_;
  const NoticeWords words_;
  notice::Body body_;
};

}  // namespace

notice::Letter WriteNotice(const NoticeFacts& facts, Language reader) {
  const Section japanese(facts, Language::kJapanese), english(facts, Language::kEnglish);
  notice::Letter letter;
  letter.subject = notice::SubjectLine((reader == Language::kJapanese ? japanese : english).title(), facts.subject);
  letter.text = notice::Bilingual(reader, japanese.body(), english.body());
  return letter;
}

}  // namespace sekisho::approval

#include "cli/print.h"

#include <algorithm>
#include <cctype>
#include <iostream>

#include "shared/base/clock.h"

namespace sekisho::cli {
namespace {

std::string LowerWithout(std::string name, std::string_view prefix) {
  if (name.starts_with(prefix)) name.erase(0, prefix.size());
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

// The character at `i`, and its octets; U+FFFD for an ill-formed one.
char32_t Next(std::string_view text, size_t& i) {
  const auto first = static_cast<unsigned char>(text[i]);
  const size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 1;
  if (size == 1 || i + size > text.size()) {
    ++i;
    return first < 0x80 ? first : 0xFFFD;
  }
  char32_t c = first & (0xff >> (size + 1));
  for (size_t k = 1; k < size; ++k) c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
  i += size;
  return c;
}

bool IsWide(char32_t c) {
  return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
         (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

size_t Width(std::string_view text) {
  size_t width = 0;
  for (size_t i = 0; i < text.size();) width += IsWide(Next(text, i)) ? 2 : 1;
  return width;
}

}  // namespace

std::string StateName(mail::v1::RecipientState state) {
  return LowerWithout(mail::v1::RecipientState_Name(state), "RECIPIENT_STATE_");
}

std::string HoldClassName(mail::v1::HoldClass hold_class) {
  return LowerWithout(mail::v1::HoldClass_Name(hold_class), "HOLD_CLASS_");
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return "";
  return FormatRfc3339(FromMicros(time.seconds() * 1'000'000 + time.nanos() / 1000));
}

std::string DurationText(const google::protobuf::Duration& duration) {
  const int64_t millis = duration.seconds() * 1000 + duration.nanos() / 1'000'000;
  return FormatDuration(std::chrono::milliseconds(duration.seconds() >= 10 ? duration.seconds() * 1000 : millis));
}

Json ToJson(const mail::v1::Reason& reason) {
  return {{"rule", reason.rule_id()},       {"ja", reason.text_ja()},  {"en", reason.text_en()},
          {"evidence", reason.evidence()},  {"place", reason.place()}, {"remedy_ja", reason.remedy_ja()},
          {"remedy_en", reason.remedy_en()}};
}

Json ToJson(const ledger::v1::Trace& trace) {
  Json json = {{"mail_id", trace.mail_id()},
               {"mail_from", trace.mail_from()},
               {"subject", trace.subject()},
               {"recipients", Json::array()},
               {"events", Json::array()}};
  for (const auto& recipient : trace.recipients()) {
    json["recipients"].push_back({{"address", recipient.address()},
                                  {"state", StateName(recipient.state())},
                                  {"parcel_id", recipient.parcel_id()}});
  }
  for (const auto& event : trace.events()) {
    Json one = {{"time", TimeText(event.time())}, {"stage", event.stage()},         {"type", event.type()},
                {"detail", event.detail()},       {"parcel_id", event.parcel_id()}, {"actor", event.actor()},
                {"recipients", Json::array()},    {"reasons", Json::array()}};
    for (const auto& address : event.recipients()) one["recipients"].push_back(address);
    for (const auto& reason : event.reasons()) one["reasons"].push_back(ToJson(reason));
    json["events"].push_back(std::move(one));
  }
  return json;
}

Json ToJson(const ledger::v1::MailSummary& mail) {
  Json json = {{"mail_id", mail.mail_id()},     {"accepted_at", TimeText(mail.accepted_at())},
               {"mail_from", mail.mail_from()}, {"subject", mail.subject()},
               {"size", mail.size()},           {"recipients", Json::array()}};
  for (const auto& recipient : mail.recipients()) {
    json["recipients"].push_back({{"address", recipient.address()},
                                  {"state", StateName(recipient.state())},
                                  {"parcel_id", recipient.parcel_id()}});
  }
  return json;
}

Json ToJson(const approval::v1::HeldParcel& parcel) {
  Json json = {{"parcel_id", parcel.parcel_id()},       {"mail_id", parcel.mail_id()},
               {"recipients", Json::array()},           {"reasons", Json::array()},
               {"due", TimeText(parcel.due())},         {"class", HoldClassName(parcel.hold_class())},
               {"mail_from", parcel.mail_from()},       {"subject", parcel.subject()},
               {"held_at", TimeText(parcel.held_at())}, {"size", parcel.size()}};
  for (const auto& address : parcel.recipients()) json["recipients"].push_back(address);
  for (const auto& reason : parcel.reasons()) json["reasons"].push_back(ToJson(reason));
  return json;
}

void PrintJson(const Json& json) { std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << "\n"; }

std::string ForTerminal(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const char32_t c = Next(text, i);
    const bool control = c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xFFFD || (c >= 0x202a && c <= 0x202e) ||
                         (c >= 0x2066 && c <= 0x2069);
    if (control)
      out += "\xEF\xBF\xBD";
    else
      out += text.substr(begin, i - begin);
  }
  return out;
}

void PrintTable(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  widths.reserve(header.size());
  for (const std::string& title : header) widths.push_back(Width(title));
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(ForTerminal(row[i])));
  }
  const auto print = [&](const std::vector<std::string>& row) {
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string cell = ForTerminal(row[i]);
      std::cout << cell;
      if (i + 1 < row.size()) std::cout << std::string(widths[i] - Width(cell) + 2, ' ');
    }
    std::cout << "\n";
  };
  print(header);
  for (const auto& row : rows) print(row);
}

void PrintEvent(const ledger::v1::TraceEvent& event) {
  std::cout << TimeText(event.time()) << "  " << event.stage() << "  " << event.type();
  if (!event.detail().empty()) std::cout << ": " << ForTerminal(event.detail());
  if (!event.actor().empty()) std::cout << " (by " << ForTerminal(event.actor()) << ")";
  std::cout << "\n";
  for (const auto& reason : event.reasons()) {
    std::cout << "    " << reason.rule_id() << ": " << ForTerminal(reason.text_ja()) << " / "
              << ForTerminal(reason.text_en());
    if (!reason.place().empty()) std::cout << " [" << ForTerminal(reason.place()) << "]";
    std::cout << "\n";
  }
}

void PrintTrace(const ledger::v1::Trace& trace) {
  std::cout << "mail    " << trace.mail_id() << "\nfrom    " << ForTerminal(trace.mail_from()) << "\nsubject "
            << ForTerminal(trace.subject()) << "\n\n";
  std::vector<std::vector<std::string>> rows;
  for (const auto& recipient : trace.recipients()) {
    rows.push_back({recipient.address(), StateName(recipient.state()), recipient.parcel_id()});
  }
  PrintTable({"RECIPIENT", "STATE", "PARCEL"}, rows);
  std::cout << "\n";
  for (const auto& event : trace.events()) PrintEvent(event);
}

}  // namespace sekisho::cli

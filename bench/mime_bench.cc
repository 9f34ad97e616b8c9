// What reading one mail costs: parsed, contents decoded and proved, text normalised.
//   mime_bench [SECONDS]
// One JSON line for each mail: its octets, microseconds of CPU for Parse, and MiB a second.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/mime/builder.h"
#include "shared/mime/model.h"
#include "shared/text/normalize.h"

namespace sekisho::mime {
namespace {

constexpr std::string_view kParagraph =
    "お世話になっております。株式会社例示商事の山田です。\n先日ご依頼いただきました見積書（第２版）をお送りします。金額"
    "は￥1,234,000です。\n"
    "ご不明な点がございましたら、担当（03-1234-5678）までご連絡ください。\nHello, this is an ordinary paragraph in "
    "English as well.\n\n";

std::string Repeat(std::string_view text, size_t octets) {
  std::string out;
  while (out.size() < octets) out += text;
  return out;
}

std::string Built(std::string text, std::string html, size_t attachment) {
  NewMail mail;
  mail.from = {"山田 花子", "hanako@example.jp"};
  mail.to = {{"佐藤", "sato@customer.example"}};
  mail.subject = "見積書の送付";
  mail.message_id = "<1@example.jp>";
  mail.text = std::move(text);
  mail.html = std::move(html);
  if (attachment > 0)
    mail.attachments.push_back(
        {"見積書.pdf", "application/pdf", "%PDF-1.4\n" + Repeat("stream of octets\n", attachment), false, ""});
  return *BuildMail(mail);
}

// "ISO-2022-JP" of the double-byte characters only needs their JIS codes: the text is fixed.
std::string Iso2022Jp(size_t octets) {
  const std::string line = "\x1B$B$*@$OC$K$J$C$F$*$j$^$9!#3t<02q<RNc<(>&;v$N;3ED$G$9!#8+@Q=q$r$*Aw$j$7$^$9!#\x1B(B\r\n";
  return "From: hanako@example.jp\r\nTo: sato@customer.example\r\nSubject: "
         "=?ISO-2022-JP?B?GyRCOCtAUT1xGyhC?=\r\nMIME-Version: 1.0\r\n"
         "Content-Type: text/plain; charset=ISO-2022-JP\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" +
         Repeat(line, octets);
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void Measure(const char* name, const std::string& mail, double seconds) {
  if (const Result<MailModel> parsed = Parse(std::string_view(mail)); !parsed.ok()) {
    std::fprintf(stderr, "%s: %s\n", name, parsed.error().detail.c_str());
    std::exit(1);
  }
  size_t rounds = 0, parts = 0;
  const double begin = CpuSeconds();
  double spent = 0;
  while ((spent = CpuSeconds() - begin) < seconds) {
    for (size_t i = 0; i < 8; ++i) parts += Parse(std::string_view(mail))->parts.size();
    rounds += 8;
  }
  const double micros = spent * 1e6 / static_cast<double>(rounds);
  std::printf(
      "{\"name\": \"%s\", \"octets\": %zu, \"parts\": %zu, \"cpu_microseconds\": %.1f, \"mib_per_second\": %.0f}\n",
      name, mail.size(), parts / rounds, micros, static_cast<double>(mail.size()) / micros / 1.048576);
}

}  // namespace
}  // namespace sekisho::mime

int main(int argc, char** argv) {
  using namespace sekisho::mime;
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1.0;
  sekisho::text::WarmUp();
  const std::string ascii = Repeat("This is an ordinary line of text in an ordinary mail, nothing else.\n", 10000);
  Measure("ascii 10 KiB", Built(ascii, "", 0), seconds);
  Measure("iso-2022-jp 10 KiB", Iso2022Jp(10000), seconds);
  Measure("utf-8 base64 10 KiB", Built(Repeat(kParagraph, 7000), "", 0), seconds);
  Measure("text, html and pdf 10 KiB",
          Built(Repeat(kParagraph, 1500), "<html><body><p>" + Repeat(kParagraph, 1500) + "</p></body></html>", 3500),
          seconds);
  Measure("pdf 1 MiB", Built(Repeat(kParagraph, 1500), "", 760000), seconds);
  Measure("text 1 MiB", Built(Repeat(kParagraph, 760000), "", 0), seconds);
}

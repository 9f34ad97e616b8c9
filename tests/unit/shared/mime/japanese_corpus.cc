#include "tests/unit/shared/mime/japanese_corpus.h"

#include <iconv.h>

#include <cstdlib>
#include <iterator>
#include <map>
#include <string_view>

#include "shared/base/bytes.h"
#include "shared/mime/transfer_encoding.h"
#include "tests/unit/shared/mime/mails.h"

namespace sekisho::mime {
namespace {

enum class Coding { kUtf8, kJis, kShiftJis, kEuc };

std::string Convert(const std::string& text, const char* from, const char* to) {
  const iconv_t converter = iconv_open(to, from);
  std::string in = text, out(text.size() * 3, '\0');
  char* in_at = in.data();
  char* out_at = out.data();
  size_t in_left = in.size(), out_left = out.size();
  const bool ok = iconv(converter, &in_at, &in_left, &out_at, &out_left) != static_cast<size_t>(-1);
  iconv_close(converter);
  return ok ? out.substr(0, out.size() - out_left) : "";
}

std::string ToCp932(const std::string& utf8) {
  std::string out = Convert(utf8, "UTF-8", "CP932");
  if (out.empty() && !utf8.empty()) std::abort();  // a text above that Shift_JIS doesn't have
  return out;
}

// Row and cell of a CP932 pair. What IBM added lies beyond row 94, out of reach of mail; there NEC's copy in rows 89–92
// is sent.
struct Cell {
  int row, cell;
};
Cell CellOf(unsigned char lead, unsigned char trail) {
  if (lead >= 0xFA) {
    static const auto* const nec = [] {
      auto* made = new std::map<std::string, Cell>;
      for (int l = 0xED; l <= 0xEE; ++l) {
        for (int t = 0x40; t <= 0xFC; ++t) {
          const std::string character = Convert({static_cast<char>(l), static_cast<char>(t)}, "CP932", "UTF-8");
          if (!character.empty())
            (*made)[character] = CellOf(static_cast<unsigned char>(l), static_cast<unsigned char>(t));
        }
      }
      return made;
    }();
    return nec->at(Convert({static_cast<char>(lead), static_cast<char>(trail)}, "CP932", "UTF-8"));
  }
  int row = (lead - (lead < 0xA0 ? 0x81 : 0xC1)) * 2 + 1;
  int cell = trail - (trail < 0x7F ? 0x3F : 0x40);
  if (trail >= 0x9F) {
    ++row;
    cell = trail - 0x9E;
  }
  return {row, cell};
}

std::string Encode(const std::string& utf8, Coding code) {
  if (code == Coding::kUtf8) return utf8;
  const std::string cp932 = ToCp932(utf8);
  if (code == Coding::kShiftJis) return cp932;
  std::string out;
  enum { kAscii, kDouble, kKana } set = kAscii;
  const auto turn = [&](decltype(set) to) {
    if (code == Coding::kJis && set != to) out += to == kAscii ? "\x1B(B" : to == kDouble ? "\x1B$B" : "\x1B(I";
    set = to;
  };
  for (size_t at = 0; at < cp932.size(); ++at) {
    const auto octet = static_cast<unsigned char>(cp932[at]);
    if (octet < 0x80) {
      turn(kAscii);
      out += cp932[at];
    } else if (octet >= 0xA1 && octet <= 0xDF) {
      turn(kKana);
      out += code == Coding::kJis ? std::string(1, static_cast<char>(octet & 0x7F)) : std::string("\x8E") + cp932[at];
    } else {
      turn(kDouble);
      const Cell cell = CellOf(octet, static_cast<unsigned char>(cp932[++at]));
      const int base = code == Coding::kJis ? 0x20 : 0xA0;
      out += static_cast<char>(cell.row + base);
      out += static_cast<char>(cell.cell + base);
    }
  }
  turn(kAscii);
  return out;
}

const char* NameOf(Coding code) {
  switch (code) {
    case Coding::kUtf8:
      return "UTF-8";
    case Coding::kJis:
      return "ISO-2022-JP";
    case Coding::kShiftJis:
      return "Shift_JIS";
    case Coding::kEuc:
      return "EUC-JP";
  }
  return "";
}

std::vector<std::string> Characters(const std::string& utf8) {
  std::vector<std::string> characters;
  for (const char c : utf8) {
    if ((c & 0xC0) != 0x80) characters.emplace_back();
    characters.back() += c;
  }
  return characters;
}

// RFC 2047 words of a few characters each, as most clients split them.
std::string Words(const std::string& utf8, Coding code, const std::string& between = "\n ", size_t characters = 10,
                  bool lower = false) {
  std::string out, piece;
  size_t count = 0;
  const auto flush = [&] {
    if (piece.empty()) return;
    if (!out.empty()) out += between;
    std::string charset = NameOf(code);
    if (lower) charset = AsciiLower(charset);
    out += "=?" + charset + "?B?" + Base64Encode(Encode(piece, code)) + "?=";
    piece.clear();
    count = 0;
  };
  for (const std::string& character : Characters(utf8)) {
    piece += character;
    if (++count == characters) flush();
  }
  flush();
  return out;
}

std::string QWords(const std::string& utf8) {
  std::string out = "=?UTF-8?Q?";
  for (const char c : utf8) out += "=" + HexEncode(std::string_view(&c, 1));
  return out + "?=";
}

std::string Percent(const std::string& octets) {
  std::string out;
  for (const char c : octets)
    out += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ? std::string(1, c)
                                                                        : "%" + HexEncode(std::string_view(&c, 1));
  return out;
}

std::string Base64(const std::string& octets) {
  std::string out = EncodeBase64Lines(octets);
  std::erase(out, '\r');
  return out;
}

std::string Qp(const std::string& text) {
  std::string out = EncodeQuotedPrintable(Crlf(text));
  std::erase(out, '\r');
  return out;
}

struct File {
  std::string name, type, content;
};

constexpr const char* kSubjects[] = {"見積書の送付について",
                                     "Re: 【重要】請求書①の件",
                                     "ご挨拶",
                                     "会議室変更のお知らせ（１０月）",
                                     "Fwd: ﾃｽﾄﾒｰﾙ",
                                     "㈱例示商事　髙橋様",
                                     "10時～11時の打合せ",
                                     "能力表の予約ソ連",
                                     "plain ASCII subject",
                                     "Re: Re: 社外秘資料の取扱い"};
constexpr const char* kNames[] = {
    "山田 花子", "佐藤　太郎", "㈱例示商事", "髙橋", "発表", "Yamada Hanako", "情報システム部（代表）", "ｶﾌﾞｼｷｶﾞｲｼｬ"};
constexpr const char* kPhrases[] = {"お世話になっております。",
                                    "添付のとおりお送りします。",
                                    "よろしくお願いいたします。",
                                    "金額は￥１２，３４５です。",
                                    "表・ソ・能・予・申 をご確認ください。",
                                    "①から⑳まで"};
constexpr const char* kFileNames[] = {"見積書.pdf",
                                      "請求書①（最終）.xlsx",
                                      "議事録_20261124.docx",
                                      "写真 1.jpg",
                                      "一覧表.csv",
                                      "ﾃﾞｰﾀ.zip",
                                      "report.pdf",
                                      "発表.pdf",
                                      "とても長い名前の添付ファイル（改訂第三版・社内確認済み・最終）.pdf",
                                      "設計書 v2.0 (draft).docx"};

class Maker {
 public:
  explicit Maker(size_t number) : state_(static_cast<uint32_t>(number) * 2654435761U + 12345) {}

  size_t Next(size_t below) {
    state_ = state_ * 1664525 + 1013904223;
    return (state_ >> 8) % below;
  }
  template <size_t kSize>
  std::string Pick(const char* const (&list)[kSize]) {
    return list[Next(kSize)];
  }
  bool Coin() { return Next(2) == 0; }
  std::string Hex(size_t digits) {
    std::string out;
    while (out.size() < digits) out += "0123456789abcdef"[Next(16)];
    return out;
  }

  File AFile() {
    File file;
    file.name = Pick(kFileNames);
    const std::string extension = file.name.substr(file.name.rfind('.') + 1);
    std::string noise;
    for (size_t i = 0; i < 200 + Next(3000); ++i) noise += static_cast<char>(Next(256));
    if (extension == "pdf") file = {file.name, "application/pdf", "%PDF-1.4\n" + noise};
    if (extension == "jpg") file = {file.name, "image/jpeg", "\xFF\xD8\xFF\xE0" + noise};
    if (extension == "csv") file = {file.name, "text/csv", ToCp932("番号,氏名\r\n1,山田\r\n")};
    if (extension == "zip") file = {file.name, "application/zip", ZipOf("a.txt")};
    if (extension == "xlsx")
      file = {file.name, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
              ZipOf("[Content_Types].xml")};
    if (extension == "docx")
      file = {file.name, "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
              ZipOf("[Content_Types].xml")};
    return file;
  }

  std::string Body(const std::string& phrase) {
    std::string text = Pick(kNames) + "様\n\n" + phrase + "\n";
    for (size_t i = 0; i < Next(12); ++i) text += Pick(kPhrases) + Pick(kPhrases) + "\n";
    if (Coin()) text += "\n> " + Pick(kPhrases) + "\n>> " + Pick(kPhrases) + "\n";
    return text + "\n-- \n" + Pick(kNames) + "\nTEL 03-1234-5678\n";
  }

 private:
  static std::string ZipOf(const std::string& name) {
    using namespace std::string_literals;
    const std::string size(1, static_cast<char>(name.size())),
        fields = "\x14\0\0\0\x08\0"s + std::string(16, '\0') + size + "\0\0\0"s;
    const std::string local = "PK\x03\x04"s + fields + name,
                      central = "PK\x01\x02\x14\0"s + fields + std::string(14, '\0') + name;
    const auto le = [](size_t value) { return std::string{static_cast<char>(value), '\0', '\0', '\0'}; };
    return local + central + "PK\x05\x06\0\0\0\0\x01\0\x01\0"s + le(central.size()) + le(local.size()) + "\0\0"s;
  }

  uint32_t state_;
};

// One mail while it is made. `head` collects fields, `octets` comes of it.
struct Draft {
  Maker& make;
  CorpusMail& mail;
  std::string from = "hanako@example.jp";
  std::string head;

  std::string FileOf(const File& file, const std::string& fields) {
    mail.file_names.push_back(file.name);
    return fields + "Content-Transfer-Encoding: base64\n\n" + Base64(file.content);
  }
  void Common(bool with_date = true) {
    if (with_date) head += "Date: Tue, 24 Nov 2026 10:" + std::to_string(10 + make.Next(50)) + ":00 +0900 (JST)\n";
    head += "Message-ID: <" + make.Hex(20) + "@example.jp>\n";
  }
};

std::string Multi(const std::string& boundary, const std::vector<std::string>& parts, const std::string& preamble = "",
                  const std::string& epilogue = "") {
  std::string out = preamble;
  for (const std::string& part : parts) out += "--" + boundary + "\n" + part + (part.ends_with("\n") ? "" : "\n");
  return out + "--" + boundary + "--\n" + epilogue;
}

using Style = void (*)(Draft&);

void OutlookExpress(Draft& d) {
  const std::string b = "----=_NextPart_000_" + d.make.Hex(4) + "_01DC" + d.make.Hex(4) + "." + d.make.Hex(8),
                    inner = "----=_NextPart_001_" + d.make.Hex(4) + "_01DC" + d.make.Hex(4) + "." + d.make.Hex(8);
  const File file = d.make.AFile();
  d.head += "From: \"" + Words(d.mail.from_name, Coding::kJis, " ", 30, true) + "\" <" + d.from +
            ">\nTo: <sato@customer.example>\nSubject: " + Words(d.mail.subject, Coding::kJis, "\n\t", 12, true) + "\n";
  d.Common();
  d.head += "MIME-Version: 1.0\nContent-Type: multipart/mixed;\n\tboundary=\"" + b +
            "\"\nX-Priority: 3\nX-MSMail-Priority: Normal\nX-Mailer: Microsoft Outlook Express 6.00.2900.5931\n";
  const std::string text = d.make.Body(d.mail.phrase), name = Words(file.name, Coding::kJis, "\n\t", 12, true);
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: multipart/alternative;\n\tboundary=\"" + inner + "\"\n\n" +
                 Multi(inner,
                       {"Content-Type: text/plain;\n\tcharset=\"iso-2022-jp\"\nContent-Transfer-Encoding: 7bit\n\n" +
                            Encode(text, Coding::kJis),
                        "Content-Type: text/html;\n\tcharset=\"iso-2022-jp\"\nContent-Transfer-Encoding: "
                        "quoted-printable\n\n" +
                            Qp("<HTML><HEAD><META http-equiv=Content-Type content=\"text/html; "
                               "charset=iso-2022-jp\"></HEAD><BODY><DIV>" +
                               Encode(d.mail.phrase, Coding::kJis) + "</DIV></BODY></HTML>\n")},
                       "\n"),
             d.FileOf(file, "Content-Type: " + file.type + ";\n\tname=\"" + name +
                                "\"\nContent-Disposition: attachment;\n\tfilename=\"" + name + "\"\n")},
            "This is a multi-part message in MIME format.\n\n", "\n");
}

void Exchange(Draft& d) {
  const std::string b = "_004_" + d.make.Hex(32) + "TYAPR01_", alt = "_000_" + d.make.Hex(32) + "TYAPR01_";
  const File file = d.make.AFile();
  d.head += "From: =?utf-8?B?" + Base64Encode(d.mail.from_name) + "?= <" + d.from +
            ">\nTo: \"sato@customer.example\" <sato@customer.example>\nSubject: " +
            Words(d.mail.subject, Coding::kUtf8, "\n ", 12, true) +
            "\nThread-Topic: " + Words(d.mail.subject, Coding::kUtf8) + "\nThread-Index: AQHcX" + d.make.Hex(10) +
            "==\n";
  d.Common();
  d.head +=
      "Accept-Language: ja-JP, en-US\nContent-Language: ja-JP\nX-MS-Has-Attach: "
      "yes\nX-MS-TNEF-Correlator:\nContent-Type: multipart/mixed;\n\tboundary=\"" +
      b + "\"\nMIME-Version: 1.0\n";
  const std::string name = "=?utf-8?B?" + Base64Encode(file.name) + "?=";
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: multipart/alternative;\n\tboundary=\"" + alt + "\"\n\n" +
                 Multi(alt, {"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\n" +
                                 Base64(Crlf(d.make.Body(d.mail.phrase))),
                             "Content-Type: text/html; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\n" +
                                 Base64("<html><body><p class=\"MsoNormal\">" + d.mail.phrase + "</p></body></html>")}),
             d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + name + "\"\nContent-Description: " + name +
                                "\nContent-Disposition: attachment;\n\tfilename=\"" + name +
                                "\"; size=" + std::to_string(file.content.size()) +
                                ";\n\tcreation-date=\"Tue, 24 Nov 2026 01:00:00 GMT\"\n")});
}

void Gmail(Draft& d) {
  const std::string b = "000000000000" + d.make.Hex(16), alt = "000000000000" + d.make.Hex(16);
  const File file = d.make.AFile();
  const std::string id = "f_" + d.make.Hex(9);
  d.head += "MIME-Version: 1.0\n";
  d.Common();
  d.head += "Subject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nFrom: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: " + Words("佐藤", Coding::kUtf8) +
            " <sato@customer.example>\nContent-Type: multipart/mixed; boundary=\"" + b + "\"\n";
  const std::string name = Words(file.name, Coding::kUtf8, "\n\t");
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: multipart/alternative; boundary=\"" + alt + "\"\n\n" +
                 Multi(alt,
                       {"Content-Type: text/plain; charset=\"UTF-8\"\nContent-Transfer-Encoding: base64\n\n" +
                            Base64(Crlf(d.make.Body(d.mail.phrase))),
                        "Content-Type: text/html; charset=\"UTF-8\"\nContent-Transfer-Encoding: quoted-printable\n\n" +
                            Qp("<div dir=\"ltr\">" + d.mail.phrase + "<br></div>\n")}),
             d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + name +
                                "\"\nContent-Disposition: attachment; filename=\"" + name + "\"\nContent-ID: <" + id +
                                ">\nX-Attachment-Id: " + id + "\n")});
}

void AppleMail(Draft& d) {
  const std::string b = "Apple-Mail=_" + d.make.Hex(8) + "-" + d.make.Hex(4) + "-4" + d.make.Hex(3) + "-A" +
                        d.make.Hex(3) + "-" + d.make.Hex(12);
  const File file = d.make.AFile();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8) + " <" + d.from +
            ">\nContent-Type: multipart/mixed;\n\tboundary=\"" + b +
            "\"\nMime-Version: 1.0 (Mac OS X Mail 16.0 \\(3826.300.87.4.3\\))\nSubject: " +
            Words(d.mail.subject, Coding::kUtf8) + "\n";
  d.Common();
  d.head += "To: sato@customer.example\nX-Mailer: Apple Mail (2.3826.300.87.4.3)\n";
  d.mail.octets =
      d.head + "\n\n" +
      Multi(b, {"Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain;\n\tcharset=utf-8\n\n" +
                    Qp(d.make.Body(d.mail.phrase)),
                d.FileOf(file, "Content-Disposition: attachment;\n\tfilename*=utf-8''" + Percent(file.name) +
                                   "\nContent-Type: " + file.type + ";\n\tx-unix-mode=0644;\n\tname=\"" +
                                   Words(file.name, Coding::kUtf8, "\n ") + "\"\n"),
                "Content-Transfer-Encoding: 7bit\nContent-Type: text/plain;\n\tcharset=us-ascii\n\n\n\n"});
}

void IPhone(Draft& d) {
  const std::string b = "Apple-Mail-" + d.make.Hex(8) + "-" + d.make.Hex(4) + "-" + d.make.Hex(12);
  d.head += "Content-Type: multipart/mixed; boundary=" + b +
            "\nContent-Transfer-Encoding: 7bit\nFrom: " + Words(d.mail.from_name, Coding::kUtf8) + " <" + d.from +
            ">\nMime-Version: 1.0 (1.0)\nSubject: " + Words(d.mail.subject, Coding::kUtf8) + "\n";
  d.Common();
  d.head += "To: sato@customer.example\nX-Mailer: iPhone Mail (22F76)\n";
  d.mail.file_names.push_back("IMG_0001.jpeg");
  d.mail.octets =
      d.head + "\n\n" +
      Multi(b, {"Content-Type: text/plain;\n\tcharset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                    Base64(Crlf(d.mail.phrase + "\n")),
                "Content-Type: image/jpeg;\n\tname=IMG_0001.jpeg;\n\tx-apple-part-url=" + d.make.Hex(8) +
                    "\nContent-Disposition: inline;\n\tfilename=IMG_0001.jpeg\nContent-Transfer-Encoding: base64\n\n" +
                    Base64("\xFF\xD8\xFF\xE1" + d.make.Hex(500)),
                "Content-Type: text/plain;\n\tcharset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                    Base64("\r\n\r\niPhoneから送信")});
}

void Thunderbird(Draft& d) {
  const std::string b = "------------" + d.make.Hex(24);
  const File file = d.make.AFile();
  d.head += "Content-Type: multipart/mixed; boundary=\"" + b + "\"\n";
  d.Common();
  d.head +=
      "MIME-Version: 1.0\nUser-Agent: Mozilla Thunderbird\nContent-Language: ja\nTo: sato@customer.example\nFrom: " +
      Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
      ">\nSubject: " + Words(d.mail.subject, Coding::kUtf8) + "\n";
  std::string name;
  const std::string percent = Percent(file.name);
  size_t index = 0;
  for (size_t at = 0; at < percent.size(); ++index) {
    size_t end = std::min(at + 45, percent.size());
    while (end < percent.size() && (percent[end - 1] == '%' || percent[end - 2] == '%')) --end;
    name +=
        ";\n filename*" + std::to_string(index) + "*=" + (index == 0 ? "UTF-8''" : "") + percent.substr(at, end - at);
    at = end;
  }
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: 8bit\n\n" +
                 d.make.Body(d.mail.phrase),
             d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + Words(file.name, Coding::kUtf8, "\n ") +
                                "\"\nContent-Disposition: attachment" + name + "\n")},
            "This is a multi-part message in MIME format.\n");
}

void Becky(Draft& d) {
  const std::string b = "------_" + d.make.Hex(8) + "0000000" + d.make.Hex(4) + "_MULTIPART_MIXED_";
  const File file = d.make.AFile();
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kJis, " ", 30) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" + b +
            "\"\nX-Mailer: Becky! ver. 2.81.04 [ja]\n";
  const std::string name = Words(file.name, Coding::kJis, "\n ");
  d.mail.octets = d.head + "\n" +
                  Multi(b, {"Content-Type: text/plain; charset=\"ISO-2022-JP\"\nContent-Transfer-Encoding: 7bit\n\n" +
                                Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                            d.FileOf(file, "Content-Type: " + file.type + ";\n name=\"" + name +
                                               "\"\nContent-Disposition: attachment;\n filename=\"" + name + "\"\n")});
}

void Plain(Draft& d, Coding code, const std::string& fields) {
  d.Common();
  d.mail.octets = d.head + fields + "\n" + Encode(d.make.Body(d.mail.phrase), code);
}

void HidemaruMail(Draft& d) {
  d.head += "From: " + Words(d.mail.from_name, Coding::kJis, " ", 30) + " <" + d.from +
            ">\nTo: " + Words("佐藤様", Coding::kJis) +
            " <sato@customer.example>\nSubject: " + Words(d.mail.subject, Coding::kJis) + "\n";
  Plain(d, Coding::kJis,
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-2022-jp\nContent-Transfer-Encoding: 7bit\nX-Mailer: "
        "HidemaruMail 7.30 (WinNT,1000)\n");
}

// Before MIME: characters as they are.
void RawJis(Draft& d) {
  d.head += "From: " + Encode(d.mail.from_name, Coding::kJis) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Encode(d.mail.subject, Coding::kJis) + "\n";
  Plain(d, Coding::kJis, "");
}

void WebForm(Draft& d) {
  d.head += "To: sato@customer.example\nFrom: \"" + Encode(d.mail.from_name, Coding::kJis) + "\" <" + d.from +
            ">\nSubject: " + Encode(d.mail.subject, Coding::kJis) +
            "\nContent-type: text/plain; charset=ISO-2022-JP\nX-Processed: postmail.cgi\n";
  d.mail.octets = d.head + "\n" + Encode(d.make.Body(d.mail.phrase), Coding::kJis);
}

void PhpMail(Draft& d) {
  d.head += "To: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis, "\n ", 200) +
            "\nX-PHP-Originating-Script: 500:mail.php\nFrom: " + Words(d.mail.from_name, Coding::kJis, " ", 200) + "<" +
            d.from + ">\nMime-Version: 1.0\n";
  Plain(d, Coding::kJis, "Content-Type: text/plain; charset=ISO-2022-JP\nContent-Transfer-Encoding: 7bit\n");
}

void RawShiftJis(Draft& d) {
  d.head += "From: \"" + Encode(d.mail.from_name, Coding::kShiftJis) + "\" <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Encode(d.mail.subject + "です", Coding::kShiftJis) + "\n";
  d.mail.subject += "です";
  Plain(d, Coding::kShiftJis,
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=Shift_JIS\nContent-Transfer-Encoding: 8bit\n");
}

void UnlabelledEuc(Draft& d) {
  d.head += "From: " + d.from + " (" + Words(d.mail.from_name, Coding::kEuc) +
            ")\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kEuc) + "\n";
  Plain(d, Coding::kEuc, "");
}

void EucMime(Draft& d) {
  d.head += "From: " + Words(d.mail.from_name, Coding::kEuc) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kEuc) + "\nMIME-Version: 1.0\n";
  Plain(d, Coding::kEuc, "Content-Type: text/plain; charset=euc-jp\nContent-Transfer-Encoding: 8bit\n");
}

void RawUtf8(Draft& d) {
  d.head += "From: " + d.mail.from_name + " <" + d.from +
            ">\nTo: 佐藤様 <sato@customer.example>\nSubject: " + d.mail.subject + "\n";
  Plain(d, Coding::kUtf8,
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n");
}

// A multi-function printer that scans to mail.
void Scanner(Draft& d) {
  const File file = {d.make.Coin() ? "スキャン表.pdf" : "20261124103000.pdf", "application/pdf",
                     "%PDF-1.4\n" + d.make.Hex(3000)};
  d.head += "From: <" + d.from +
            ">\nTo: <sato@customer.example>\nSubject: " + Words(d.mail.subject, Coding::kShiftJis) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"DC_BOUND_PRE_<" + d.make.Hex(8) + ">\"\n";
  d.mail.from_name.clear();
  const std::string b = d.head.substr(d.head.find("DC_"), d.head.rfind('"') - d.head.find("DC_"));
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: text/plain; charset=Shift_JIS\nContent-Transfer-Encoding: 8bit\n\n" +
                 Encode(d.mail.phrase + "\n", Coding::kShiftJis),
             d.FileOf(file, "Content-Type: application/pdf; name=\"" + Encode(file.name, Coding::kShiftJis) +
                                "\"\nContent-Disposition: attachment; filename=\"" +
                                Encode(file.name, Coding::kShiftJis) + "\"\n")},
            "This is multi-part message.\n");
}

void Mobile(Draft& d) {
  d.from = "hana..ko.@docomo.example";
  d.head += "From: " + d.from +
            "\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis, " ", 40) +
            "\nMIME-Version: 1.0\nContent-Type: text/plain; charset=\"iso-2022-jp\"\nContent-Transfer-Encoding: 7bit\n";
  d.mail.from_name.clear();
  d.mail.octets = d.head + "\n" + Encode(d.mail.phrase + "\nﾖﾛｼｸ\n", Coding::kJis);
}

void Notes(Draft& d) {
  const std::string b = "=_mixed 00" + d.make.Hex(6) + "_=", alt = "=_alternative 00" + d.make.Hex(6) + "_=";
  const File file = d.make.AFile();
  d.head += "MIME-Version: 1.0\nSubject: " + Words(d.mail.subject, Coding::kJis, "\n ", 12) +
            "\nFrom: " + Words(d.mail.from_name, Coding::kJis, " ", 30) + " <" + d.from +
            ">\nTo: sato@customer.example\n";
  d.Common();
  d.head +=
      "X-MIMETrack: Serialize by Router on MAIL01/EXAMPLE(Release 9.0.1FP10|February, 2018) at\n 2026/11/24 "
      "10:00:00,\n\tSerialize complete\nContent-Type: multipart/mixed; boundary=\"" +
      b + "\"\n";
  const std::string name = Words(file.name, Coding::kJis, "\n ", 12);
  d.mail.octets = d.head + "\n" +
                  Multi(b,
                        {"Content-Type: multipart/alternative; boundary=\"" + alt + "\"\n\n\n" +
                             Multi(alt, {"Content-Type: text/plain; charset=\"ISO-2022-JP\"\n\n" +
                                             Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                                         "Content-Type: text/html; charset=\"ISO-2022-JP\"\n\n" +
                                             Encode("<br><font size=2>" + d.mail.phrase + "</font>\n", Coding::kJis)}),
                         d.FileOf(file, "Content-Type: application/octet-stream; name=\"" + name +
                                            "\"\nContent-Disposition: attachment; filename=\"" + name + "\"\n")},
                        "This is a multipart message in MIME format.\n");
}

void Groupware(Draft& d) {
  const std::string b = "Cybozu_Garoon_" + d.make.Hex(16);
  const File file = d.make.AFile();
  d.Common();
  d.head += "Subject: " + Words(d.mail.subject, Coding::kUtf8) + "\nFrom: " + QWords(d.mail.from_name) + " <" + d.from +
            ">\nTo: sato@customer.example\nCc: \nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"" + b +
            "\"\n";
  d.mail.octets = d.head + "\n" +
                  Multi(b, {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                                Base64(Crlf(d.make.Body(d.mail.phrase))),
                            d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + file.name +
                                               "\"\nContent-Disposition: attachment; filename=\"" + file.name +
                                               "\"; filename*=utf-8''" + Percent(file.name) + "\n")});
}

void JavaMail(Draft& d) {
  const std::string b =
      "----=_Part_0_" + std::to_string(d.make.Next(2000000000)) + "." + std::to_string(d.make.Next(2000000000));
  const File file = d.make.AFile();
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; \n\tboundary=\"" + b + "\"\n";
  const std::string name = Words(file.name, Coding::kUtf8, " ", 60);
  d.mail.octets = d.head + "\n" +
                  Multi(b, {"Content-Type: text/plain; charset=ISO-2022-JP\nContent-Transfer-Encoding: 7bit\n\n" +
                                Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                            d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + name +
                                               "\"\nContent-Disposition: attachment; filename=\"" + name + "\"\n")});
}

void MimeLite(Draft& d) {
  const std::string b = "_----------=_" + std::to_string(1700000000 + d.make.Next(100000000)) + "0";
  const File file = d.make.AFile();
  d.head +=
      "Content-Transfer-Encoding: binary\nContent-Type: multipart/mixed; boundary=\"" + b +
      "\"\nMIME-Version: 1.0\nDate: Tue, 24 Nov 2026 10:00:00 UT\nFrom: " + Words(d.mail.from_name, Coding::kJis) +
      " <" + d.from + ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis) +
      "\nX-Mailer: MIME::Lite 3.030 (F2.85; T2.17; A2.20; B3.15; Q3.13)\n";
  const std::string name = Words(file.name, Coding::kJis, " ", 60);
  d.mail.octets = d.head + "\n" +
                  Multi(b,
                        {"Content-Disposition: inline\nContent-Length: 100\nContent-Transfer-Encoding: "
                         "7bit\nContent-Type: text/plain; charset=\"iso-2022-jp\"\n\n" +
                             Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                         d.FileOf(file, "Content-Disposition: attachment; filename=\"" + name +
                                            "\"\nContent-Type: " + file.type + "; name=\"" + name + "\"\n")},
                        "This is a multi-part message in MIME format.\n\n", "\n");
}

void DotNet(Draft& d) {
  const std::string b = "--boundary_0_" + d.make.Hex(8) + "-" + d.make.Hex(4) + "-" + d.make.Hex(12);
  const File file = d.make.AFile();
  d.head += "MIME-Version: 1.0\nFrom: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\n";
  d.Common();
  d.head +=
      "Subject: " + Words(d.mail.subject, Coding::kUtf8) + "\nContent-Type: multipart/mixed;\n boundary=" + b + "\n";
  const std::string name = Words(file.name, Coding::kUtf8, "\n ");
  d.mail.octets = d.head + "\n\n" +
                  Multi(b, {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                                Base64(Crlf(d.make.Body(d.mail.phrase))),
                            d.FileOf(file, "Content-Type: " + file.type + ";\n name=\"" + name +
                                               "\"\nContent-Disposition: attachment\n")});
}

void PythonEmail(Draft& d) {
  const std::string b = "===============" + std::to_string(d.make.Next(2000000000)) + "123456789==";
  const File file = d.make.AFile();
  d.head += "Content-Type: multipart/mixed; boundary=\"" + b +
            "\"\nMIME-Version: 1.0\nSubject: " + Words(d.mail.subject, Coding::kUtf8, "\n ", 12, true) +
            "\nFrom: " + Words(d.mail.from_name, Coding::kUtf8, " ", 12, true) + " <" + d.from +
            ">\nTo: sato@customer.example\n";
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: text/plain; charset=\"utf-8\"\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n" +
                 Base64(d.make.Body(d.mail.phrase)),
             d.FileOf(file, "Content-Type: " + file.type +
                                "\nMIME-Version: 1.0\nContent-Disposition: attachment; filename*=utf-8''" +
                                Percent(file.name) + "\n")});
}

void RubyMail(Draft& d) {
  const std::string b = "--==_mimepart_" + d.make.Hex(12) + "_" + d.make.Hex(10);
  d.Common();
  d.head += "From: " + QWords(d.mail.from_name) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + QWords(d.mail.subject) +
            "\nMime-Version: 1.0\nContent-Type: multipart/alternative;\n boundary=\"" + b +
            "\";\n charset=UTF-8\nContent-Transfer-Encoding: 7bit\n";
  d.mail.octets = d.head + "\n\n" +
                  Multi(b,
                        {"Content-Type: text/plain;\n charset=UTF-8\nContent-Transfer-Encoding: base64\n\n" +
                             Base64(Crlf(d.make.Body(d.mail.phrase))),
                         "Content-Type: text/html;\n charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
                             Qp("<!DOCTYPE html>\n<html><body>" + d.mail.phrase + "</body></html>\n")},
                        "\n");
}

void Newsletter(Draft& d) {
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nList-Unsubscribe: <https://example.jp/u?x=1>\nMIME-Version: 1.0\nContent-Type: text/html; "
            "charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n";
  d.mail.octets =
      d.head + "\n" +
      Qp("<html><head><title>x</title><style>td{color:red}</style></head><body><table><tr><td>" + d.mail.phrase +
         "</td></tr></table><img src=\"https://example.jp/a.png\" alt=\"\"></body></html>\n");
}

// Forgets MIME-Version, as many scripts do.
void HtmlScript(Draft& d) {
  d.head += "From: " + d.from + "\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nContent-type: text/html; charset=UTF-8\n";
  d.mail.from_name.clear();
  d.mail.octets = d.head + "\n<html><body><p>" + d.mail.phrase + "</p></body></html>\n";
}

void Nodemailer(Draft& d) {
  const std::string b = "--_NmP-" + d.make.Hex(16) + "-Part_1";
  const File file = d.make.AFile();
  d.head += "Content-Type: multipart/mixed; boundary=\"" + b +
            "\"\nFrom: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) + "\n";
  d.Common();
  d.head += "MIME-Version: 1.0\n";
  const std::string percent = Percent(file.name);
  d.mail.octets =
      d.head + "\n" +
      Multi(b, {"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n" +
                    Base64(d.make.Body(d.mail.phrase)),
                d.FileOf(file, "Content-Type: " + file.type + "; name=\"" + Words(file.name, Coding::kUtf8, "\n ") +
                                   "\"\nContent-Disposition: attachment;\n filename*0*=utf-8''" + percent + "\n")});
}

void Roundcube(Draft& d) {
  const std::string b = "=_" + d.make.Hex(32);
  const File file = d.make.AFile();
  d.head += "MIME-Version: 1.0\n";
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: undisclosed-recipients:;\nSubject: " + QWords(d.mail.subject) +
            "\nContent-Type: multipart/mixed;\n boundary=\"" + b + "\"\n";
  d.mail.octets =
      d.head + "\n" +
      Multi(b, {"Content-Transfer-Encoding: 8bit\nContent-Type: text/plain; charset=UTF-8;\n format=flowed\n\n" +
                    d.make.Body(d.mail.phrase),
                d.FileOf(file, "Content-Type: " + file.type + ";\n name=\"" + Words(file.name, Coding::kUtf8, "\n ") +
                                   "\"\nContent-Disposition: attachment;\n filename=\"" +
                                   Words(file.name, Coding::kUtf8, "\n ") +
                                   "\";\n size=" + std::to_string(file.content.size()) + "\n")});
}

// How a SignedData without content begins.
constexpr std::string_view kOutlookSignature =
    "308006092a864886f70d010702a0803080020101310f300d06096086480165030402010500308006092a864886f70d0107010000a08082";

void Signed(Draft& d) {
  const std::string b = "----=_NextPart_000_" + d.make.Hex(4) + "_01DC" + d.make.Hex(4) + "." + d.make.Hex(8);
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kJis, " ", 30) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis) +
            "\nMIME-Version: 1.0\nContent-Type: "
            "multipart/signed;\n\tprotocol=\"application/"
            "x-pkcs7-signature\";\n\tmicalg=2.16.840.1.101.3.4.2.1;\n\tboundary=\"" +
            b + "\"\n";
  d.mail.octets = d.head + "\n" +
                  Multi(b,
                        {"Content-Type: text/plain;\n\tcharset=\"iso-2022-jp\"\nContent-Transfer-Encoding: 7bit\n\n" +
                             Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                         "Content-Type: application/pkcs7-signature;\n\tname=\"smime.p7s\"\nContent-Transfer-Encoding: "
                         "base64\nContent-Disposition: attachment;\n\tfilename=\"smime.p7s\"\n\n" +
                             Base64(*HexDecode(kOutlookSignature) + d.make.Hex(500))},
                        "This is a multi-part message in MIME format.\n\n");
}

void Forwarded(Draft& d) {
  CorpusMail inner_mail = d.mail;
  Draft inner = {d.make, inner_mail, d.from, ""};
  (d.make.Coin() ? Becky : Thunderbird)(inner);
  const std::string b = "------------" + d.make.Hex(24);
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" + b + "\"\n";
  d.mail.file_names = {d.mail.subject + ".eml"};
  d.mail.file_names.insert(d.mail.file_names.end(), inner_mail.file_names.begin(), inner_mail.file_names.end());
  d.mail.octets =
      d.head + "\n" +
      Multi(
          b,
          {"Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n\n" + d.make.Body(d.mail.phrase),
           "Content-Type: message/rfc822; charset=UTF-8; name=\"" + Words(d.mail.file_names[0], Coding::kUtf8, "\n ") +
               "\"\nContent-Disposition: attachment; filename*=UTF-8''" + Percent(d.mail.file_names[0]) + "\n\n" +
               inner_mail.octets});
}

void Invitation(Draft& d) {
  const std::string b = "_000_" + d.make.Hex(32) + "_";
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/alternative;\n\tboundary=\"" + b + "\"\n";
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\n" +
                 Base64(Crlf(d.make.Body(d.mail.phrase))),
             "Content-Type: text/calendar; charset=\"utf-8\"; method=REQUEST\nContent-Transfer-Encoding: base64\n\n" +
                 Base64("BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:" + d.mail.subject +
                        "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")});
}

void Receipt(Draft& d) {
  const std::string b = "----" + d.make.Hex(20);
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kJis, " ", 30) + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kJis) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=disposition-notification; boundary=\"" +
            b + "\"\n";
  d.mail.file_names = {"", ""};
  d.mail.octets =
      d.head + "\n" +
      Multi(b, {"Content-Type: text/plain; charset=ISO-2022-JP\n\n" + Encode(d.make.Body(d.mail.phrase), Coding::kJis),
                "Content-Type: message/disposition-notification; name=\"MDNPart2.txt\"\nContent-Disposition: "
                "inline\n\nReporting-UA: example.jp; Becky! 2.81\nFinal-Recipient: "
                "rfc822;hanako@example.jp\nDisposition: manual-action/MDN-sent-manually; displayed\n\n",
                "Content-Type: text/rfc822-headers; name=\"MDNPart3.txt\"\nContent-Disposition: inline\n\nSubject: " +
                    Words(d.mail.subject, Coding::kJis) + "\nFrom: x@customer.example\n\n"});
  d.mail.file_names = {"MDNPart2.txt", "MDNPart3.txt"};
}

// HTML with the company's logo, alternative inside related.
void Logo(Draft& d) {
  const std::string b = "_005_" + d.make.Hex(24) + "_", alt = "_000_" + d.make.Hex(24) + "_",
                    id = "image001.png@01DC" + d.make.Hex(4) + "." + d.make.Hex(8);
  d.Common();
  d.head += "From: " + Words(d.mail.from_name, Coding::kUtf8, " ") + " <" + d.from +
            ">\nTo: sato@customer.example\nSubject: " + Words(d.mail.subject, Coding::kUtf8) +
            "\nMIME-Version: 1.0\nContent-Type: multipart/related;\n\tboundary=\"" + b +
            "\";\n\ttype=\"multipart/alternative\"\n";
  d.mail.octets =
      d.head + "\n" +
      Multi(b,
            {"Content-Type: multipart/alternative;\n\tboundary=\"" + alt + "\"\n\n" +
                 Multi(alt,
                       {"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: base64\n\n" +
                            Base64(Crlf(d.make.Body(d.mail.phrase))),
                        "Content-Type: text/html; charset=\"utf-8\"\nContent-Transfer-Encoding: quoted-printable\n\n" +
                            Qp("<html><body>" + d.mail.phrase + "<img src=\"cid:" + id + "\"></body></html>\n")}),
             "Content-Type: image/png; name=\"image001.png\"\nContent-Description: image001.png\nContent-Disposition: "
             "inline; filename=\"image001.png\"; size=100\nContent-ID: <" +
                 id + ">\nContent-Transfer-Encoding: base64\n\n" + Base64("\x89PNG\r\n\x1A\n" + d.make.Hex(100))});
}

constexpr std::pair<const char*, Style> kStyles[] = {
    {"Outlook Express", OutlookExpress},
    {"Exchange", Exchange},
    {"Gmail", Gmail},
    {"Apple Mail", AppleMail},
    {"iPhone", IPhone},
    {"Thunderbird", Thunderbird},
    {"Becky!", Becky},
    {"Hidemaru", HidemaruMail},
    {"raw JIS", RawJis},
    {"web form", WebForm},
    {"PHP", PhpMail},
    {"raw Shift_JIS", RawShiftJis},
    {"unlabelled EUC-JP", UnlabelledEuc},
    {"EUC-JP", EucMime},
    {"raw UTF-8", RawUtf8},
    {"scanner", Scanner},
    {"mobile", Mobile},
    {"Notes", Notes},
    {"groupware", Groupware},
    {"JavaMail", JavaMail},
    {"MIME::Lite", MimeLite},
    {".NET", DotNet},
    {"Python", PythonEmail},
    {"Ruby", RubyMail},
    {"newsletter", Newsletter},
    {"HTML script", HtmlScript},
    {"nodemailer", Nodemailer},
    {"Roundcube", Roundcube},
    {"signed", Signed},
    {"forwarded", Forwarded},
    {"invitation", Invitation},
    {"receipt", Receipt},
    {"logo", Logo},
};

}  // namespace

size_t ClientStyles() { return std::size(kStyles); }

CorpusMail MakeCorpusMail(size_t number) {
  Maker make(number);
  const auto& [client, style] = kStyles[number % std::size(kStyles)];
  CorpusMail mail;
  mail.client = client;
  mail.subject = make.Pick(kSubjects);
  mail.from_name = make.Pick(kNames);
  mail.phrase = make.Pick(kPhrases);
  Draft draft = {make, mail, "hanako@example.jp", ""};
  style(draft);
  mail.octets = Crlf(mail.octets);
  return mail;
}

}  // namespace sekisho::mime

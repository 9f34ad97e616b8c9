#include "shared/text/japanese.h"

#include <unicode/ucnv.h>
#include <unicode/ucnv_err.h>

#include <array>
#include <cstdint>
#include <memory>

#include "shared/base/handle.h"
#include "shared/base/result.h"

namespace sekisho::text::japanese {
namespace {

using Converter = Handle<UConverter, ucnv_close>;

constexpr size_t kCells = 94;
constexpr size_t kRows = 94;        // JIS X 0208 and 0212
constexpr size_t kCp932Rows = 120;  // Shift_JIS lead octets up to FC reach further

struct Tables {
  std::array<uint16_t, kCp932Rows * kCells> cp932{};  // 0: no character
  std::array<uint16_t, kRows * kCells> jis0212{};
};

Converter OpenStrict(const char* name) {
  UErrorCode error = U_ZERO_ERROR;
  Converter converter(ucnv_open(name, &error));
  SEKISHO_CHECK(U_SUCCESS(error));
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &error);
  SEKISHO_CHECK(U_SUCCESS(error));
  return converter;
}

uint16_t OneCharacter(UConverter* converter, std::string_view octets) {
  UErrorCode error = U_ZERO_ERROR;
  UChar out[4];
  ucnv_reset(converter);
  const int32_t size = ucnv_toUChars(converter, out, 4, octets.data(), static_cast<int32_t>(octets.size()), &error);
  return U_SUCCESS(error) && size == 1 ? out[0] : 0;
}

const Tables& GetTables() {
  static const std::unique_ptr<const Tables> tables = [] {
    auto made = std::make_unique<Tables>();
    const Converter cp932 = OpenStrict("ibm-943_P15A-2003");  // equals Microsoft's CP932 in all 9,604 characters
    for (size_t row = 0; row < kCp932Rows; ++row) {
      for (size_t cell = 0; cell < kCells; ++cell) {
        const size_t lead = row / 2 + (row < 62 ? 0x81 : 0xC1);
        const size_t trail = row % 2 == 1 ? cell + 0x9F : cell + (cell < 63 ? 0x40 : 0x41);
        const char pair[] = {static_cast<char>(lead), static_cast<char>(trail)};
        made->cp932[row * kCells + cell] = OneCharacter(cp932.get(), {pair, 2});
      }
    }
    const Converter euc = OpenStrict("euc-jp-2007");
    for (size_t row = 0; row < kRows; ++row) {
      for (size_t cell = 0; cell < kCells; ++cell) {
        const char triple[] = {'\x8F', static_cast<char>(row + 0xA1), static_cast<char>(cell + 0xA1)};
        made->jis0212[row * kCells + cell] = OneCharacter(euc.get(), {triple, 3});
      }
    }
    return made;
  }();
  return *tables;
}

// Collects UTF-8 in a small buffer: one append to the string for many characters.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  ~Writer() { Flush(); }

  void Ascii(unsigned char c) {
    Room();
    buffer_[size_++] = static_cast<char>(c);
  }
  // 0 stands for "no character".
  void Bmp(uint16_t c) {
    if (c == 0) return Bad();
    Room();
    if (c < 0x80) {
      buffer_[size_++] = static_cast<char>(c);
    } else if (c < 0x800) {
      buffer_[size_++] = static_cast<char>(0xC0 | c >> 6);
      buffer_[size_++] = static_cast<char>(0x80 | (c & 0x3F));
    } else {
      buffer_[size_++] = static_cast<char>(0xE0 | c >> 12);
      buffer_[size_++] = static_cast<char>(0x80 | (c >> 6 & 0x3F));
      buffer_[size_++] = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  void Bad() {
    exact_ = false;
    Bmp(0xFFFD);
  }
  bool exact() const { return exact_; }

 private:
  void Room() {
    if (size_ + 3 > sizeof(buffer_)) Flush();
  }
  void Flush() {
    out_.append(buffer_, size_);
    size_ = 0;
  }
  std::string& out_;
  char buffer_[2048];
  size_t size_ = 0;
  bool exact_ = true;
};

constexpr uint16_t HalfWidthKana(unsigned char octet) { return static_cast<uint16_t>(0xFF61 + (octet & 0x7F) - 0x21); }
constexpr bool IsKana(unsigned char octet) { return octet >= 0xA1 && octet <= 0xDF; }
constexpr bool IsGl(unsigned char octet) { return octet >= 0x21 && octet <= 0x7E; }
constexpr bool IsGr(unsigned char octet) { return octet >= 0xA1 && octet <= 0xFE; }

enum class Set { kAscii, kKana, kJis0208, kJis0212 };

// Reads the designation after ESC; its size without ESC, 0 when it isn't one that we know.
size_t Designation(std::string_view rest, Set& set) {
  struct Escape {
    std::string_view octets;
    Set set;
  };
  // "(H" was meant for Swedish, and early PC mailers send it for ASCII. "$(O" and "$(Q" are JIS X 0213, which keeps
  // most of 0208.
  static constexpr Escape kEscapes[] = {{"(B", Set::kAscii},    {"(J", Set::kAscii},    {"(H", Set::kAscii},
                                        {"(I", Set::kKana},     {"$B", Set::kJis0208},  {"$@", Set::kJis0208},
                                        {"$(B", Set::kJis0208}, {"$(@", Set::kJis0208}, {"&@\x1B$B", Set::kJis0208},
                                        {"$(O", Set::kJis0208}, {"$(Q", Set::kJis0208}, {"$(D", Set::kJis0212}};
  for (const Escape& escape : kEscapes) {
    if (rest.substr(0, escape.octets.size()) == escape.octets) {
      set = escape.set;
      return escape.octets.size();
    }
  }
  return 0;
}

}  // namespace

void WarmUp() { GetTables(); }

bool DecodeShiftJis(std::string_view octets, std::string& out) {
  const Tables& tables = GetTables();
  Writer writer(out);
  for (size_t at = 0; at < octets.size(); ++at) {
    const auto lead = static_cast<unsigned char>(octets[at]);
    if (lead < 0x80) {
      writer.Ascii(lead);
    } else if (IsKana(lead)) {
      writer.Bmp(HalfWidthKana(lead));
    } else if (lead == 0x80 || lead == 0xA0 || lead > 0xFC || at + 1 == octets.size()) {
      writer.Bad();
    } else {
      const auto trail = static_cast<unsigned char>(octets[at + 1]);
      const size_t base = (lead - (lead < 0xA0 ? 0x81 : 0xC1)) * 2;
      uint16_t found = 0;
      if (trail >= 0x9F && trail <= 0xFC) {
        found = tables.cp932[(base + 1) * kCells + trail - 0x9F];
      } else if (trail >= 0x40 && trail != 0x7F && trail < 0x9F) {
        found = tables.cp932[base * kCells + trail - (trail < 0x7F ? 0x40 : 0x41)];
      }
      writer.Bmp(found);
      // A wrong pair must not swallow markup or a line end.
      if (found != 0 || trail >= 0x80) ++at;
    }
  }
  return writer.exact();
}

bool DecodeEucJp(std::string_view octets, std::string& out) {
  const Tables& tables = GetTables();
  Writer writer(out);
  for (size_t at = 0; at < octets.size(); ++at) {
    const auto lead = static_cast<unsigned char>(octets[at]);
    const auto next =
        at + 1 < octets.size() ? static_cast<unsigned char>(octets[at + 1]) : static_cast<unsigned char>(0);
    const auto third =
        at + 2 < octets.size() ? static_cast<unsigned char>(octets[at + 2]) : static_cast<unsigned char>(0);
    if (lead < 0x80) {
      writer.Ascii(lead);
    } else if (lead == 0x8E && IsKana(next)) {
      writer.Bmp(HalfWidthKana(next));
      ++at;
    } else if (lead == 0x8F && IsGr(next) && IsGr(third)) {
      writer.Bmp(tables.jis0212[(next - 0xA1) * kCells + third - 0xA1]);
      at += 2;
    } else if (IsGr(lead) && IsGr(next)) {
      writer.Bmp(tables.cp932[(lead - 0xA1) * kCells + next - 0xA1]);
      ++at;
    } else {
      writer.Bad();
    }
  }
  return writer.exact();
}

bool DecodeIso2022Jp(std::string_view octets, bool reset_at_line_end, std::string& out) {
  const Tables& tables = GetTables();
  Writer writer(out);
  Set set = Set::kAscii;
  bool shifted = false;  // SO … SI: half-width kana in seven bits
  for (size_t at = 0; at < octets.size(); ++at) {
    const auto octet = static_cast<unsigned char>(octets[at]);
    if (octet == 0x1B) {
      const size_t size = Designation(octets.substr(at + 1), set);
      if (size == 0) writer.Bad();
      at += size;
    } else if (octet == 0x0E || octet == 0x0F) {
      shifted = octet == 0x0E;
    } else if (octet == '\r' || octet == '\n') {
      if (reset_at_line_end) {
        set = Set::kAscii;
        shifted = false;
      }
      writer.Ascii(octet);
    } else if (octet >= 0x80) {
      if (IsKana(octet)) {
        writer.Bmp(HalfWidthKana(octet));
      } else {
        writer.Bad();
      }
    } else if (octet <= 0x20 || octet == 0x7F) {
      writer.Ascii(octet);
    } else if (shifted || set == Set::kKana) {
      if (octet <= 0x5F) {
        writer.Bmp(HalfWidthKana(octet));
      } else {
        writer.Bad();
      }
    } else if (set == Set::kAscii) {
      writer.Ascii(octet);
    } else {
      const auto next =
          at + 1 < octets.size() ? static_cast<unsigned char>(octets[at + 1]) : static_cast<unsigned char>(0);
      if (!IsGl(next)) {
        writer.Bad();
        continue;
      }
      const size_t index = (octet - 0x21) * kCells + next - 0x21;
      writer.Bmp(set == Set::kJis0208 ? tables.cp932[index] : tables.jis0212[index]);
      ++at;
    }
  }
  return writer.exact();
}

bool HasOpenLine(std::string_view octets) {
  Set set = Set::kAscii;
  // Only escapes and line ends matter; they are few.
  for (size_t at = octets.find_first_of("\x1B\n"); at != std::string_view::npos;
       at = octets.find_first_of("\x1B\n", at + 1)) {
    if (octets[at] == '\n') {
      if (set != Set::kAscii) return true;
    } else {
      Designation(octets.substr(at + 1), set);
    }
  }
  return false;
}

}  // namespace sekisho::text::japanese

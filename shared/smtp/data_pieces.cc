#include "shared/smtp/data_pieces.h"

#include <cstring>

namespace sekisho::smtp {

std::vector<std::string_view> StuffedPieces(const std::vector<std::string_view>& content) {
  std::vector<std::string_view> pieces;
  bool line_start = true;   // a dot here is doubled
  char last = '\n';
  for (std::string_view piece : content) {
    if (piece.empty()) continue;
    size_t begin = 0;
    if (line_start && piece.front() == '.') pieces.push_back(".");
    // Lines that begin with a dot are few: look for dots, then at what stands before.
    for (size_t at = 1; at < piece.size();) {
      const void* found = std::memchr(piece.data() + at, '.', piece.size() - at);
      if (found == nullptr) break;
      const size_t dot = static_cast<size_t>(static_cast<const char*>(found) - piece.data());
      if (piece[dot - 1] == '\n') {
        pieces.push_back(piece.substr(begin, dot - begin));
        pieces.push_back(".");
        begin = dot;
      }
      at = dot + 1;
    }
    pieces.push_back(piece.substr(begin));
    last = piece.back();
    line_start = last == '\n';
  }
  pieces.push_back(last == '\n' ? ".\r\n" : "\r\n.\r\n");
  return pieces;
}

}  // namespace sekisho::smtp

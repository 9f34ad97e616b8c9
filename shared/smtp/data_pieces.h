#pragma once
// The client's side of DATA without copying: the content as it goes on the wire, with dots stuffed and the end mark (RFC 5321 §4.5.2).
// Pure.

#include <string_view>
#include <vector>

namespace sekisho::smtp {

// `content`: pieces one after another, CRLF line ends (checked before). The result views them, and static text.
std::vector<std::string_view> StuffedPieces(const std::vector<std::string_view>& content);

}  // namespace sekisho::smtp

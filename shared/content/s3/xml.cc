#include "shared/content/s3/xml.h"

#include <array>
#include <utility>

namespace sekisho::content::s3 {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 8> kEntities = {{{"&amp;", '&'},
                                                                         {"&lt;", '<'},
                                                                         {"&gt;", '>'},
                                                                         {"&quot;", '"'},
                                                                         {"&apos;", '\''},
                                                                         {"&#34;", '"'},
                                                                         {"&#39;", '\''},
                                                                         {"&#x22;", '"'}}};

std::string Unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    size_t taken = 1;
    char octet = text.front();
    for (const auto& [entity, meaning] : kEntities) {
      if (!text.starts_with(entity)) continue;
      taken = entity.size();
      octet = meaning;
    }
    plain += octet;
    text.remove_prefix(taken);
  }
  return plain;
}

}  // namespace

std::vector<std::string> XmlTexts(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">", close = "</" + std::string(name) + ">";
  std::vector<std::string> texts;
  for (size_t at = 0; (at = xml.find(open, at)) != std::string_view::npos;) {
    at += open.size();
    const size_t end = xml.find(close, at);
    if (end == std::string_view::npos) break;
    texts.push_back(Unescape(xml.substr(at, end - at)));
    at = end + close.size();
  }
  return texts;
}

std::string XmlText(std::string_view xml, std::string_view name) {
  const auto texts = XmlTexts(xml, name);
  return texts.empty() ? std::string() : texts.front();
}

std::string XmlEscape(std::string_view text) {
  std::string escaped;
  for (const char octet : text) {
    switch (octet) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += octet;
    }
  }
  return escaped;
}

}  // namespace sekisho::content::s3

#pragma once
// The little of XML that S3's answers need: flat elements without attributes, found by their name. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace sekisho::content::s3 {

// The texts of all `<name>…</name>`, in order. An entity it doesn't know stays as it is.
std::vector<std::string> XmlTexts(std::string_view xml, std::string_view name);
// The first of them; empty when there is none.
std::string XmlText(std::string_view xml, std::string_view name);
std::string XmlEscape(std::string_view text);

}  // namespace sekisho::content::s3

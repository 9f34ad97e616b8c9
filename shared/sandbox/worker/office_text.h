#pragma once
// The text in one XML part of an OOXML or ODF document (ISO/IEC 29500, 26300).

#include <optional>
#include <string>
#include <string_view>

namespace sekisho::sandbox {

// To be called once, before the process is confined.
void PrepareXml();

// All character data, paragraphs and rows ended by LF, cells by a tab; references of spreadsheet cells to shared
// strings are left out. nullopt when it isn't well-formed, or has a document type: no office program writes one, and
// entities could hide text.
std::optional<std::string> XmlText(std::string_view xml);

}  // namespace sekisho::sandbox

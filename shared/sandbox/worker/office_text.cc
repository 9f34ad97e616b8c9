#include "shared/sandbox/worker/office_text.h"

#include <libxml/parser.h>

#include <algorithm>
#include <array>

#include "shared/base/handle.h"

namespace sekisho::sandbox {
namespace {

using Parser = Handle<xmlParserCtxt, xmlFreeParserCtxt>;

struct Collector {
  std::string text;
  bool document_type = false;
  bool shared_string_cell = false;  // inside <c t="s">: its value is a number of a string
  xmlParserCtxtPtr parser = nullptr;
};

std::string_view View(const xmlChar* text) { return reinterpret_cast<const char*>(text); }

bool IsOneOf(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void OnDocumentType(void* context, const xmlChar*, const xmlChar*, const xmlChar*) {
  auto* const collector = static_cast<Collector*>(context);
  collector->document_type = true;
  xmlStopParser(collector->parser);
}

void OnStart(void* context, const xmlChar* name, const xmlChar*, const xmlChar*, int, const xmlChar**, int attributes,
             int, const xmlChar** values) {
  auto* const collector = static_cast<Collector*>(context);
  if (View(name) == "c") {
    collector->shared_string_cell = false;
    for (int i = 0; i < attributes; ++i) {
      // Five pointers each: local name, prefix, namespace, begin and end of the value.
      const xmlChar** const attribute = values + 5 * i;
      const std::string_view value(reinterpret_cast<const char*>(attribute[3]),
                                   static_cast<size_t>(attribute[4] - attribute[3]));
      if (View(attribute[0]) == "t" && value == "s") collector->shared_string_cell = true;
    }
  } else if (View(name) == "s" && !collector->text.empty()) {
    collector->text += ' ';  // ODF writes runs of spaces so
  }
}

void OnEnd(void* context, const xmlChar* name, const xmlChar*, const xmlChar*) {
  auto* const collector = static_cast<Collector*>(context);
  if (IsOneOf(View(name), {"p", "h", "br", "cr", "line-break", "si", "row", "table-row", "comment", "title", "creator",
                           "subject", "keywords", "description"})) {
    collector->text += '\n';
  } else if (IsOneOf(View(name), {"c", "tc", "tab", "table-cell", "v"})) {
    collector->text += '\t';
  }
  if (View(name) == "c") collector->shared_string_cell = false;
}

void OnCharacters(void* context, const xmlChar* octets, int size) {
  auto* const collector = static_cast<Collector*>(context);
  if (!collector->shared_string_cell)
    collector->text.append(reinterpret_cast<const char*>(octets), static_cast<size_t>(size));
}

void Quiet(void*, const char*, ...) {}

}  // namespace

void PrepareXml() {
  xmlInitParser();
  xmlSetGenericErrorFunc(nullptr, Quiet);
}

std::optional<std::string> XmlText(std::string_view xml) {
  Collector collector;
  xmlSAXHandler handler{};
  handler.initialized = XML_SAX2_MAGIC;
  handler.internalSubset = OnDocumentType;
  handler.startElementNs = OnStart;
  handler.endElementNs = OnEnd;
  handler.characters = OnCharacters;
  handler.cdataBlock = OnCharacters;
  const Parser parser(xmlCreatePushParserCtxt(&handler, &collector, nullptr, 0, nullptr));
  if (parser == nullptr) return std::nullopt;
  collector.parser = parser.get();
  xmlCtxtUseOptions(parser.get(), XML_PARSE_NONET);
  constexpr size_t kStep = 1 << 20;
  for (size_t at = 0; at < xml.size(); at += kStep) {
    const std::string_view some = xml.substr(at, kStep);
    if (xmlParseChunk(parser.get(), some.data(), static_cast<int>(some.size()), 0) != 0) return std::nullopt;
  }
  if (xmlParseChunk(parser.get(), nullptr, 0, 1) != 0 || collector.document_type || parser->wellFormed == 0)
    return std::nullopt;
  return std::move(collector.text);
}

}  // namespace sekisho::sandbox

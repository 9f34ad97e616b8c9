#pragma once
// What a file is by its first octets, and whether its name says the same. For shared/mime and the sandbox's worker.

#include <string>
#include <string_view>

#include "shared/mime/model.h"

namespace sekisho::mime {

// `head` is the file's beginning, 36 KiB or all of it (an ISO 9660 volume shows itself at 32 KiB). `file_name` may be
// empty.
FileType DetectType(std::string_view head, std::string_view file_name);
// Tells apart the formats that share a container: OOXML and ODF in ZIP, MSI and Outlook's messages in OLE. Needs the
// whole.
FileType RefineType(FileType type, std::string_view content);

// Lower case, without its dot and without blanks and dots at the end, which Windows drops; empty when there is none.
std::string Extension(std::string_view file_name);
// Whether a file of that type may be called so. Extensions that nobody knows fit everything.
bool ExtensionFits(std::string_view extension, FileType type);
// "invoice.pdf.exe": what runs, dressed as what is read.
bool HasDoubleExtension(std::string_view file_name);
// Characters that hide or turn others, or a run of blanks before the extension.
bool IsDeceptiveName(std::string_view file_name);

}  // namespace sekisho::mime

#pragma once
// Whether a ZIP file has one reading. Its entries are listed in a directory at the end and again, each before its
// content; programs read one or the other, and a file made to attack lets them differ or overlap (46 MB that unpack
// to 4.5 PB).
//
// Reads no content. Pure: no I/O. For files that are then unpacked by reader.h.

#include <string_view>

#include "shared/base/result.h"

namespace sekisho::archive {

// Checks that the directory is at the very end, that every entry in it agrees with its local header in name, method,
// flags and sizes, that no two overlap, and that no entry lies hidden between them (APPNOTE 6.3.10, ZIP64 included;
// split files are refused). Errors: kMalformed, saying what disagrees; names are not quoted. kLimit past `max_entries`.
Status CheckZip(std::string_view octets, uint64_t max_entries);

}  // namespace sekisho::archive

#pragma once
// The words by which a rule names what a file really is: a type ("pdf"), a group of types ("executable"), or a media
// type
// ("application/pdf", "image/*"). Pure.

#include <string>
#include <string_view>
#include <vector>

#include "shared/mime/model.h"

namespace sekisho::policy {

// Whether a rule may name types by this word.
bool IsTypeWord(std::string_view word);
// Whether a file of `type` is meant by `word`.
bool IsMeantBy(mime::FileType type, std::string_view word);
// Types and groups, for messages about a word that isn't one.
std::vector<std::string> TypeWords();

}  // namespace sekisho::policy

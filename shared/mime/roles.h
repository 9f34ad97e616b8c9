#pragma once
// What each part is to a person, and what the mail as a whole is. Internal to shared/mime.

#include <set>
#include <string>
#include <vector>

#include "shared/mime/leaf.h"
#include "shared/mime/model.h"

namespace sekisho::mime {

// Sets role, place and the flags that hang on names of every part, and the mail's smime and pgp. `findings` are the
// leaves', by index; `shown_images` the Content-IDs that HTML shows.
void AssignRoles(const std::vector<LeafFindings>& findings, const std::set<std::string>& shown_images, MailModel& mail);

}  // namespace sekisho::mime

#pragma once
// Large content as objects of a bucket: in one piece up to a part's size, in parts above it, so that a writer's memory
// is one part however large the content.

#include <memory>
#include <string>

#include "shared/content/objects.h"
#include "shared/content/s3/client.h"

namespace sekisho::content::s3 {

inline constexpr uint64_t kMinPart = 5 * 1024 * 1024;  // of S3; and at most 10,000 parts

// Names get `prefix` before them. Errors: kInvalid when `part_size` is less than kMinPart.
Result<std::unique_ptr<Objects>> OpenBucket(std::unique_ptr<Client> client, std::string prefix, uint64_t part_size);

}  // namespace sekisho::content::s3

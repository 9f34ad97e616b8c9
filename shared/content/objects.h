#pragma once
// Where large content lies, sealed already: files of a folder (folder.h), objects of a bucket (s3/bucket.h). A name is
// written once. It is made of hexadecimal digits, lower case letters, '-' and '.', and says nothing of a person.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/function_ref.h"
#include "shared/base/result.h"

namespace sekisho::content {

// One thread at a time.
class ObjectWriter {
 public:
  virtual ~ObjectWriter() =
      default;  // not finished: nothing can be read under the name, and what was written is removed
  virtual Status Append(std::string_view octets) = 0;
  virtual Status Finish() = 0;  // durable, under its name, when this says ok
};

// Thread safe.
class Objects {
 public:
  virtual ~Objects() = default;

  virtual Result<std::unique_ptr<ObjectWriter>> Create(const std::string& name) = 0;

  // Gives the octets piece by piece, in order, to `each`; stops at its first error and returns it.
  // Errors: kNotFound, kUnavailable, kTimeout.
  virtual Status Read(const std::string& name, FunctionRef<Status(std::string_view)> each) = 0;

  // Never blocks. What could not be removed is left to Sweep.
  virtual void RemoveSoon(const std::string& name) = 0;

  // Removes every object, finished or not, of which `orphan` says so. Gives how many. May take long.
  virtual Result<uint64_t> Sweep(FunctionRef<Result<bool>(const std::string& name)> orphan) = 0;

  // As Store::FreeOctets.
  virtual uint64_t FreeOctets() const = 0;
};

}  // namespace sekisho::content

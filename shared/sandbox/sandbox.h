#pragma once
// Reads attachments in processes that can do nothing else: what an archive holds, and the text of documents. A parser
// that is taken over by a hostile file finds no network, no files but shared libraries and character tables, no keys,
// no other mail, and limits on memory, time and output. Each file gets a process of its own that ends with it.
//
// Thread safe. Calls block for as long as parsing takes, at most Limits::time: for worker threads, not for the I/O
// loop.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/mime/model.h"

namespace sekisho::sandbox {

// Each is counted over a whole attachment with everything nested in it.
struct Limits {
  uint64_t entries = 10000;
  uint32_t depth = 5;                   // archives in archives; the attachment itself is depth 0
  uint64_t octets = uint64_t{1} << 30;  // unpacked, really counted: what an archive says of itself isn't believed
  uint64_t ratio = 100;                 // unpacked : packed, once more than 1 MiB is unpacked
  uint64_t text_octets = 64 << 20;
  uint32_t documents = 200;  // that need a reader process of their own (PDF, old Office)
  Duration time = std::chrono::seconds(30);
};

// What became of one file.
enum class Reading {
  kText,        // its text is in Inspection::texts
  kListed,      // an archive: its entries follow
  kNoText,      // an image, sound, film, font or program: nothing to read
  kEncrypted,   // needs a password
  kUnreadable,  // damaged, ambiguous, or of a kind that nobody here reads: may hide anything
};

struct Entry {
  std::string name;                                // UTF-8, with its path as the archive has it
  uint64_t size = 0;                               // octets, counted; 0 when it couldn't be read
  uint32_t depth = 0;                              // 1: in the attachment itself
  mime::FileType type = mime::FileType::kUnknown;  // by content
  Reading reading = Reading::kUnreadable;
  bool unsafe_path = false;  // absolute, or with "..", or a link or device
};

struct Text {
  std::string name;  // the attachment's or the entry's
  std::string text;  // UTF-8
};

struct Inspection {
  Reading reading = Reading::kUnreadable;  // of the attachment itself
  std::vector<Entry> entries;              // in order; an inner archive's follow its own
  std::vector<Text> texts;

  bool AnyEncrypted() const;  // the attachment or an entry
  bool AnyUnreadable() const;
};

struct Options {
  std::string worker_path{};    // sekisho-sandbox-worker; empty: beside the running binary
  uint32_t workers = 2;         // that run at once
  uint64_t memory = 512 << 20;  // octets of address space of each
};

class Sandbox {
 public:
  // Starts the first workers. Errors: kNotFound (no worker binary), kUnavailable.
  static Result<std::unique_ptr<Sandbox>> Start(Options options);
  virtual ~Sandbox() = default;

  // What `octets` holds. `name` is its file name, UTF-8: it decides only what text files are, never what to trust.
  // Damage, encryption and unknown formats are answers, not errors. Errors: kLimit, naming the limit; kUnavailable when
  // no process can be started; kMalformed when the reader crashed or was stopped for doing what it may not.
  virtual Result<Inspection> Inspect(std::string_view octets, std::string_view name, const Limits& limits) = 0;
};

}  // namespace sekisho::sandbox

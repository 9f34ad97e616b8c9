#pragma once
// AES-256 ZIP files, AE-2: what 7-Zip, WinZip, macOS's The Unarchiver and Python's pyzipper open. Windows Explorer does
// not.
//
// Not libzip: version 1.7.3 writes the CRC of the plain content beside AE-2's mark, so that whoever has the file can
// check a guess of its content without the password (AE-2 exists to avoid this). Names are readable without the
// password, always.
//
// Built in memory: a mail's attachments. No I/O, no threads, no clock; random octets from the kernel for the salts.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/clock.h"
#include "shared/base/result.h"
#include "shared/base/secret.h"

namespace sekisho::archive {

class ZipWriter {
 public:
  explicit ZipWriter(Secret<std::string> password);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  // An entry is Begin, any number of Write, End. `name` is UTF-8. What deflates by less than a twentieth is stored.
  // Errors: kInvalid for a name that is empty, longer than 4096 octets or holds '/', '\' or a control character; kLimit
  // past 65,535 entries or 4 GiB.
  Status Begin(std::string_view name, TimePoint modified);
  Status Write(std::string_view octets);
  Status End();

  // The whole file; once, after the last End. A file of no entries is kInvalid.
  Result<std::string> Finish();

 private:
  struct Entry;
  class Deflater;
  void Compress(std::string_view octets, bool last);
  void Store(std::string_view octets);
  void DecideMethod();

  const Secret<std::string> password_;
  std::string file_;
  std::vector<Entry> entries_;
  std::unique_ptr<Entry> current_;
  std::unique_ptr<Deflater> deflater_;
};

// 16 characters that no one confuses when reading or typing them, 92 bits from the kernel's CSPRNG.
Secret<std::string> NewPassword();

}  // namespace sekisho::archive

#include "shared/archive/zip_writer.h"

#include <zlib.h>

#include <algorithm>
#include <ctime>

#include "shared/base/random.h"
#include "shared/crypto/zip_aes.h"

namespace sekisho::archive {
namespace {

using crypto::ZipAesEncryptor;

// APPNOTE 6.3.10: signatures, flags, methods. All numbers are little-endian.
constexpr uint32_t kLocalSignature = 0x04034b50, kCentralSignature = 0x02014b50, kEndSignature = 0x06054b50;
constexpr uint16_t kFlags = 1 << 0 | 1 << 11;  // encrypted; the name is UTF-8
constexpr uint16_t kVersionNeeded = 51;        // AES
constexpr uint16_t kMadeBy = 3 << 8 | 63;      // Unix, so that the attributes below are its mode
constexpr uint32_t kAttributes = 0100644u << 16;
constexpr uint16_t kMethodAes = 99, kMethodStored = 0, kMethodDeflated = 8;
constexpr size_t kLocalHeaderOctets = 30;
constexpr size_t kCompressedSizeAt = 18, kRealMethodAt = 9;  // in the local header; in the AES extra field
constexpr size_t kAesExtraOctets = 11;

constexpr size_t kProbeOctets = 64 << 10;  // of content, to see whether deflating is worth its time
constexpr size_t kMaxNameOctets = 4096;
constexpr uint64_t kMaxOctets = UINT32_MAX;  // beyond, ZIP64 would be needed

void Put16(std::string& out, uint16_t value) {
  out += {static_cast<char>(value & 0xff), static_cast<char>(value >> 8)};
}
void Put32(std::string& out, uint32_t value) {
  Put16(out, static_cast<uint16_t>(value & 0xffff));
  Put16(out, static_cast<uint16_t>(value >> 16));
}
void Overwrite32(std::string& out, size_t at, uint32_t value) {
  std::string octets;
  Put32(octets, value);
  out.replace(at, octets.size(), octets);
}

// MS-DOS date and time: in the high and low halves; two seconds' grain, from 1980.
uint32_t DosTime(TimePoint time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  if (parts.tm_year < 80) return 1 << 21 | 1 << 16;
  return static_cast<uint32_t>((parts.tm_year - 80) << 25 | (parts.tm_mon + 1) << 21 | parts.tm_mday << 16 |
                               parts.tm_hour << 11 | parts.tm_min << 5 | parts.tm_sec / 2);
}

// Info-ZIP's extra field: the time in UTC, which the DOS time cannot say.
void PutTimeExtra(std::string& out, TimePoint time) {
  Put16(out, 0x5455);
  Put16(out, 5);
  out += '\1';
  Put32(out, static_cast<uint32_t>(std::chrono::system_clock::to_time_t(time)));
}

void PutAesExtra(std::string& out, uint16_t method) {
  Put16(out, 0x9901);
  Put16(out, 7);
  Put16(out, 2);  // AE-2: no CRC
  out += "AE";
  out += '\3';  // 256 bits
  Put16(out, method);
}

bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameOctets && std::none_of(name.begin(), name.end(), [](unsigned char c) {
    return c < 0x20 || c == 0x7f || c == '/' || c == '\\';
  });
}

}  // namespace

struct ZipWriter::Entry {
  std::string name;
  TimePoint modified;
  uint64_t offset = 0;
  uint64_t size = 0;         // plain
  uint64_t packed_size = 0;  // with salt, check and MAC
  uint16_t method = kMethodDeflated;

  // While it is open.
  std::string probe;  // the first of its content, until the method is decided
  bool decided = false;
  size_t data_at = 0;
  std::unique_ptr<ZipAesEncryptor> cipher;
};

class ZipWriter::Deflater {
 public:
  Deflater() { SEKISHO_CHECK(deflateInit2(&stream_, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK); }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  void Reset() { SEKISHO_CHECK(deflateReset(&stream_) == Z_OK); }

  // Appends what comes out to `out`.
  void Run(std::string_view octets, int flush, std::string& out) {
    constexpr size_t kStep = 1 << 30;  // zlib counts in unsigned int
    do {
      const std::string_view some = octets.substr(0, kStep);
      octets.remove_prefix(some.size());
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(some.data()));
      stream_.avail_in = static_cast<uInt>(some.size());
      Drain(octets.empty() ? flush : Z_NO_FLUSH, out);
    } while (!octets.empty());
  }

 private:
  void Drain(int flush, std::string& out) {
    char buffer[32 << 10];
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(buffer);
      stream_.avail_out = sizeof buffer;
      SEKISHO_CHECK(deflate(&stream_, flush) != Z_STREAM_ERROR);
      out.append(buffer, sizeof buffer - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
};

ZipWriter::ZipWriter(Secret<std::string> password)
    : password_(std::move(password)), deflater_(std::make_unique<Deflater>()) {}
ZipWriter::~ZipWriter() = default;

Status ZipWriter::Begin(std::string_view name, TimePoint modified) {
  SEKISHO_CHECK(current_ == nullptr);
  if (!IsPlainName(name)) return MakeError(Code::kInvalid, "a file name can't be used in a ZIP file");
  if (entries_.size() >= UINT16_MAX) return MakeError(Code::kLimit, "a ZIP file holds at most 65535 files");
  current_ = std::make_unique<Entry>();
  Entry& entry = *current_;
  entry.name = name;
  entry.modified = modified;
  entry.offset = file_.size();

  Put32(file_, kLocalSignature);
  Put16(file_, kVersionNeeded);
  Put16(file_, kFlags);
  Put16(file_, kMethodAes);
  Put32(file_, DosTime(modified));
  Put32(file_, 0);  // CRC: AE-2 has none
  Put32(file_, 0);  // both sizes: End knows them
  Put32(file_, 0);
  Put16(file_, static_cast<uint16_t>(name.size()));
  std::string extra;
  PutAesExtra(extra, entry.method);
  PutTimeExtra(extra, modified);
  Put16(file_, static_cast<uint16_t>(extra.size()));
  file_ += name;
  file_ += extra;

  entry.data_at = file_.size();
  const std::string salt = RandomOctets(ZipAesEncryptor::kSaltOctets);
  entry.cipher = std::make_unique<ZipAesEncryptor>(password_, salt);
  file_ += salt;
  file_ += entry.cipher->check();
  deflater_->Reset();
  return Ok();
}

Status ZipWriter::Write(std::string_view octets) {
  SEKISHO_CHECK(current_ != nullptr);
  Entry& entry = *current_;
  entry.size += octets.size();
  // Deflating never makes it larger by more than a thousandth.
  if (file_.size() + octets.size() + octets.size() / 1000 + kProbeOctets > kMaxOctets || entry.size > kMaxOctets) {
    return MakeError(Code::kLimit, "a ZIP file holds at most 4 GiB");
  }
  if (!entry.decided) {
    const std::string_view some = octets.substr(0, kProbeOctets - entry.probe.size());
    entry.probe += some;
    octets.remove_prefix(some.size());
    if (entry.probe.size() < kProbeOctets) return Ok();
    DecideMethod();
  }
  entry.method == kMethodStored ? Store(octets) : Compress(octets, false);
  return Ok();
}

// Deflates the probe; keeps the result, or forgets it and stores.
void ZipWriter::DecideMethod() {
  Entry& entry = *current_;
  entry.decided = true;
  std::string trial;
  deflater_->Run(entry.probe, Z_SYNC_FLUSH, trial);
  if (trial.size() + entry.probe.size() / 20 >= entry.probe.size()) {
    entry.method = kMethodStored;
    Store(entry.probe);
  } else {
    Store(trial);  // the deflater goes on behind it
  }
  entry.probe.clear();
}

void ZipWriter::Store(std::string_view octets) {
  const size_t at = file_.size();
  file_ += octets;
  current_->cipher->Encrypt({file_.data() + at, octets.size()});
}

void ZipWriter::Compress(std::string_view octets, bool last) {
  const size_t at = file_.size();
  deflater_->Run(octets, last ? Z_FINISH : Z_NO_FLUSH, file_);
  current_->cipher->Encrypt({file_.data() + at, file_.size() - at});
}

Status ZipWriter::End() {
  SEKISHO_CHECK(current_ != nullptr);
  Entry& entry = *current_;
  if (!entry.decided) DecideMethod();
  if (entry.method == kMethodDeflated) Compress({}, true);
  file_ += entry.cipher->Mac();
  entry.cipher.reset();
  entry.packed_size = file_.size() - entry.data_at;

  Overwrite32(file_, entry.offset + kCompressedSizeAt, static_cast<uint32_t>(entry.packed_size));
  Overwrite32(file_, entry.offset + kCompressedSizeAt + 4, static_cast<uint32_t>(entry.size));
  std::string method;
  Put16(method, entry.method);
  file_.replace(entry.offset + kLocalHeaderOctets + entry.name.size() + kRealMethodAt, method.size(), method);
  static_assert(kRealMethodAt + 2 == kAesExtraOctets);
  entries_.push_back(std::move(entry));
  current_.reset();
  return Ok();
}

Result<std::string> ZipWriter::Finish() {
  SEKISHO_CHECK(current_ == nullptr);
  if (entries_.empty()) return MakeError(Code::kInvalid, "a ZIP file of nothing");
  const size_t directory_at = file_.size();
  for (const Entry& entry : entries_) {
    std::string extra;
    PutAesExtra(extra, entry.method);
    PutTimeExtra(extra, entry.modified);
    Put32(file_, kCentralSignature);
    Put16(file_, kMadeBy);
    Put16(file_, kVersionNeeded);
    Put16(file_, kFlags);
    Put16(file_, kMethodAes);
    Put32(file_, DosTime(entry.modified));
    Put32(file_, 0);  // CRC
    Put32(file_, static_cast<uint32_t>(entry.packed_size));
    Put32(file_, static_cast<uint32_t>(entry.size));
    Put16(file_, static_cast<uint16_t>(entry.name.size()));
    Put16(file_, static_cast<uint16_t>(extra.size()));
    Put16(file_, 0);  // comment
    Put16(file_, 0);  // disk
    Put16(file_, 0);  // internal attributes
    Put32(file_, kAttributes);
    Put32(file_, static_cast<uint32_t>(entry.offset));
    file_ += entry.name;
    file_ += extra;
  }
  const size_t directory_size = file_.size() - directory_at;
  Put32(file_, kEndSignature);
  Put16(file_, 0);
  Put16(file_, 0);
  Put16(file_, static_cast<uint16_t>(entries_.size()));
  Put16(file_, static_cast<uint16_t>(entries_.size()));
  Put32(file_, static_cast<uint32_t>(directory_size));
  Put32(file_, static_cast<uint32_t>(directory_at));
  Put16(file_, 0);
  return std::move(file_);
}

Secret<std::string> NewPassword() {
  // Without I, O, i, l, o, 0, 1.
  constexpr std::string_view kAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789";
  constexpr size_t kCharacters = 16;
  std::string password;
  password.reserve(kCharacters);
  while (password.size() < kCharacters) password += kAlphabet[RandomBelow(kAlphabet.size())];
  return Secret<std::string>(std::move(password));
}

}  // namespace sekisho::archive

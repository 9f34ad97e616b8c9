#include "shared/base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "shared/base/result.h"

namespace sekisho {
namespace {

// A system call for each id would cost more than the id: a small buffer for each thread, wiped as it is handed out.
struct Pool {
  unsigned char octets[512];
  size_t used = sizeof octets;
};

void FromKernel(unsigned char* to, size_t size) {
  while (size > 0) {
    const ssize_t got = getrandom(to, size, 0);
    if (got < 0 && errno == EINTR) continue;
    SEKISHO_CHECK(got > 0);
    to += got;
    size -= static_cast<size_t>(got);
  }
}

}  // namespace

void RandomFill(void* to, size_t size) {
  thread_local Pool pool;
  auto* out = static_cast<unsigned char*>(to);
  if (size > sizeof pool.octets) return FromKernel(out, size);
  if (sizeof pool.octets - pool.used < size) {
    FromKernel(pool.octets, sizeof pool.octets);
    pool.used = 0;
  }
  std::memcpy(out, pool.octets + pool.used, size);
  explicit_bzero(pool.octets + pool.used, size);
  pool.used += size;
}

std::string RandomOctets(size_t size) {
  std::string out(size, '\0');
  RandomFill(out.data(), size);
  return out;
}

uint64_t RandomBelow(uint64_t bound) {
  SEKISHO_CHECK(bound > 0);
  const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // reject the tail, so that no value is favoured
  uint64_t value = 0;
  do {
    RandomFill(&value, sizeof value);
  } while (value >= limit);
  return value % bound;
}

double RandomUnit() {
  uint64_t value = 0;
  RandomFill(&value, sizeof value);
  return static_cast<double>(value >> 11) * 0x1.0p-53;
}

}  // namespace sekisho

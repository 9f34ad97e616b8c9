// What sealing costs each record: a key for a mail, Seal and Open of 1 KiB and of 64 KiB, and a hand-over MAC.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "shared/base/clock.h"
#include "shared/keys/file_ring.h"

namespace sekisho::keys {
namespace {

class Ring {
 public:
  Ring() {
    SEKISHO_CHECK(::mkdtemp(folder_.data()) != nullptr);
    ring_ = *OpenFileRing(folder_ + "/ring", true);
  }
  ~Ring() { std::filesystem::remove_all(folder_); }
  KeyRing& operator*() { return *ring_; }
  TimePoint now() const { return SystemClock().Now(); }

 private:
  std::string folder_ = std::filesystem::temp_directory_path() / "keys_bench-XXXXXX";
  std::unique_ptr<KeyRing> ring_;
};

void NewMailKey(benchmark::State& state) {
  Ring ring;
  const TimePoint now = ring.now();
  for (auto _ : state) benchmark::DoNotOptimize((*ring).NewMailKey(now));
}
BENCHMARK(NewMailKey);

void SealAndOpen(benchmark::State& state) {
  Ring ring;
  const MailKey key = *(*ring).NewMailKey(ring.now());
  const std::string plaintext(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    const std::string blob = *(*ring).Seal(key, "context", plaintext);
    benchmark::DoNotOptimize((*ring).Open(blob, "context"));
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(SealAndOpen)->Arg(1 << 10)->Arg(64 << 10);

void EdgeMac(benchmark::State& state) {
  Ring ring;
  const std::string octets(1024, 'x');
  for (auto _ : state) benchmark::DoNotOptimize((*ring).EdgeMac("policy", "approval", octets));
}
BENCHMARK(EdgeMac);

}  // namespace
}  // namespace sekisho::keys

BENCHMARK_MAIN();

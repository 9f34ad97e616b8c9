#pragma once
// The kernel's CSPRNG. Aborts if it fails: nothing here can go on without it. Thread safe.

#include <cstddef>
#include <cstdint>
#include <string>

namespace sekisho {

void RandomFill(void* to, size_t size);
std::string RandomOctets(size_t size);
uint64_t RandomBelow(uint64_t bound);  // uniform in [0, bound); bound > 0
double RandomUnit();                   // uniform in [0, 1)

}  // namespace sekisho

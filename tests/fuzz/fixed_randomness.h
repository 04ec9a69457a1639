// Random bytes of a fuzz target: a fixed sequence, so that what it builds, and with it the corpus,
// is the same in every run.
#pragma once

#include <cstdint>

namespace plumbline::fuzz {

// From here on the process draws its random bytes, libsodium's and OpenSSL's, from the sequence
// that belongs to `seed`. Thread-safe.
void FixRandomness(uint8_t seed);

}  // namespace plumbline::fuzz

#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_set_rand_method: a provider for the same would be a
                                     // hundred lines
#include "tests/fuzz/fixed_randomness.h"

#include <openssl/rand.h>
#include <sodium.h>

#include <array>
#include <cstring>
#include <mutex>

#include "common/check.h"

namespace plumbline::fuzz {
namespace {

std::mutex mutex;
std::array<uint8_t, randombytes_SEEDBYTES> sequence;

const char* Name() { return "fixed"; }
void Fill(void* const out, const size_t size) {
  const std::lock_guard<std::mutex> lock(mutex);
  uint64_t count = 0;
  std::memcpy(&count, sequence.data(), sizeof(count));
  ++count;
  std::memcpy(sequence.data(), &count, sizeof(count));
  randombytes_buf_deterministic(out, size, sequence.data());
}
uint32_t Word() {
  uint32_t word = 0;
  Fill(&word, sizeof(word));
  return word;
}
int FillOpenSsl(unsigned char* out, int size) {
  Fill(out, static_cast<size_t>(size));
  return 1;
}
int Ready() { return 1; }

randombytes_implementation for_sodium = {Name, Word, nullptr, nullptr, Fill, nullptr};
const RAND_METHOD for_openssl = {nullptr, FillOpenSsl, nullptr, nullptr, FillOpenSsl, Ready};

}  // namespace

void FixRandomness(uint8_t seed) {
  {
    const std::lock_guard<std::mutex> lock(mutex);
    sequence.fill(seed);
  }
  randombytes_set_implementation(&for_sodium);
  CHECK(RAND_set_rand_method(&for_openssl) == 1);
}

}  // namespace plumbline::fuzz

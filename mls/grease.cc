#include "mls/grease.h"

#include <sodium.h>

namespace plumbline::mls {
namespace {

constexpr uint32_t kMaxGreaseBytes = 16;

void Append(std::vector<uint16_t>& values, uint16_t value) {
  if (!Contains(values, value)) values.push_back(value);
}

}  // namespace

uint16_t RandomGrease() {
  const auto high = static_cast<uint16_t>(randombytes_uniform(15));  // 0xFAFA is for private use
  return static_cast<uint16_t>(0x0a0a + high * 0x1010);
}

void AddGreaseExtension(Extensions& extensions) {
  const uint16_t type = RandomGrease();
  if (FindExtension(extensions, type) != nullptr) return;
  extensions.push_back({type, RandomBytes(randombytes_uniform(kMaxGreaseBytes + 1))});
}

void AddGrease(Capabilities& capabilities, Extensions& leaf_extensions) {
  Append(capabilities.cipher_suites, RandomGrease());
  Append(capabilities.proposals, RandomGrease());
  Append(capabilities.credentials, RandomGrease());
  AddGreaseExtension(leaf_extensions);
  if (!leaf_extensions.empty() && IsGrease(leaf_extensions.back().type)) {
    Append(capabilities.extensions, leaf_extensions.back().type);
  }
  Append(capabilities.extensions, RandomGrease());
}

}  // namespace plumbline::mls

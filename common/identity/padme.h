// Padmé sizes: a length tells at most O(log log L) bits of what it holds, at a cost of at most 12 %.
// (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", 2019, §4.)
#pragma once

#include <cstddef>
#include <cstdint>

namespace plumbline::identity {

inline constexpr size_t kMinSealed = 1024;     // bytes
inline constexpr size_t kMaxSealed = 1 << 20;  // bytes

// The least allowed size that is at least `needed`: max(1024, needed) rounded up to a multiple of 2^(E-S),
// where E = floor(log2 L), S = floor(log2 E) + 1. `needed` is at most kMaxSealed, and so is the result.
size_t PadmeSize(size_t needed);

// The same without an upper limit: for files. `needed` is below 2^62.
uint64_t PadmeFileSize(uint64_t needed);

// True for the sizes PadmeSize returns.
bool IsPadmeSize(size_t size);

}  // namespace plumbline::identity

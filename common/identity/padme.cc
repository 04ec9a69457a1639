#include "common/identity/padme.h"

#include <algorithm>
#include <bit>

#include "common/check.h"

namespace plumbline::identity {

size_t PadmeSize(size_t needed) {
  CHECK(needed <= kMaxSealed);
  return static_cast<size_t>(PadmeFileSize(needed));
}

uint64_t PadmeFileSize(uint64_t needed) {
  CHECK(needed < uint64_t{1} << 62);
  const uint64_t size = std::max<uint64_t>(needed, kMinSealed);
  const int exponent = std::bit_width(size) - 1;
  const int kept = std::bit_width(static_cast<unsigned>(exponent));  // floor(log2 E) + 1
  const uint64_t step = uint64_t{1} << (exponent - kept);
  return (size + step - 1) / step * step;
}

bool IsPadmeSize(size_t size) { return size >= kMinSealed && size <= kMaxSealed && PadmeSize(size) == size; }

}  // namespace plumbline::identity

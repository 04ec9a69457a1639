#include "common/identity/padme.h"

#include <algorithm>
#include <bit>

#include "common/check.h"

namespace plumbline::identity {

size_t PadmeSize(size_t needed) {
  CHECK(needed <= kMaxSealed);
  const size_t size = std::max(needed, kMinSealed);
  const int exponent = std::bit_width(size) - 1;
  const int kept = std::bit_width(static_cast<unsigned>(exponent));  // floor(log2 E) + 1
  const size_t step = size_t{1} << (exponent - kept);
  return (size + step - 1) / step * step;
}

bool IsPadmeSize(size_t size) { return size >= kMinSealed && size <= kMaxSealed && PadmeSize(size) == size; }

}  // namespace plumbline::identity

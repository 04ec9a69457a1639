// Causes of entries: read in one way, whatever is inside.
#include "common/check.h"
#include "common/directory/cause.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const absl::StatusOr<directory::Cause> cause = directory::ParseCause(input);
  if (!cause.ok()) return;
  CHECK(Equal(directory::Encode(*cause), input));
}

std::vector<Bytes> Seeds() {
  using namespace directory;  // NOLINT: a list of its structures
  const SignedIntent intent{Bytes(20, 1), 7, {{}, {}}};
  const Decided::Joined joined{{"mimi://example.org/u/alice", {}, {}, {}}, Bytes(20, 4)};
  return {Encode(Cause(intent)),
          Encode(Cause(Enrolment{Bytes(20, 2), {}, {}, {}, Bytes(20, 3), intent})),
          Encode(Cause(Decided{Bytes(20, 5), {}, joined})),
          Encode(Cause(Decided{Bytes(20, 5), {}, std::nullopt})),
          Encode(Cause(Adopted{{{{1}, {}}, {{2}, {}}}})),
          Encode(Cause(Activated{intent, joined})), Encode(Cause(Renewed{Bytes(120, 5), {}, Bytes(500, 6)}))};
}

}  // namespace plumbline::fuzz

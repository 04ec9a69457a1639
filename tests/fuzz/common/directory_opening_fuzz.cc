// Openings alone and as a file: read in one way, whatever is inside.
#include "common/check.h"
#include "common/directory/opening.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const absl::StatusOr<directory::Opening> opening = directory::ParseOpening(input);
  if (opening.ok()) {
    CHECK(Equal(directory::Encode(*opening), input));
    const bool erased = !opening->record && !opening->cause;
    CHECK(directory::CheckOpens(*opening, tlog::EntryLeaf{}).ok() == erased);
  }
  Reader in(input);
  Writer again;
  while (!in.AtEnd()) {
    const absl::StatusOr<directory::Opening> next = directory::ReadOpening(in);
    if (!next.ok()) return;
    again.Vector(directory::Encode(*next));
    CHECK(Equal(again.view(), input.first(again.size())));
  }
}

std::vector<Bytes> Seeds() {
  using namespace directory;  // NOLINT: a list of its structures
  const OpenedRecord record{{}, Bytes(20, 1), {}};
  const OpenedCause cause{{}, Bytes(20, 2)};
  std::vector<Bytes> out;
  Writer file;
  for (const Opening& each : {Opening{1, record, cause}, Opening{2, record, {}}, Opening{3, {}, cause}, Opening{4, {}, {}}}) {
    out.push_back(Encode(each));
    file.Vector(out.back());
  }
  out.push_back(file.TakeBytes());
  return out;
}

}  // namespace plumbline::fuzz

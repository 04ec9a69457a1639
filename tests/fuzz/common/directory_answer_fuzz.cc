// The directory's answer about a person: read in one way, and never believed of anything but what the log has.
#include "common/check.h"
#include "tests/common/directory/world.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const directory::World& TheWorld() {
  static const directory::World* const world = [] {
    auto* const made = new directory::World;
    for (const char* name : {"alice", "bob", "carol", "alice"}) made->Change(name);
    return made;
  }();
  return *world;
}

}  // namespace

void Fuzz(ByteView input) {
  const absl::StatusOr<directory::Answer> answer = directory::ParseAnswer(input);
  if (!answer.ok()) return;
  CHECK(Equal(directory::Encode(*answer), input));
  const directory::World& world = TheWorld();
  for (const char* name : {"alice", "nobody"}) {
    const auto verified = directory::Verify(*answer, directory::World::User(name), world.terms());
    if (!verified.ok()) continue;
    const auto known = world.people.find(name);
    CHECK(verified->record.has_value() == (known != world.people.end()));
    if (verified->record) CHECK(identity::Encode(*verified->record) == known->second.record);
  }
}

std::vector<Bytes> Seeds() {
  return {directory::Encode(TheWorld().About("alice")), directory::Encode(TheWorld().About("nobody"))};
}

}  // namespace plumbline::fuzz

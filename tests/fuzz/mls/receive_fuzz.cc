// A member receives a message that someone without the group's keys has changed on its way: it is
// refused, and nothing but what was sent is ever accepted.
#include <algorithm>

#include "common/check.h"
#include "mls/message_header.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/mls/members.h"
#include "tests/fuzz/mls/published.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const World& world = TheWorld();
  (void)mls::ReadMessageHeader(input).ok();
  mls::Group alice = world.alice_group.Clone();
  const bool sent = std::any_of(world.messages.begin(), world.messages.end(),
                                [&](const Bytes& message) { return Equal(message, input); });
  if (CheckProcess(alice, input) && !sent) {
    // Only her own messages are taken for what they are without reading them to their end.
    const auto again = alice.Process(input, kTrusting, kNow);
    CHECK(again.ok() && std::holds_alternative<mls::OwnMessage>(*again));
  }
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds = TheWorld().messages;
  for (const Bytes& message : seeds) {
    mls::Group alice = TheWorld().alice_group.Clone();
    CHECK(CheckProcess(alice, message));
  }
  seeds.push_back(TheWorld().own);
  return seeds;
}

// Of other groups, and of every wire format.
absl::StatusOr<std::vector<Bytes>> PublishedSeeds() {
  ASSIGN_OR_RETURN(PublishedMls published, ReadPublishedMls());
  return std::move(published.messages);
}

}  // namespace plumbline::fuzz

// What anybody who knows a mailbox's address can seal into it: taken with a notice at most, and never a failure of the client.
#include "client/sealing.h"
#include "client/terminal_text.h"
#include "tests/client/people.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace client;  // NOLINT: a list of its types

struct World {
  World() {
    two.Connect();
    for (const char* text : {"one", "two"}) {
      for (const OutgoingEnvelope& envelope : two.Say(two.alice, two.bob.user(), text)) messages.push_back(envelope);
    }
    group_mailbox = testing::ValueOf(two.bob.stores->mailboxes.Find(messages.front().mailbox_id)).value();
  }
  // The content of an envelope for Bob.
  identity::EnvelopeContent Opened(const OutgoingEnvelope& envelope) {
    const Mailbox mailbox = testing::ValueOf(two.bob.stores->mailboxes.Find(envelope.mailbox_id)).value();
    return testing::ValueOf(OpenEnvelope(mailbox, envelope.envelope_id, envelope.sealed));
  }
  TwoPeople two;
  std::vector<OutgoingEnvelope> messages;
  Mailbox group_mailbox;
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

void Take(const Mailbox& mailbox, const identity::EnvelopeId& id, ByteView sealed) {
  Device& bob = TheWorld().two.bob;
  const auto taken = bob.inbox->Take(mailbox.id, id, sealed, /*give_up=*/true);
  CHECK(taken.ok());
  CHECK(testing::ValueOf(bob.inbox->Take(mailbox.id, id, sealed)).taken == Taken::kDuplicate);
}

}  // namespace

// The first byte: 0 sealed bytes as they are; otherwise the kind of a content that is sealed rightly. The second: the mailbox.
void Fuzz(ByteView input) {
  if (input.size() < 2) return;
  World& world = TheWorld();
  const Mailbox& mailbox = input[1] % 2 == 0 ? world.group_mailbox : world.two.bob_intake;
  const ByteView body = input.subspan(2);
  if (input[0] == 0) return Take(mailbox, identity::RandomFixed<16>(), body);
  if (input[0] == 255) {  // texts on their way to a terminal
    const absl::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
    const std::string shown = ForTerminal(text, /*multiline=*/false);
    CHECK(IsUtf8(shown));
    for (const char c : shown) CHECK(static_cast<uint8_t>(c) >= 0x20 && c != 0x7f);
    CHECK(ForTerminal(shown, false) == shown);
    return;
  }
  const auto sealed = SealEnvelope(AddressOf(mailbox, kTestServer), {static_cast<identity::EnvelopeKind>(input[0]), ToBytes(body)});
  if (sealed.ok()) Take(mailbox, sealed->envelope_id, sealed->sealed);
}

std::vector<Bytes> Seeds() {
  World& world = TheWorld();
  std::vector<Bytes> seeds = {Bytes{255, 0, 'a', 0x1b, '[', 0xe2, 0x80, 0xae}};
  for (const OutgoingEnvelope& envelope : world.messages) {
    const identity::EnvelopeContent content = world.Opened(envelope);
    seeds.push_back(Concat({Bytes{static_cast<uint8_t>(content.kind), 0}, content.payload}));
    seeds.push_back(Concat({Bytes{0, 0}, envelope.sealed}));
  }
  for (const OutgoingEnvelope& envelope : world.two.Begin(world.two.alice, world.two.bob, world.two.bob_intake)) {
    const identity::EnvelopeContent content = world.Opened(envelope);
    seeds.push_back(Concat({Bytes{static_cast<uint8_t>(content.kind), 1}, content.payload}));
  }
  return seeds;
}

}  // namespace plumbline::fuzz

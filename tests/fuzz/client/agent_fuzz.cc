// What an agent is started with and answers: what parses encodes to the same bytes, and it ends at a time.
#include "client/agent/agent_state.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const auto state = client::ParseAgentState(input);
  if (!state.ok()) return;
  CHECK(state->data_key.size() == client::kHeldKeySize);
  for (const absl::Duration& life : {state->idle, state->longest}) CHECK(life >= absl::Seconds(1) && life < absl::InfiniteDuration());
  CHECK(Equal(client::Encode(*state).view(), input));
}

std::vector<Bytes> Seeds() {
  client::AgentState state{Secret(client::kHeldKeySize), {}, absl::Minutes(15), absl::Hours(12)};
  std::vector<Bytes> seeds = {ToBytes(client::Encode(state).view())};
  state.checked_in[0] = 1;
  state.longest = absl::Seconds(UINT32_MAX);
  seeds.push_back(ToBytes(client::Encode(state).view()));
  return seeds;
}

}  // namespace plumbline::fuzz

#include "client/agent/agent_state.h"

#include <algorithm>

#include "common/codec.h"

namespace plumbline::client {
namespace {

uint32_t Seconds(absl::Duration duration) {
  return static_cast<uint32_t>(std::clamp<int64_t>(absl::ToInt64Seconds(duration), 1, UINT32_MAX));
}

}  // namespace

Secret Encode(const AgentState& state) {
  return Writer().Fixed(state.data_key.view()).Fixed(state.checked_in).U32(Seconds(state.idle)).U32(Seconds(state.longest)).TakeSecret();
}

absl::StatusOr<AgentState> ParseAgentState(ByteView wire) {
  Reader reader(wire);
  AgentState out;
  ASSIGN_OR_RETURN(const ByteView data_key, reader.Fixed(kHeldKeySize));
  out.data_key = Secret::CopyOf(data_key);
  ASSIGN_OR_RETURN(const ByteView checked_in, reader.Fixed(16));
  ASSIGN_OR_RETURN(out.checked_in, identity::ToFixed<16>(checked_in));
  for (absl::Duration* const duration : {&out.idle, &out.longest}) {
    ASSIGN_OR_RETURN(const uint32_t seconds, reader.U32());
    if (seconds == 0) return absl::InvalidArgumentError("an agent lives for a second at least");
    *duration = absl::Seconds(seconds);
  }
  RETURN_IF_ERROR(reader.Done());
  return out;
}

}  // namespace plumbline::client

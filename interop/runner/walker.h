// A member of the group that a random walk leads, and what it says.
#pragma once

#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/status.h"
#include "interop/runner/client_pool.h"

namespace plumbline::interop {

struct Walker {
  std::string name;
  Client* client = nullptr;
  uint32_t state = 0;  // none yet
};

// A message that may be read after the epoch in which it was written.
struct LateMessage {
  std::string ciphertext, plaintext;
  std::string sender;
  std::vector<std::string> readers;  // members then
};

// The other fields but `readers` are set. Whatever Protect fails with.
absl::StatusOr<LateMessage> WriteMessage(Transcript& transcript, const Walker& sender,
                                         const Bytes& plaintext, const Bytes& authenticated_data);
// DATA_LOSS if another plaintext comes out; or whatever Unprotect fails with.
absl::Status ReadMessage(Transcript& transcript, const Walker& reader, const LateMessage& message);
// The server forgets the walker's state.
void FreeState(Transcript& transcript, const Walker& walker);

}  // namespace plumbline::interop

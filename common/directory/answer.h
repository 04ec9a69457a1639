// What the directory says about one person, with what shows that it says the same to everybody
// (docs/transparency.md): a record, or that there is none, tied to a checkpoint that was signed and witnessed.
//
//   struct { uint8 version = 1; opaque checkpoint<V>;                                    // a signed note
//            opaque genesis<V>; opaque genesis_inclusion<V>; opaque index_proof[80];       // a leaf; hashes; of the VRF
//            opaque map_root<V>; opaque map_root_inclusion<V>; opaque map_proof<V>;        // a leaf; hashes; MapProof
//            optional<struct { opaque entry<V>; opaque nonce[32]; opaque record<V>; }> found; } DirectoryAnswer;
#pragma once

#include <optional>
#include <string>

#include "common/identity/commitment.h"
#include "common/identity/directory_index.h"
#include "common/identity/record.h"
#include "common/tlog/map_answer.h"
#include "common/tlog/policy.h"

namespace plumbline::directory {

// The name of an organisation's log, in its checkpoints and of its key: `domain`/directory, and of those that followed it
// `domain`/directory/2 and on. `number` counts from 1.
std::string LogOrigin(absl::string_view domain, uint64_t number = 1);
// Which log of `domain` has that name. INVALID_ARGUMENT if none has.
absl::StatusOr<uint64_t> LogNumber(absl::string_view origin, absl::string_view domain);

inline constexpr size_t kMaxAnswer = 512 << 10;  // bytes

struct FoundRecord {
  tlog::EntryLeaf entry;
  identity::CommitmentNonce nonce;
  Bytes record;  // encoded identity::DirectoryRecord
};

struct Answer {
  std::string checkpoint;
  tlog::GenesisLeaf genesis;
  std::vector<tlog::Hash> genesis_inclusion;
  Bytes index_proof;
  tlog::MapAnswer map;
  std::optional<FoundRecord> found;  // none: nobody of that name
};

Bytes Encode(const Answer& answer);
// INVALID_ARGUMENT for any other input than Encode's of an answer within kMaxAnswer.
absl::StatusOr<Answer> ParseAnswer(ByteView wire);

// Whom a reader believes: the witnesses' policy, and the organisation whose root it pinned.
struct Terms {
  const tlog::Policy& policy;
  tlog::Hash authority{};  // SHA-256 of the root certificate's DER
};

struct Verified {
  tlog::WitnessedCheckpoint checkpoint;
  tlog::MapIndex index;
  std::optional<tlog::EntryLeaf> entry;
  std::optional<identity::DirectoryRecord> record;  // with an entry; not signed for: VerifyDirectoryRecord
};

// Every step from the policy to the record about `user`. UNAUTHENTICATED if the checkpoint is not witnessed, the log is another
// organisation's, or a proof does not verify; INVALID_ARGUMENT for a malformed checkpoint. The message names the step.
absl::StatusOr<Verified> Verify(const Answer& answer, const identity::UserUri& user, const Terms& terms);

}  // namespace plumbline::directory

// The encodings in the published MLS vectors, of every cipher suite, by what they are. Read at run
// time.
#pragma once

#include <vector>

#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::fuzz {

struct PublishedMls {
  std::vector<Bytes> messages;       // MLSMessage of every wire format
  std::vector<Bytes> authenticated;  // AuthenticatedContent
  std::vector<Bytes> trees;          // optional<Node> ratchet_tree<V>
  std::vector<Bytes> secrets;        // GroupSecrets
  std::vector<Bytes> proposals;      // Proposal, with its type
  std::vector<Bytes> commits;
  std::vector<Bytes> paths;  // UpdatePath
};

// NOT_FOUND if a file is absent; DATA_LOSS if one is broken.
absl::StatusOr<PublishedMls> ReadPublishedMls();

}  // namespace plumbline::fuzz

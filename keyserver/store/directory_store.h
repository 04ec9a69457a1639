// The directory as it is told: what witnesses have confirmed, and the log behind it (docs/transparency.md). Each method is one
// transaction, durable on return. Thread-safe. DATA_LOSS if what is stored contradicts itself; codes of the engine as
// account_store.h.
#pragma once

#include <optional>

#include "common/directory/answer.h"
#include "keyserver/store/directory_log.h"
#include "keyserver/store/former_logs.h"
#include "keyserver/store/types.h"

namespace plumbline::keyserver {

// The published record of a person, or that there is none.
struct DirectoryEntry {
  directory::Answer answer;
  Bytes signature;                  // of the record; empty if there is none
  std::vector<Bytes> credentials;   // DER; of its devices, in their order
};

// A leaf of the log. Of an entry whose person was not erased also what it commits to.
struct FeedLeaf {
  struct Opened {
    identity::CommitmentNonce nonce;
    std::string user;
    SignedBytes record;
    std::vector<Bytes> credentials;
  };
  Bytes leaf;
  std::optional<Opened> opened;
};

struct FeedPage {
  std::string checkpoint;  // the published note
  std::vector<FeedLeaf> leaves;
};

// Of a log that was succeeded.
struct FormerPage {
  FormerLog log;
  std::vector<FeedLeaf> leaves;
  std::vector<HandedOver> handed_over;  // once there are no more leaves
};

// From where on.
struct FormerPlace {
  uint64_t leaf = 0;
  uint64_t handed_over = 0;
};

class DirectoryStore {
 public:
  virtual ~DirectoryStore() = default;

  // UNAVAILABLE directory_unwitnessed while nothing is published; NOT_FOUND for a person who was erased.
  virtual absl::StatusOr<DirectoryEntry> Find(const identity::UserUri& user) = 0;
  // Published leaves from `from` on, at most `limit` and about `max_bytes`; none where there are no more. Opened only where
  // asked. UNAVAILABLE as Find.
  virtual absl::StatusOr<FeedPage> ReadLog(uint64_t from, size_t limit, size_t max_bytes, bool opened) = 0;

  // The same of the log `number`, which was succeeded. NOT_FOUND if no log of that number was; UNAVAILABLE as Find, since there is
  // nothing yet to go on to.
  virtual absl::StatusOr<FormerPage> ReadFormer(uint64_t number, const FormerPlace& from, size_t limit, size_t max_bytes, bool opened) = 0;

  virtual absl::StatusOr<DirectoryLog::Head> Newest() = 0;
  // Size 0 if nothing is.
  virtual absl::StatusOr<DirectoryLog::Head> Published() = 0;
  virtual absl::StatusOr<std::vector<tlog::Hash>> ProveConsistency(uint64_t from, uint64_t size) = 0;
  // As DirectoryLog::Publish.
  virtual absl::Status Publish(absl::string_view note) = 0;
  // What is published, as files in a folder (WriteLogFiles).
  virtual absl::Status WriteFiles(const std::string& folder) = 0;
};

}  // namespace plumbline::keyserver

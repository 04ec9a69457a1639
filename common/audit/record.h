// One security event as it is recorded, and its canonical bytes, which are a leaf of the log's tree (docs/protocols/audit.md).
#pragma once

#include <map>
#include <string>

#include "absl/time/time.h"
#include "common/audit/catalogue.h"
#include "common/bytes.h"
#include "common/status.h"

namespace plumbline::audit {

namespace v1 {
class Event;
}

inline constexpr size_t kMaxText = 512;       // bytes of actor, subject, reason, a detail's name or value
inline constexpr size_t kMaxDetails = 16;     // details in a record
inline constexpr size_t kMaxRecord = 32 << 10;  // bytes of a canonical record; the limits above stay below it

enum class Outcome { kSuccess, kRefused };

// What happened. `details` never holds a secret, a code or message content.
struct Entry {
  Event event;
  std::string actor;    // who did it: a URI, an administrator's key id in hex, a service; empty where nobody is known
  std::string subject;  // to whom or what
  Outcome outcome = Outcome::kSuccess;
  std::string reason;   // the reason id of a refusal
  std::map<std::string, std::string> details;
};

struct Record {
  uint64_t sequence;  // from 1, no gaps; the leaf's index + 1
  absl::Time time;    // whole seconds
  std::string name;   // from the catalogue; a later version's names are kept as they are
  std::string actor, subject, reason;
  Outcome outcome;
  std::map<std::string, std::string> details;
  Bytes signature;    // 64 bytes, LogKey::SignRecord; not part of the canonical bytes
};

// Everything of `record` but `signature`.
Bytes EncodeRecord(const Record& record);

// INVALID_ARGUMENT on any other input than EncodeRecord's. `signature` is left empty.
absl::StatusOr<Record> DecodeRecord(ByteView wire);

// For answers over the wire, and back. FromProto: INVALID_ARGUMENT for what EncodeRecord cannot have been given.
void ToProto(const Record& record, v1::Event& out);
absl::StatusOr<Record> FromProto(const v1::Event& event);

}  // namespace plumbline::audit

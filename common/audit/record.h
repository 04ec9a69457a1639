// The canonical bytes of one audit record and the hash that chains it (docs/protocols/audit.md).
#pragma once

#include "common/audit/audit_log.h"

namespace plumbline::audit {

// Everything of `record` but `previous` and `hash`.
Bytes EncodeRecord(const Record& record);

// INVALID_ARGUMENT on any other input than EncodeRecord's. `previous` and `hash` are left zero.
absl::StatusOr<Record> DecodeRecord(ByteView wire);

// SHA-256(previous || encoded).
Hash ChainHash(const Hash& previous, ByteView encoded);

}  // namespace plumbline::audit

// Audit records: what decodes encodes to the same bytes.
#include "common/audit/record.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {

void Fuzz(ByteView input) {
  const auto record = audit::DecodeRecord(input);
  if (record.ok()) CHECK(Equal(audit::EncodeRecord(*record), input));
}

std::vector<Bytes> Seeds() {
  audit::Record record{};
  record.sequence = 3;
  record.time = absl::FromUnixSeconds(1'800'000'000);
  record.name = "account.created";
  record.details = {{"a", "1"}, {"b", ""}};
  return {audit::EncodeRecord(record)};
}

}  // namespace plumbline::fuzz

// Exported audit records: never read past their end, and only a signed one is accepted.
#include "common/audit/export.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const audit::LogKey& Key() {
  static const audit::LogKey key =
      *audit::LogKey::Create("example.org/audit/test", *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, 1))));
  return key;
}

}  // namespace

void Fuzz(ByteView input) {
  const auto verified = audit::VerifyExport(ToString(input), Key().verifier(), [](const audit::Record&) {});
  if (verified.ok()) CHECK(verified->origin == Key().verifier().name());
}

std::vector<Bytes> Seeds() {
  audit::Record record{};
  record.sequence = 1;
  record.time = absl::FromUnixSeconds(1'800'000'000);
  record.name = "account.created";
  record.outcome = audit::Outcome::kSuccess;
  const Bytes encoded = audit::EncodeRecord(record);
  const tlog::Hash root = tlog::LeafHash(encoded);
  const std::string file = audit::ExportRecordLine(encoded, *Key().SignRecord(1, root)) +
                           audit::ExportCheckpointLine(*Key().SignCheckpoint(1, root));
  return {ToBytes(AsBytes(file))};
}

}  // namespace plumbline::fuzz

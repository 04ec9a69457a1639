// Rows of an audit record that are not what was written: each read answers or says that the record
// is broken, and nothing that is not the signed record passes Verify or is signed on.
#include "absl/strings/str_cat.h"
#include "common/audit/audit_log.h"
#include "common/audit/export.h"
#include "tests/common/audit/logs.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

using namespace audit;  // NOLINT: a list of its types

constexpr const char* kUpdates[] = {
    "UPDATE audit_record SET encoded = ?1 WHERE sequence = 3",
    "UPDATE audit_record SET signature = ?1 WHERE sequence = 3",
    "UPDATE audit_record SET sequence = ?1 WHERE sequence = 3",
    "UPDATE audit_record SET encoded = ?1 WHERE sequence = 5",
    "UPDATE audit_record SET signature = ?1 WHERE sequence = 5",
    "UPDATE audit_record SET sequence = ?1 WHERE sequence = 5",
    "UPDATE audit_node SET hash = ?1 WHERE row = 2",
    "UPDATE audit_node SET hash = ?1 WHERE row = 8",
    "UPDATE audit_node SET level = ?1 WHERE row = 3",
    "UPDATE audit_node SET position = ?1 WHERE row = 3",
    "UPDATE audit_checkpoint SET note = ?1",
};

constexpr const char* kRecordTables[] = {"audit_record", "audit_node", "audit_checkpoint"};

struct World {
  World() {
    for (const char* table : kRecordTables)
      Execute(absl::StrCat("CREATE TEMP TABLE kept_", table, " AS SELECT * FROM ", table));
  }
  void Restore() {
    Execute("BEGIN");
    for (const char* table : kRecordTables) {
      Execute(absl::StrCat("DELETE FROM ", table));
      Execute(absl::StrCat("INSERT INTO ", table, " SELECT * FROM kept_", table));
    }
    Execute("COMMIT");
  }
  void Execute(absl::string_view sql) { CHECK(log.database->Execute(sql).ok()); }

  FiveRecords log;
  const std::vector<Record> honest = *log.reader().ReadAfter(0, 10);
};

World& TheWorld() {
  static auto* const world = new World;
  return *world;
}

bool Same(const std::vector<Record>& a, const std::vector<Record>& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (EncodeRecord(a[i]) != EncodeRecord(b[i])) return false;
  }
  return true;
}

bool Tolerable(const absl::Status& status) {
  const bool fine = status.ok() || absl::IsDataLoss(status);
  if (!fine) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return fine;
}

}  // namespace

// The first byte chooses what is changed, the second the type, the rest is the value.
void Fuzz(ByteView input) {
  if (input.size() < 2 || input[0] >= std::size(kUpdates)) return;
  World& world = TheWorld();
  const ByteView value = input.subspan(2);
  const std::string text = ToString(value);
  uint64_t number = 0;
  for (size_t i = 0; i < std::min<size_t>(8, value.size()); ++i) number = number << 8 | value[i];
  {
    auto update = world.log.database->Prepare(kUpdates[input[0]]);
    CHECK(update.ok());
    if (input[1] % 3 == 0) update->Bind(1, value);
    if (input[1] % 3 == 1) update->Bind(1, absl::string_view(text));
    if (input[1] % 3 == 2) update->Bind(1, static_cast<int64_t>(number));
    if (!update->Run().ok()) return;
  }
  AuditReader reader = world.log.reader();
  const auto records = reader.ReadAfter(0, 10);
  CHECK(Tolerable(records.status()));
  CHECK(Tolerable(reader.ReadPage(0, 10).status()));
  const absl::Status verified = reader.Verify().status();
  CHECK(Tolerable(verified));
  if (verified.ok()) CHECK(records.ok() && Same(*records, world.honest));
  const auto exported = ExportAll(reader);
  CHECK(Tolerable(exported.status()));
  if (exported.ok()) {
    std::vector<Record> shown;
    const auto checked = VerifyExport(*exported, world.log.log_key.verifier(),
                                      [&](const Record& record) { shown.push_back(record); });
    CHECK(!checked.ok() || Same(shown, world.honest));
  }
  // The log goes on only from an end that is its own.
  const absl::Status appended = world.log.log->Append(Numbered(6)).status();
  CHECK(Tolerable(appended));
  CHECK(appended.ok() || !verified.ok());
  world.Restore();
}

std::vector<Bytes> Seeds() {
  const LogKey& key = TheWorld().log.log_key;
  std::vector<Bytes> seeds;
  for (uint8_t what = 0; what < std::size(kUpdates); ++what) {
    seeds.push_back(Concat({Bytes{what, 0}, Bytes(32, 1)}));
    seeds.push_back(Bytes{what, 2, 0, 0, 0, 0, 0, 0, 0, 9});
  }
  Record record{};
  record.sequence = 3;
  record.name = "account.created";
  seeds.push_back(Concat({Bytes{0, 0}, EncodeRecord(record)}));
  seeds.push_back(Concat({Bytes{10, 0}, AsBytes(*key.SignCheckpoint(4, tlog::EmptyRoot()))}));
  return seeds;
}

}  // namespace plumbline::fuzz

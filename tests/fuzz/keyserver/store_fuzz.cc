// Rows of the key server's store that are not what it wrote: each read answers, or says that the
// data is broken.
#include "common/identity/codes.h"
#include "common/identity/revocation.h"
#include "tests/fuzz/fuzz.h"
#include "tests/keyserver/locked_store.h"

namespace plumbline::fuzz {
namespace {

using namespace keyserver;  // NOLINT: a list of its types

constexpr const char* kUpdates[] = {
    "UPDATE account SET display_name = ?1",
    "UPDATE account SET proofing_level = ?1",
    "UPDATE account SET suspended = ?1",
    "UPDATE account SET revision = ?1",
    "UPDATE account SET record_version = ?1",
    "UPDATE account SET removed = ?1",
    "UPDATE directory_record SET record = ?1",
    "UPDATE directory_record SET signature = ?1",
    "UPDATE directory_record SET version = ?1",
    "UPDATE device SET id = ?1",
    "UPDATE device SET label = ?1",
    "UPDATE device SET working_key = ?1",
    "UPDATE device SET mls_key = ?1",
    "UPDATE device SET credential = ?1",
    "UPDATE device SET enrolled_day = ?1",
    "UPDATE enrolment_code SET code_key = ?1",
    "UPDATE enrolment_code SET expires_unix = ?1",
    "UPDATE enrolment_code SET attempts_left = ?1",
    "UPDATE key_package SET hash = ?1",
    "UPDATE key_package SET message = ?1",
    "UPDATE key_package SET device = ?1",
    "UPDATE administrator SET name = ?1",
    "UPDATE administrator SET public_key = ?1",
    "UPDATE revocation SET items = ?1",
    "UPDATE revocation SET confirmed = ?1",
    "UPDATE revocation SET sequence = ?1",
    "UPDATE join_request SET device_id = ?1",
    "UPDATE join_request SET invited_by = ?1",
    "UPDATE join_request SET request = ?1",
    "UPDATE join_request SET state = ?1",
    "UPDATE join_request SET expires_unix = ?1",
    "UPDATE join_request SET tls_certificate = ?1",
    "UPDATE drawn_grant SET sealed = ?1",
    "UPDATE unlock SET attempts_left = ?1",
    "UPDATE unlock SET last_attempt_unix = ?1",
    "UPDATE unlock SET nonce = ?1",
    "UPDATE unlock SET destroyed = ?1",
    "UPDATE unlock_key SET public_key = ?1",
    "UPDATE unlock_key SET wrapped = ?1",
    "UPDATE unlock_key SET proof_key = ?1",
    "UPDATE check_in SET generation = ?1",
    "UPDATE check_in SET state = ?1",
};

// Alice with a device, key packages, a grant, and another device that has asked; Bob, who was
// suspended.
struct Rows {
  Rows() {
    keys::v1::PublishKeyPackagesRequest publish;
    publish.add_key_packages(MakeKeyPackage(device, world.clock().Now()));
    keys::v1::PublishKeyPackagesResponse published;
    CHECK(world.devices()
              .PublishKeyPackages(&device.tls, world.Sign(device, "PublishKeyPackages", publish),
                                  published)
              .ok());
    keys::v1::DrawGrantsRequest draw;
    draw.set_count(1);
    keys::v1::DrawGrantsResponse drawn;
    CHECK(world.devices()
              .DrawGrants(&device.tls, world.Sign(device, "DrawGrants", draw), drawn)
              .ok());
    TestDevice bob = world.Enrol(kBob);
    CHECK(world.devices().DrawGrants(&bob.tls, world.Sign(bob, "DrawGrants", draw), drawn).ok());
    world.Suspend(kBob);
    const std::string code = identity::GenerateCode();
    keys::v1::InviteDeviceRequest invite;
    invite.set_code_public_key(ToString(identity::EnrolmentCodeKey(kAlice, code).public_key().view()));
    invite.set_life_seconds(3600);
    keys::v1::InviteDeviceResponse invited;
    CHECK(world.joins()
              .InviteDevice(&device.tls, world.Sign(device, "InviteDevice", invite), invited)
              .ok());
    const keys::v1::EnrolRequest application = Application(Applicant(), kAlice, code);
    keys::v1::AskResponse asked;
    CHECK(world.joins().Ask(application, asked).ok());
    SetUpLock(world, device);
    join = joins.Waiting(kAlice, world.clock().Now())->at(0).hash;
  }
  World world;
  TestDevice device = world.Enrol(kAlice);
  identity::Hash join{};
  SqlcipherAccountStore accounts{world.connection()};
  SqlcipherKeyPackageStore key_packages{world.connection()};
  SqlcipherAdministratorStore administrators{world.connection(), world.clock()};
  SqlcipherDepartureStore departures{world.connection()};
  SqlcipherJoinStore joins{world.connection()};
};

Rows& TheRows() {
  static auto* const rows = new Rows;
  return *rows;
}

void CheckTolerable(const absl::Status& status) {
  if (absl::IsInternal(status) || absl::IsUnknown(status))
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
  CHECK(!absl::IsInternal(status) && !absl::IsUnknown(status));
}

void Read(Rows& rows) {
  const absl::Time now = rows.world.clock().Now();
  CheckTolerable(rows.accounts.Find(kAlice).status());
  const auto all = rows.accounts.List();
  CheckTolerable(all.status());
  CheckTolerable(rows.accounts.FindDevice(rows.device.id).status());
  CheckTolerable(rows.key_packages.CountAvailable(rows.device.id, now).status());
  CheckTolerable(rows.administrators.Find(rows.world.administrator().key_id()).status());
  CheckTolerable(rows.joins.Find(rows.join).status());
  CheckTolerable(rows.joins.Waiting(kAlice, now).status());
  CheckTolerable(rows.departures.Newest().status());
  CheckTolerable(rows.world.unlock_store().Look(rows.device.id, now).status());
  CheckTolerable(rows.world.unlock_store().ProofKey(rows.device.id, 1).status());
  const auto pending = rows.departures.NextPending();
  CheckTolerable(pending.status());
  if (pending.ok() && *pending) (void)identity::ParseRevokedItems((*pending)->items).ok();
  CheckTolerable(rows.departures.Count(kBob).status());
}

absl::Status Execute(Rows& rows, absl::string_view sql) {
  SqlcipherConnection& connection = rows.world.connection();
  MutexLock lock(connection.mutex());
  return connection.database().Execute(sql);
}

}  // namespace

// The first byte chooses the column, the second the type, the rest is the value. Everything is put
// back afterwards.
void Fuzz(ByteView input) {
  if (input.size() < 2 || input[0] >= std::size(kUpdates)) return;
  Rows& rows = TheRows();
  CHECK(Execute(rows, "SAVEPOINT fuzz").ok());
  {
    SqlcipherConnection& connection = rows.world.connection();
    MutexLock lock(connection.mutex());
    auto update = connection.database().Prepare(kUpdates[input[0]]);
    CHECK(update.ok());
    const ByteView value = input.subspan(2);
    const std::string text = ToString(value);
    uint64_t number = 0;
    for (size_t i = 0; i < std::min<size_t>(8, value.size()); ++i) number = number << 8 | value[i];
    if (input[1] % 3 == 0) update->Bind(1, value);
    if (input[1] % 3 == 1) update->Bind(1, absl::string_view(text));
    if (input[1] % 3 == 2) update->Bind(1, static_cast<int64_t>(number));
    (void)update->Run().ok();
  }
  Read(rows);
  CHECK(Execute(rows, "ROLLBACK TO fuzz").ok());
  CHECK(Execute(rows, "RELEASE fuzz").ok());
}

std::vector<Bytes> Seeds() {
  std::vector<Bytes> seeds;
  for (uint8_t column = 0; column < std::size(kUpdates); ++column) {
    seeds.push_back(Concat({Bytes{column, 0}, Bytes(32, 1)}));
    seeds.push_back(Bytes{column, 2, 0, 0, 0, 0, 0, 0, 0, 1});
    seeds.push_back(Bytes{column, 2, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
    seeds.push_back(Bytes{column, 2, 0x80, 0, 0, 0, 0, 0, 0, 0});
  }
  seeds.push_back(Concat(
      {Bytes{23, 0}, Encode(identity::RevokedItems{{{identity::GrantSerial{1}, 20000}}, {}})}));
  return seeds;
}

}  // namespace plumbline::fuzz

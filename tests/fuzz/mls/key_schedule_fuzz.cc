// Stored epoch secrets and PSK ids from outside: what is read is written back byte for byte.
#include "mls/key_schedule.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

const mls::CipherSuite& Suite() { return **mls::CipherSuite::Get(1); }

}  // namespace

void Fuzz(ByteView input) {
  Reader ids(input);
  if (const auto id = mls::ReadPreSharedKeyId(ids); id.ok()) {
    Writer out;
    mls::WritePreSharedKeyId(out, *id);
    CHECK(Equal(out.view(), input.first(input.size() - ids.rest().size())));
  }
  Reader secrets(input);
  if (const auto read = mls::ReadEpochSecrets(Suite(), secrets); read.ok()) {
    Writer out;
    mls::WriteEpochSecrets(out, *read);
    CHECK(Equal(out.view(), input.first(input.size() - secrets.rest().size())));
  }
}

std::vector<Bytes> Seeds() {
  Writer secrets;
  mls::WriteEpochSecrets(secrets, mls::DeriveEpochSecrets(Suite(), {Secret(32)}));
  Writer external;
  mls::WritePreSharedKeyId(external, {.psk_id = {1, 2, 3}, .psk_nonce = Bytes(32, 4)});
  Writer resumption;
  mls::WritePreSharedKeyId(resumption, {.type = mls::PskType::kResumption, .psk_group_id = {5}, .psk_nonce = Bytes(32, 6)});
  return {secrets.TakeBytes(), external.TakeBytes(), resumption.TakeBytes()};
}

}  // namespace plumbline::fuzz

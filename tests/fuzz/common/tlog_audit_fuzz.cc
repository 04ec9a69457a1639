// What an audit keeps: read in one way, and a replay that goes on from it would keep the same.
#include "common/check.h"
#include "common/tlog/log_audit.h"
#include "tests/fuzz/fuzz.h"

namespace plumbline::fuzz {
namespace {

constexpr char kOrigin[] = "example.org/directory";

// Behind its first map root, over one person.
Bytes AState() {
  const auto key = crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(crypto::kVrfSeedSize, 1)));
  const tlog::EntryLeaf entry{{Sha256(Bytes{2})}, 1, {}, {}, {}};
  tlog::MemoryMap map, other;
  const tlog::Hash root = *tlog::UpdateMap(other, tlog::EmptyMapRoot(), {{entry.index, tlog::LeafHashOf(entry)}});
  tlog::DirectoryReplay replay(kOrigin, map);
  for (const tlog::DirectoryLeaf& leaf : std::vector<tlog::DirectoryLeaf>{
           tlog::GenesisLeaf{kOrigin, Sha256(Bytes{1}), key->public_key()}, entry, tlog::MapRootLeaf{1, 1, 2, root}})
    CHECK(replay.Take(tlog::Encode(leaf)).ok());
  return *replay.Save();
}

}  // namespace

// The first byte says what the rest is: a replay's state; a file without its hash; a file.
void Fuzz(ByteView input) {
  if (input.empty()) return;
  const ByteView body = input.subspan(1);
  if (input[0] == 0) {
    tlog::MemoryMap map;
    tlog::DirectoryReplay replay(kOrigin, map);
    if (replay.Restore(body).ok()) CHECK(Equal(*replay.Save(), body));
    return;
  }
  const Bytes file = input[0] == 1 ? Concat({body, Sha256(body)}) : ToBytes(body);
  const auto state = tlog::ParseAuditState(file);
  if (state.ok()) CHECK(Equal(tlog::Encode(*state), file));
}

std::vector<Bytes> Seeds() {
  const Bytes state = AState(), file = tlog::Encode(tlog::AuditState{"a note", state});
  return {Concat({Bytes{0}, state}), Concat({Bytes{1}, ByteView(file).first(file.size() - 32)}), Concat({Bytes{2}, file})};
}

}  // namespace plumbline::fuzz

// A directory in memory: what a key server would answer, honest or not.
#pragma once

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/directory/answer.h"
#include "common/tlog/map_proof.h"

namespace plumbline::directory {

inline crypto::Ed25519KeyPair Pair(uint8_t seed) {
  return *crypto::Ed25519KeyPair::FromSeed(Secret::CopyOf(Bytes(32, seed)));
}

class World final {
 public:
  static constexpr char kOrigin[] = "example.org/directory";

  // Two with another `log_key` are other logs of one name.
  explicit World(uint8_t log_key = 1, uint8_t vrf_key = 2)
      : log(*tlog::NoteSigner::Create(kOrigin, Pair(log_key))),
        witness(*tlog::Cosigner::Create("w.example/w", Pair(3))),
        vrf(*crypto::VrfKeyPair::FromSeed(Secret::CopyOf(Bytes(32, vrf_key)))),
        policy(*tlog::Policy::Parse(absl::StrCat("log ", log.verifier().ToText(), "\nwitness w ", witness.verifier().ToText(),
                                                 "\nquorum w\n"))) {
    authority.fill(7);
    AppendLeaf(Genesis());
    Close(1);
  }

  tlog::GenesisLeaf Genesis() const { return {kOrigin, authority, vrf.public_key()}; }
  static identity::UserUri User(const std::string& name) { return *identity::ParseUserUri("mimi://example.org/u/" + name); }
  identity::DirectoryRecord RecordOf(const std::string& name) const {
    identity::DirectoryRecord record;
    record.user = User(name).ToString();
    record.display_name = name;
    const auto before = people.find(name);
    record.version = before == people.end() ? 1 : before->second.entry.version + 1;
    if (before != people.end()) record.previous_hash = Sha256(before->second.record);
    return record;
  }
  // The next version of a person's record.
  void Change(const std::string& name) {
    const Bytes record = identity::Encode(RecordOf(name));
    const auto before = people.find(name);
    FoundRecord found;
    found.entry.index.bytes = identity::MakeDirectoryIndex(vrf, User(name)).index;
    found.entry.version = before == people.end() ? 1 : before->second.entry.version + 1;
    if (before != people.end()) found.entry.previous = tlog::LeafHashOf(before->second.entry);
    found.nonce.bytes.fill(static_cast<uint8_t>(size));
    found.record = record;
    found.entry.commitment = identity::CommitToRecord(record, found.nonce);
    const uint64_t first = size;
    AppendLeaf(found.entry);
    map_root = *tlog::UpdateMap(map, map_root, {{found.entry.index, tlog::LeafHashOf(found.entry)}});
    people[name] = std::move(found);
    Close(first);
  }

  std::string Checkpoint() const { return *tlog::SignCheckpoint(size, *tlog::Root(nodes, size), log); }
  std::string Cosigned(const std::string& note, absl::Time time = absl::FromUnixSeconds(1'790'000'000)) const {
    tlog::Note with = *tlog::ParseNote(note);
    with.signatures.push_back(witness.Cosign(with.text, time));
    return tlog::FormatNote(with);
  }
  Answer About(const std::string& name) const {
    const identity::DirectoryIndex index = identity::MakeDirectoryIndex(vrf, User(name));
    Answer out{Cosigned(Checkpoint()), Genesis(), *tlog::ProveInclusion(nodes, 0, size), ToBytes(index.proof), {}, {}};
    out.map.root = last_root;
    out.map.inclusion = *tlog::ProveInclusion(nodes, size - 1, size);
    out.map.proof = *tlog::ProveMap(map, map_root, tlog::MapIndex{index.index});
    if (const auto found = people.find(name); found != people.end()) out.found = found->second;
    return out;
  }
  Terms terms() const { return {policy, authority}; }

  tlog::NoteSigner log;
  tlog::Cosigner witness;
  crypto::VrfKeyPair vrf;
  tlog::Policy policy;
  tlog::Hash authority{};
  mutable tlog::MemoryMap map;
  tlog::Hash map_root = tlog::EmptyMapRoot();
  tlog::MapRootLeaf last_root;
  std::map<std::string, FoundRecord> people;  // the newest of each
  uint64_t size = 0;

 private:
  void AppendLeaf(const tlog::DirectoryLeaf& leaf) { (void)tlog::Append(nodes, size++, tlog::LeafHashOf(leaf)); }
  void Close(uint64_t first) {
    last_root = {last_root.version + 1, first, size, map_root};
    AppendLeaf(last_root);
  }
  mutable tlog::MemoryNodes nodes;
};

}  // namespace plumbline::directory

#include "common/directory/answer.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/codec.h"
#include "common/tlog/proof.h"

namespace plumbline::directory {
namespace {

constexpr uint8_t kFormat = 1;

absl::Status Unproved(absl::string_view step, const absl::Status& why) {
  return absl::UnauthenticatedError(absl::StrCat(step, ": ", why.message()));
}
absl::Status Unproved(absl::string_view why) { return absl::UnauthenticatedError(why); }

void WriteHashes(Writer& out, const std::vector<tlog::Hash>& hashes) {
  Writer list;
  for (const tlog::Hash& hash : hashes) list.Fixed(hash);
  out.Vector(list.view());
}

absl::StatusOr<std::vector<tlog::Hash>> ReadHashes(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView list, in.Vector(tlog::kMaxProof * sizeof(tlog::Hash)));
  Reader hashes(list);
  std::vector<tlog::Hash> out;
  while (!hashes.AtEnd()) {
    ASSIGN_OR_RETURN(const ByteView bytes, hashes.Fixed(sizeof(tlog::Hash)));
    std::copy(bytes.begin(), bytes.end(), out.emplace_back().begin());
  }
  return out;
}

template <typename Leaf>
absl::StatusOr<Leaf> ReadLeaf(Reader& in) {
  ASSIGN_OR_RETURN(const ByteView bytes, in.Vector(tlog::kMaxDirectoryLeaf));
  ASSIGN_OR_RETURN(tlog::DirectoryLeaf leaf, tlog::ParseDirectoryLeaf(bytes));
  if (!std::holds_alternative<Leaf>(leaf)) return absl::InvalidArgumentError("a leaf of another kind belongs here");
  return std::get<Leaf>(std::move(leaf));
}

absl::StatusOr<FoundRecord> ReadFound(Reader& in) {
  FoundRecord out;
  ASSIGN_OR_RETURN(out.entry, ReadLeaf<tlog::EntryLeaf>(in));
  ASSIGN_OR_RETURN(const ByteView nonce, in.Fixed(out.nonce.bytes.size()));
  std::copy(nonce.begin(), nonce.end(), out.nonce.bytes.begin());
  ASSIGN_OR_RETURN(const ByteView record, in.Vector(identity::kMaxRecord));
  out.record = ToBytes(record);
  return out;
}

// The record behind an entry that the map proved.
absl::StatusOr<identity::DirectoryRecord> OpenRecord(const FoundRecord& found, const identity::UserUri& user) {
  if (identity::CommitToRecord(found.record, found.nonce) != found.entry.commitment)
    return Unproved("the record is not the one that the log committed to");
  absl::StatusOr<identity::DirectoryRecord> record = identity::ParseDirectoryRecord(found.record);
  if (!record.ok()) return Unproved("the record", record.status());
  if (record->user != user.ToString()) return Unproved("the record is about somebody else");
  if (record->version != found.entry.version) return Unproved("the record's version is not its entry's");
  return record;
}

}  // namespace

std::string LogOrigin(absl::string_view domain, uint64_t number) {
  return number == 1 ? absl::StrCat(domain, "/directory") : absl::StrCat(domain, "/directory/", number);
}

absl::StatusOr<uint64_t> LogNumber(absl::string_view origin, absl::string_view domain) {
  uint64_t number = 1;
  const std::string first = LogOrigin(domain), later = first + "/";
  if (origin != first && !(absl::StartsWith(origin, later) && absl::SimpleAtoi(origin.substr(later.size()), &number) && number > 1 &&
                           origin == LogOrigin(domain, number)))
    return absl::InvalidArgumentError(absl::StrCat("this is not the name of a directory's log of ", domain));
  return number;
}

Bytes Encode(const Answer& answer) {
  Writer out;
  out.U8(kFormat).Vector(AsBytes(answer.checkpoint)).Vector(tlog::Encode(answer.genesis));
  WriteHashes(out, answer.genesis_inclusion);
  out.Fixed(answer.index_proof).Vector(tlog::Encode(answer.map.root));
  WriteHashes(out, answer.map.inclusion);
  out.Vector(tlog::Encode(answer.map.proof)).Present(answer.found.has_value());
  if (answer.found)
    out.Vector(tlog::Encode(answer.found->entry)).Fixed(answer.found->nonce.bytes).Vector(answer.found->record);
  return out.TakeBytes();
}

absl::StatusOr<Answer> ParseAnswer(ByteView wire) {
  if (wire.size() > kMaxAnswer) return absl::InvalidArgumentError("the directory's answer is too long");
  Reader in(wire);
  ASSIGN_OR_RETURN(const uint8_t format, in.U8());
  if (format != kFormat) return absl::InvalidArgumentError("the directory's answer has an unknown format");
  ASSIGN_OR_RETURN(const ByteView checkpoint, in.Vector(tlog::kMaxNote));
  ASSIGN_OR_RETURN(tlog::GenesisLeaf genesis, ReadLeaf<tlog::GenesisLeaf>(in));
  Answer out{ToString(checkpoint), std::move(genesis), {}, {}, {}, {}};
  ASSIGN_OR_RETURN(out.genesis_inclusion, ReadHashes(in));
  ASSIGN_OR_RETURN(const ByteView index_proof, in.Fixed(crypto::kVrfProofSize));
  out.index_proof = ToBytes(index_proof);
  ASSIGN_OR_RETURN(out.map.root, ReadLeaf<tlog::MapRootLeaf>(in));
  ASSIGN_OR_RETURN(out.map.inclusion, ReadHashes(in));
  ASSIGN_OR_RETURN(const ByteView map_proof, in.Vector(tlog::kMaxMapProof));
  ASSIGN_OR_RETURN(out.map.proof, tlog::ParseMapProof(map_proof));
  ASSIGN_OR_RETURN(const bool found, in.Present());
  if (found) {
    ASSIGN_OR_RETURN(out.found, ReadFound(in));
  }
  RETURN_IF_ERROR(in.Done());
  return out;
}

absl::StatusOr<Verified> Verify(const Answer& answer, const identity::UserUri& user, const Terms& terms) {
  Verified out;
  ASSIGN_OR_RETURN(out.checkpoint, terms.policy.Open(answer.checkpoint));
  const tlog::Checkpoint& signed_tree = out.checkpoint.checkpoint;
  if (answer.genesis.origin != signed_tree.origin) return Unproved("the log's first leaf is of another log");
  if (answer.genesis.authority != terms.authority) return Unproved("the log is of another organisation");
  const absl::Status genesis = tlog::VerifyInclusion(0, signed_tree.size, tlog::LeafHashOf(answer.genesis),
                                                     answer.genesis_inclusion, signed_tree.root);
  if (!genesis.ok()) return Unproved("the log's first leaf", genesis);
  const absl::StatusOr<identity::Hash> index =
      identity::VerifyDirectoryIndex(answer.genesis.vrf_key, user, answer.index_proof);
  if (!index.ok()) return Unproved("the place in the map", index.status());
  out.index.bytes = *index;
  const absl::StatusOr<std::optional<tlog::Hash>> value = tlog::VerifyMapAnswer(signed_tree, out.index, answer.map);
  if (!value.ok()) return Unproved("the map", value.status());
  if (value->has_value() != answer.found.has_value())
    return Unproved(answer.found ? "the map has nobody at that place" : "the map has somebody at that place and the record is withheld");
  if (!answer.found) return out;
  if (answer.found->entry.index != out.index || tlog::LeafHashOf(answer.found->entry) != **value)
    return Unproved("the entry is not the one in the map");
  ASSIGN_OR_RETURN(out.record, OpenRecord(*answer.found, user));
  out.entry = answer.found->entry;
  return out;
}

}  // namespace plumbline::directory

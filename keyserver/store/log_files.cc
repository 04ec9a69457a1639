#include "keyserver/store/log_files.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/directory/opening.h"
#include "common/file.h"
#include "common/identity/reason.h"
#include "common/tlog/sql_nodes.h"
#include "common/tlog/tiles.h"

namespace plumbline::keyserver {
namespace {

absl::Status Put(const std::string& folder, const std::string& name, ByteView bytes) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot make ", path.parent_path().string(), ": ", error.message()));
  return WriteFileAtomically(path.string(), bytes, 0644);
}

// How many leaves the folder's checkpoint speaks of; 0 if it has none that this log's key signed.
absl::StatusOr<uint64_t> WrittenTo(const std::string& folder, const DirectoryLogKeys& keys) {
  const absl::StatusOr<std::string> note = ReadTextFile(folder + "/checkpoint", tlog::kMaxNote);
  if (!note.ok()) return 0;
  const absl::StatusOr<tlog::Checkpoint> checkpoint = tlog::OpenCheckpoint(*note, keys.signer.verifier());
  if (checkpoint.ok()) return checkpoint->size;
  const absl::StatusOr<tlog::Note> parsed = tlog::ParseNote(*note);
  const absl::StatusOr<tlog::Checkpoint> theirs = parsed.ok() ? tlog::ParseCheckpoint(parsed->text) : parsed.status();
  if (!theirs.ok() || theirs->origin == keys.signer.verifier().name()) return 0;
  return identity::Refuse(absl::StatusCode::kFailedPrecondition, "log_folder_used",
                          absl::StrCat(folder, " has the files of another log, ", theirs->origin, "; name another folder"));
}

}  // namespace

absl::Status WriteLogFiles(db::Database& database, DirectoryLog& log, const std::string& folder) {
  ASSIGN_OR_RETURN(const DirectoryLog::Head head, log.RequirePublished());
  ASSIGN_OR_RETURN(const uint64_t written, WrittenTo(folder, log.keys()));
  const uint64_t from = std::min(written, head.size);
  tlog::SqlNodes nodes(database);
  ASSIGN_OR_RETURN(const std::vector<tlog::TileId> tiles, tlog::TilesOf(from, head.size));
  for (const tlog::TileId& tile : tiles) {
    ASSIGN_OR_RETURN(const Bytes bytes, tlog::MakeTile(nodes, tile));
    RETURN_IF_ERROR(Put(folder, tlog::TilePath(tile), bytes));
  }
  for (uint64_t index = from / tlog::kTileWidth; index * tlog::kTileWidth < head.size; ++index) {
    const uint64_t first = index * tlog::kTileWidth;
    ASSIGN_OR_RETURN(const std::vector<Bytes> leaves, log.ReadLeaves(first, head.size, tlog::kTileWidth));
    const tlog::TileId bundle{true, 0, index, static_cast<uint16_t>(leaves.size())};
    RETURN_IF_ERROR(Put(folder, tlog::TilePath(bundle), tlog::MakeBundle(leaves)));
  }
  return Put(folder, "checkpoint", AsBytes(head.note));
}

absl::StatusOr<Bytes> AllOpenings(db::Database& database, DirectoryLog& log, const crypto::VrfKeyPair& vrf) {
  ASSIGN_OR_RETURN(const DirectoryLog::Head head, log.RequirePublished());
  ASSIGN_OR_RETURN(db::Statement select,
                   database.Prepare("SELECT o.place, o.user, o.nonce, o.cause_nonce, o.cause, r.record FROM opening o LEFT JOIN "
                                    "directory_record r ON r.user = o.user AND r.version = o.version WHERE o.place < ? "
                                    "ORDER BY o.place"));
  select.Bind(1, static_cast<int64_t>(head.size));
  Writer out;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, select.Step());
    if (!more) return out.TakeBytes();
    directory::Opening opening;
    opening.place = static_cast<uint64_t>(select.Int64(0));
    if (!select.IsNull(2)) {
      const absl::StatusOr<identity::UserUri> user = identity::ParseUserUri(select.Text(1));
      if (!user.ok()) return absl::DataLossError("a stored name is damaged");
      opening.record.emplace();
      RETURN_IF_ERROR(tlog::TakeHash(select.Blob(2), opening.record->nonce.bytes));
      opening.record->record = ToBytes(select.Blob(5));
      opening.record->index_proof = identity::MakeDirectoryIndex(vrf, *user).proof;
    }
    if (!select.IsNull(3)) {
      opening.cause.emplace();
      RETURN_IF_ERROR(tlog::TakeHash(select.Blob(3), opening.cause->nonce.bytes));
      opening.cause->cause = ToBytes(select.Blob(4));
    }
    out.Vector(directory::Encode(opening));
  }
}

}  // namespace plumbline::keyserver

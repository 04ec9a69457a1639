#include "auditor/authority.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/directory/authority.h"
#include "common/file.h"
#include "common/identity/organisation_keys.h"
#include "common/tlog/directory_replay.h"
#include "common/tlog/log_reader.h"
#include "common/tlog/tile_sources.h"

namespace plumbline::auditor {
namespace {

constexpr size_t kMaxOpenings = size_t{1} << 30;  // bytes
constexpr size_t kMaxTrust = 256 << 10;
constexpr absl::string_view kLogSuffix = "/directory";

absl::StatusOr<directory::AuthorityTerms> ReadTerms(const AuthorityOptions& options, const std::string& origin) {
  ASSIGN_OR_RETURN(const std::string pem, ReadTextFile(options.trust, kMaxTrust));
  ASSIGN_OR_RETURN(std::vector<crypto::Certificate> chain, crypto::ParsePemChain(pem, 1 + identity::kMaxAuthorities));
  directory::AuthorityTerms out{std::string(absl::StripSuffix(origin, kLogSuffix)), chain.front(), {}, {}};
  out.issuing.assign(chain.begin() + 1, chain.end());
  out.approvals = options.approvals;
  for (const std::string& hex : options.administrators) {
    const std::string bytes = absl::HexStringToBytes(hex);
    const absl::StatusOr<crypto::Ed25519PublicKey> key = crypto::Ed25519PublicKey::Parse(AsBytes(bytes));
    if (!key.ok() || hex.size() != 64) return absl::InvalidArgumentError(absl::StrCat("\"", hex, "\" is not a public key of 64 hex digits"));
    out.administrators.push_back({*key});
  }
  return out;
}

}  // namespace

absl::StatusOr<bool> CheckAuthority(const AuthorityOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<tlog::VerifierKey> log, tlog::ParseLogKeys(options.log_keys));
  const std::string& origin = log.front().name();
  ASSIGN_OR_RETURN(directory::AuthorityTerms terms, ReadTerms(options, origin));
  ASSIGN_OR_RETURN(const std::unique_ptr<tlog::TileSource> source, tlog::OpenTileSource(options.source));
  ASSIGN_OR_RETURN(const std::string note, tlog::FetchCheckpoint(*source));
  ASSIGN_OR_RETURN(const tlog::Checkpoint checkpoint, tlog::OpenCheckpoint(note, log));
  ASSIGN_OR_RETURN(const std::string file, ReadTextFile(options.openings, kMaxOpenings));
  Reader openings(AsBytes(file));
  std::optional<directory::Authority> authority;
  std::vector<std::string> findings;
  tlog::MemoryMap map;
  tlog::DirectoryReplay replay(origin, map);
  const auto take = [&](uint64_t place, ByteView bytes) -> absl::Status {
    if (const absl::Status follows = replay.Take(bytes); !follows.ok()) return follows;
    ASSIGN_OR_RETURN(const tlog::DirectoryLeaf leaf, tlog::ParseDirectoryLeaf(bytes));
    if (const auto* genesis = std::get_if<tlog::GenesisLeaf>(&leaf)) {
      ASSIGN_OR_RETURN(authority, directory::Authority::Create(std::move(terms), *genesis));
    }
    const auto* entry = std::get_if<tlog::EntryLeaf>(&leaf);
    if (entry == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const directory::Opening opening, directory::ReadOpening(openings));
    if (opening.place != place) return absl::InvalidArgumentError(absl::StrCat("the openings have none for entry ", place));
    if (const auto finding = authority->Take(place, *entry, opening)) findings.push_back(finding->ToString());
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(tlog::LogReader reader, tlog::LogReader::Open(*source, checkpoint));
  RETURN_IF_ERROR(reader.ReadLeaves(0, checkpoint.size, take));
  const directory::AuthorityCounts counts = authority ? authority->counts() : directory::AuthorityCounts();
  if (options.json) {
    std::printf("%s\n", nlohmann::json{{"log", origin}, {"size", checkpoint.size}, {"checked", counts.checked},
                                       {"adopted", counts.adopted}, {"unchecked", counts.unchecked}, {"findings", findings},
                                       {"ok", findings.empty()}}
                            .dump()
                            .c_str());
    return findings.empty();
  }
  for (const std::string& finding : findings) std::printf("%s: %s\n", origin.c_str(), finding.c_str());
  std::printf("%s: %llu entries had the authority they needed, %llu are older than the log, %llu cannot be judged, %zu had none\n",
              origin.c_str(), static_cast<unsigned long long>(counts.checked), static_cast<unsigned long long>(counts.adopted),
              static_cast<unsigned long long>(counts.unchecked), findings.size());
  return findings.empty();
}

}  // namespace plumbline::auditor

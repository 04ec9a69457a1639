#include "mls/refused_commit.h"

#include "absl/strings/cord.h"
#include "common/codec.h"

namespace plumbline::mls {
namespace {

// Stays in the process: no wire format.
constexpr char kPayload[] = "plumbline.mls/refused-commit";

}  // namespace

absl::Status Refused(absl::Status status, const RefusedCommit& what) {
  Writer out;
  out.U32(what.author.value).U8(what.own_path_only ? 1 : 0);
  status.SetPayload(kPayload, absl::Cord(ToString(out.view())));
  return status;
}

std::optional<RefusedCommit> RefusedCommitOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  const std::string bytes(*payload);
  Reader in(AsBytes(bytes));
  const absl::StatusOr<uint32_t> author = in.U32();
  const absl::StatusOr<uint8_t> own = in.U8();
  if (!author.ok() || !own.ok()) return std::nullopt;
  return RefusedCommit{LeafIndex{*author}, *own != 0};
}

}  // namespace plumbline::mls

#include "mls/group_context.h"

#include "mls/leaf_node.h"

namespace plumbline::mls {
namespace {
constexpr size_t kMaxHashBytes = 255;
}

absl::StatusOr<GroupContext> ReadGroupContext(Reader& in) {
  GroupContext context;
  ASSIGN_OR_RETURN(const uint16_t version, in.U16());
  if (version != kProtocolVersionMls10)
    return absl::InvalidArgumentError("unknown protocol version");
  ASSIGN_OR_RETURN(context.cipher_suite, in.U16());
  ASSIGN_OR_RETURN(const ByteView group_id, in.Vector(kMaxGroupIdBytes));
  ASSIGN_OR_RETURN(context.epoch, in.U64());
  ASSIGN_OR_RETURN(const ByteView tree_hash, in.Vector(kMaxHashBytes));
  ASSIGN_OR_RETURN(const ByteView transcript_hash, in.Vector(kMaxHashBytes));
  ASSIGN_OR_RETURN(context.extensions, ReadExtensions(in));
  context.group_id = ToBytes(group_id);
  context.tree_hash = ToBytes(tree_hash);
  context.confirmed_transcript_hash = ToBytes(transcript_hash);
  return context;
}

void WriteGroupContext(Writer& out, const GroupContext& context) {
  out.U16(kProtocolVersionMls10)
      .U16(context.cipher_suite)
      .Vector(context.group_id)
      .U64(context.epoch);
  out.Vector(context.tree_hash).Vector(context.confirmed_transcript_hash);
  WriteExtensions(out, context.extensions);
}

Bytes Encode(const GroupContext& context) {
  Writer out;
  WriteGroupContext(out, context);
  return out.TakeBytes();
}

}  // namespace plumbline::mls

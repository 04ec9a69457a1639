#include "common/identity/mailbox_address.h"

#include "common/identity/uri.h"
#include "common/identity/version.h"

namespace plumbline::identity {
namespace {
constexpr uint8_t kVersion = 1;
}  // namespace

Bytes Encode(const MailboxAddress& address) {
  Writer out;
  out.U8(kVersion)
      .Vector(AsBytes(address.server))
      .Fixed(address.mailbox_id)
      .Fixed(address.hpke_public_key)
      .Fixed(address.deposit_capability);
  return out.TakeBytes();
}

absl::StatusOr<MailboxAddress> ParseMailboxAddress(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "a mailbox address"));
  MailboxAddress out;
  ASSIGN_OR_RETURN(const ByteView server, in.Vector(kMaxAddress));
  out.server = ToString(server);
  RETURN_IF_ERROR(CheckAddress(out.server));
  ASSIGN_OR_RETURN(out.mailbox_id, ReadFixed<16>(in));
  ASSIGN_OR_RETURN(out.hpke_public_key, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(out.deposit_capability, ReadFixed<32>(in));
  RETURN_IF_ERROR(in.Done());
  return out;
}

Bytes Encode(const GroupData& data) {
  Writer out;
  out.U8(kVersion).Fixed(data.handle).U8(static_cast<uint8_t>(data.kind));
  return out.TakeBytes();
}

absl::StatusOr<GroupData> ParseGroupData(ByteView wire) {
  Reader in(wire);
  RETURN_IF_ERROR(TakeVersion(in, kVersion, "group data"));
  GroupData out;
  ASSIGN_OR_RETURN(out.handle, ReadFixed<32>(in));
  ASSIGN_OR_RETURN(const uint8_t kind, in.U8());
  if (kind != 1 && kind != 2) return absl::InvalidArgumentError("unknown kind of group");
  out.kind = static_cast<GroupKind>(kind);
  RETURN_IF_ERROR(in.Done());
  return out;
}

}  // namespace plumbline::identity

#include "mls/message_header.h"

#include <variant>

#include "mls/message.h"

namespace plumbline::mls {

absl::StatusOr<MessageHeader> ReadMessageHeader(ByteView message) {
  ASSIGN_OR_RETURN(const MlsMessage parsed, ParseMlsMessage(message));
  if (const auto* open = std::get_if<PublicMessage>(&parsed.body)) {
    return MessageHeader{open->content.group_id, open->content.epoch, open->content.type(), false};
  }
  if (const auto* sealed = std::get_if<PrivateMessage>(&parsed.body)) {
    return MessageHeader{sealed->group_id, sealed->epoch, sealed->content_type, true};
  }
  return absl::InvalidArgumentError("not a message to a group");
}

}  // namespace plumbline::mls

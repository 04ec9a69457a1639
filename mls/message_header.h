// What a message says about itself before anything is checked: to find its group, and to keep it
// for later if its epoch is still to come.
#pragma once

#include <cstdint>

#include "common/bytes.h"
#include "common/status.h"
#include "mls/message.h"

namespace plumbline::mls {

struct MessageHeader {
  Bytes group_id;
  uint64_t epoch = 0;
  ContentType content_type = ContentType::kApplication;
  bool encrypted = false;
};
// INVALID_ARGUMENT if it is not a PublicMessage or PrivateMessage.
absl::StatusOr<MessageHeader> ReadMessageHeader(ByteView message);

}  // namespace plumbline::mls

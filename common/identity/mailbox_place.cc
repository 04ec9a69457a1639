#include "common/identity/mailbox_place.h"

#include <sodium.h>

#include "common/identity/labels.h"

namespace plumbline::identity {

MailboxPlace::~MailboxPlace() { sodium_memzero(bytes_.data(), bytes_.size()); }

MailboxPlace MailboxPlace::Random() {
  MailboxPlace place;
  randombytes_buf(place.bytes_.data(), place.bytes_.size());
  return place;
}

MailboxPlace MailboxPlace::Former(const MailboxId& mailbox) {
  MailboxPlace place;
  place.bytes_ = Sha256(Concat({AsBytes(kFormerPlaceLabel), mailbox}));
  return place;
}

absl::StatusOr<MailboxPlace> MailboxPlace::Parse(ByteView bytes) {
  MailboxPlace place;
  ASSIGN_OR_RETURN(place.bytes_, ToFixed<32>(bytes));
  return place;
}

}  // namespace plumbline::identity

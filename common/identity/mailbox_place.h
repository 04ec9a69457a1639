// A place in a mailbox: what is behind it can be found and opened by whoever knows it, and nothing that is before it. The owner chooses where
// the mailbox begins, and learns with each delivery the place behind it; the delivery server keeps only the place where the next envelope
// will go (docs/protocols/delivery.md, ADR 26).
#pragma once

#include "common/bytes.h"
#include "common/identity/fixed.h"
#include "common/status.h"

namespace plumbline::identity {

// 32 bytes, wiped when it goes, compared in constant time. Copied freely: it is handed from hand to hand.
class MailboxPlace final {
 public:
  MailboxPlace() = default;  // all zero: of no mailbox
  static MailboxPlace Random();
  // Where a mailbox begins that was opened before its owner chose that: anybody can tell.
  static MailboxPlace Former(const MailboxId& mailbox);
  // INVALID_ARGUMENT unless `bytes` is 32 long.
  static absl::StatusOr<MailboxPlace> Parse(ByteView bytes);

  MailboxPlace(const MailboxPlace&) = default;
  MailboxPlace& operator=(const MailboxPlace&) = default;
  ~MailboxPlace();

  ByteView view() const { return bytes_; }
  std::span<uint8_t, 32> span() { return bytes_; }
  bool operator==(const MailboxPlace& other) const { return ConstantTimeEqual(bytes_, other.bytes_); }

 private:
  Fixed<32> bytes_{};
};

}  // namespace plumbline::identity

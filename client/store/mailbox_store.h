// The mailboxes this device owns, with the keys that open what is in them.
#pragma once

#include <optional>
#include <vector>

#include "client/store/store.h"
#include "common/identity/fixed.h"
#include "common/identity/mailbox_place.h"
#include "common/secret.h"

namespace plumbline::client {

struct Mailbox {
  identity::MailboxId id{};
  Bytes group_id;  // empty: the intake mailbox, named in key packages
  Secret owner_seed;     // 32 bytes, Ed25519
  Secret hpke_private;   // 32 bytes, X25519
  identity::PublicKey hpke_public{};
  identity::Fixed<32> capability{};
  Bytes grant;               // what opens it; sent again until the server confirmed
  uint32_t expires_day = 0;  // days since 1970
  bool open = false;
  identity::MailboxPlace begin;  // where its first envelope went
  identity::MailboxPlace place;  // behind the last envelope whose effects are here, or some before it
  Bytes place_store;             // the server's store_id when `place` was learnt; under another one it is not known there
};

class MailboxStore final {
 public:
  explicit MailboxStore(Store& store) : store_(store) {}

  absl::Status Add(Change& change, const Mailbox& mailbox);
  absl::Status MarkOpen(Change& change, const identity::MailboxId& id);
  absl::Status SetPlace(Change& change, const identity::MailboxId& id, const identity::MailboxPlace& place, ByteView place_store);
  absl::Status Remove(Change& change, const identity::MailboxId& id);
  absl::StatusOr<std::vector<Mailbox>> All();
  absl::StatusOr<std::optional<Mailbox>> Find(const identity::MailboxId& id);
  // The newest one of the group; of the intake mailboxes if `group_id` is empty.
  absl::StatusOr<std::optional<Mailbox>> FindFor(ByteView group_id);

 private:
  Store& store_;
};

}  // namespace plumbline::client

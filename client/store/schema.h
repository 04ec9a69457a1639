// The tables of the client's store. A step that has been released is never edited: add another.
#pragma once

#include <array>

#include "common/db/database.h"

namespace plumbline::client {

inline constexpr std::array<db::Migration, 11> kMigrations = {{
    {"first tables", R"sql(
-- What must survive between the request of an enrolment and its answer. At most one row.
CREATE TABLE enrolment (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  invitation TEXT NOT NULL,
  working_seed BLOB NOT NULL,
  mls_seed BLOB NOT NULL
);
-- Who this device is and whom it trusts. At most one row, written once all of it was verified up to the pinned root.
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  user TEXT NOT NULL,
  device_id BLOB NOT NULL,
  organisation TEXT NOT NULL,
  keyserver_address TEXT NOT NULL,
  device_address TEXT NOT NULL,
  delivery_address TEXT NOT NULL,
  root BLOB NOT NULL,
  issuing BLOB NOT NULL,
  directory_key BLOB NOT NULL,
  grants_key BLOB NOT NULL,
  passes_key BLOB NOT NULL,
  working_seed BLOB NOT NULL,
  mls_seed BLOB NOT NULL,
  mls_certificate BLOB NOT NULL
);
CREATE TABLE pass (bytes BLOB PRIMARY KEY, purpose TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mailbox_grant (bytes BLOB PRIMARY KEY, expires_day INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE mailbox (
  id BLOB PRIMARY KEY,
  group_id BLOB NOT NULL,        -- empty: the intake mailbox
  owner_seed BLOB NOT NULL,
  hpke_private BLOB NOT NULL,
  hpke_public BLOB NOT NULL,
  capability BLOB NOT NULL,
  grant_bytes BLOB NOT NULL,
  expires_day INTEGER NOT NULL,
  open INTEGER NOT NULL          -- 0 until the server confirmed it
) WITHOUT ROWID;
CREATE TABLE key_package (
  ref BLOB PRIMARY KEY,
  bundle BLOB NOT NULL,
  last_resort INTEGER NOT NULL,
  published INTEGER NOT NULL,
  not_after INTEGER NOT NULL
) WITHOUT ROWID;
-- What the directory said about a person: a version never goes back, and never says two things.
CREATE TABLE contact (
  user TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  record BLOB NOT NULL,
  signature BLOB NOT NULL,
  shown_devices BLOB NOT NULL,   -- hash of the set of devices last shown to the person at this client
  verified_devices BLOB          -- hash of the set of devices that was compared, or null
) WITHOUT ROWID;
CREATE TABLE evidence (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,
  user TEXT NOT NULL,
  reason TEXT NOT NULL,
  held BLOB NOT NULL,
  offered BLOB NOT NULL,
  offered_signature BLOB NOT NULL
);
CREATE TABLE mls_group (
  id BLOB PRIMARY KEY,
  conversation TEXT NOT NULL,    -- the other person's user URI, or group:<conversation id>
  handle BLOB NOT NULL,
  status INTEGER NOT NULL,
  state BLOB NOT NULL,
  joined_epoch INTEGER NOT NULL, -- 0: made here
  sent_sequence INTEGER NOT NULL,
  sent_hash BLOB NOT NULL,
  address_due INTEGER NOT NULL   -- 1: the own leaf does not yet carry the mailbox of this conversation
) WITHOUT ROWID;
CREATE INDEX mls_group_conversation ON mls_group (conversation);
-- Where each sender's chain of frames stands.
CREATE TABLE chain (
  group_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (group_id, device_id)
) WITHOUT ROWID;
CREATE TABLE missing (
  group_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  PRIMARY KEY (group_id, device_id, sequence)
) WITHOUT ROWID;
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  group_id BLOB NOT NULL,
  epoch INTEGER NOT NULL,
  gated_commit BLOB,             -- null: a message
  next_state BLOB,               -- the group after the commit
  history_id INTEGER             -- the message's row
);
CREATE TABLE outbox_envelope (
  envelope_id BLOB PRIMARY KEY,
  outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
  mailbox_id BLOB NOT NULL,
  capability BLOB NOT NULL,
  sealed BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX outbox_envelope_item ON outbox_envelope (outbox_id);
CREATE TABLE history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  time INTEGER NOT NULL,         -- when it was written or received here, seconds
  conversation TEXT NOT NULL,
  kind INTEGER NOT NULL,
  sender TEXT NOT NULL,          -- user URI of the authenticated credential; empty for notices
  device_id BLOB NOT NULL,
  media_type TEXT NOT NULL,
  body BLOB NOT NULL,
  state INTEGER NOT NULL,
  detail TEXT NOT NULL           -- for gaps and notices: a stable reason id
);
CREATE INDEX history_conversation ON history (conversation, id);
CREATE INDEX history_state ON history (state);
-- Envelopes whose effects are in this store already.
CREATE TABLE seen (envelope_id BLOB PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
)sql"},
    {"groups", R"sql(
-- What a group is called, from its newest state here.
CREATE TABLE group_name (conversation TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
-- What this person asked for and the group does not yet show.
CREATE TABLE wish (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation TEXT NOT NULL,
  kind INTEGER NOT NULL,
  subject TEXT NOT NULL          -- a user URI, or a name
);
-- Requests to leave that were received and not yet carried out.
CREATE TABLE leave_request (
  conversation TEXT NOT NULL,
  user TEXT NOT NULL,
  request BLOB NOT NULL,
  received INTEGER NOT NULL,     -- seconds
  PRIMARY KEY (conversation, user)
) WITHOUT ROWID;
-- Devices that asked to be taken out and in again.
CREATE TABLE resync_request (
  group_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  request BLOB NOT NULL,
  stuck_key BLOB NOT NULL,       -- encryption key of their leaf when they asked: another one means it is done
  PRIMARY KEY (group_id, device_id)
) WITHOUT ROWID;
-- When this device last asked for the same, and how often.
CREATE TABLE resync_asked (group_id BLOB PRIMARY KEY, asked INTEGER NOT NULL, times INTEGER NOT NULL) WITHOUT ROWID;
)sql"},
    {"files", R"sql(
-- Files on their way to the server. Their sealed copies are beside the store, named by id.
CREATE TABLE file_upload (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation TEXT NOT NULL,
  source TEXT NOT NULL,          -- absolute path
  source_size INTEGER NOT NULL,
  source_mtime INTEGER NOT NULL, -- nanoseconds
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  key BLOB NOT NULL,
  read_capability BLOB NOT NULL,
  owner_capability BLOB NOT NULL,
  sealed_hash BLOB               -- null until the sealed copy is complete; then its bytes and no others are sent
);
-- What takes a sent file back.
CREATE TABLE file_own (history_id INTEGER PRIMARY KEY, attachment_id BLOB NOT NULL, owner_capability BLOB NOT NULL);
)sql"},
    {"the directory's log", R"sql(
-- 1: the record was proved to be in the log; 0: the key server said so to this device's own request.
ALTER TABLE contact ADD COLUMN proved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE contact ADD COLUMN map_index BLOB;   -- null until a proof showed it
ALTER TABLE contact ADD COLUMN follow_key BLOB;
-- The log as it was last seen, and whose word makes it believed. At most one row.
CREATE TABLE directory_log (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  policy_certificate BLOB NOT NULL, policy BLOB NOT NULL, policy_signature BLOB NOT NULL,
  size INTEGER NOT NULL, root BLOB NOT NULL,
  log_signature BLOB NOT NULL,
  checkpoint TEXT NOT NULL       -- the note with its witnesses' signatures
);
CREATE TABLE log_node (level INTEGER NOT NULL, number INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, number)) WITHOUT ROWID;
-- What others have seen and this device has not: the largest of each of their devices.
CREATE TABLE heard_checkpoint (
  device_id BLOB PRIMARY KEY, user TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, signature BLOB NOT NULL,
  received INTEGER NOT NULL
) WITHOUT ROWID;
-- Proof that the log showed two histories, for anybody.
CREATE TABLE log_evidence (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL, reason TEXT NOT NULL, file TEXT NOT NULL);
)sql"},
    {"the own record, version by version", R"sql(
-- The own record as far as it was followed in the log, each version after the one before. At most one row.
CREATE TABLE own_record (id INTEGER PRIMARY KEY CHECK (id = 1), record BLOB NOT NULL);
-- Own devices whose coming (0) or going (1) was told, or was this device's own decision.
CREATE TABLE own_device_told (device_id BLOB NOT NULL, gone INTEGER NOT NULL, PRIMARY KEY (device_id, gone)) WITHOUT ROWID;
)sql"},
    {"anonymous tokens in place of passes", R"sql(
DROP TABLE pass;
CREATE TABLE token (bytes BLOB PRIMARY KEY, token_key BLOB NOT NULL, purpose TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
-- The newest key of each purpose and class that the log shows.
CREATE TABLE token_key (purpose TEXT NOT NULL, token_class TEXT NOT NULL, leaf BLOB NOT NULL, PRIMARY KEY (purpose, token_class)) WITHOUT ROWID;
ALTER TABLE account RENAME TO former_account;
CREATE TABLE account (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  user TEXT NOT NULL,
  device_id BLOB NOT NULL,
  organisation TEXT NOT NULL,
  keyserver_address TEXT NOT NULL,
  device_address TEXT NOT NULL,
  delivery_address TEXT NOT NULL,
  root BLOB NOT NULL,
  issuing BLOB NOT NULL,
  directory_key BLOB NOT NULL,
  grants_key BLOB NOT NULL,
  tokens_key BLOB NOT NULL,
  working_seed BLOB NOT NULL,
  mls_seed BLOB NOT NULL,
  mls_certificate BLOB NOT NULL
);
INSERT INTO account SELECT * FROM former_account;
DROP TABLE former_account;
)sql"},
    {"check-ins", R"sql(
-- At most one row. `next`: asked for, and not known to be taken; null: nothing is asked for.
CREATE TABLE check_in (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, last BLOB NOT NULL, next BLOB);
)sql"},
    {"keys of the organisation", R"sql(
-- Which role keys count, in place of the account's: a SignedOrganisationKeys. At most one row.
CREATE TABLE organisation_keys (id INTEGER PRIMARY KEY CHECK (id = 1), statement BLOB NOT NULL);
)sql"},
    {"logs that follow another one", R"sql(
ALTER TABLE directory_log ADD COLUMN number INTEGER NOT NULL DEFAULT 1;
ALTER TABLE directory_log ADD COLUMN genesis BLOB NOT NULL DEFAULT x'';      -- its first leaf, where the root said which; else empty
ALTER TABLE directory_log ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;    -- 1: the root said that it begins with what a backup had
-- The record that a restored directory begins with again, which is older than the one that is held; empty: that is not known; null: none.
ALTER TABLE contact ADD COLUMN base BLOB;
)sql"},
    {"the privacy notice", R"sql(
-- At most one row. `items`: what was accepted; `offered`: what the services say since, null if it is the same. Both serialised Notices.
CREATE TABLE notice (
  id INTEGER PRIMARY KEY CHECK (id = 1), version TEXT NOT NULL, items BLOB NOT NULL, accepted INTEGER NOT NULL, offered BLOB,
  asked INTEGER NOT NULL               -- seconds
);
)sql"},
    {"places in mailboxes", R"sql(
-- Where it began, and behind the last envelope whose effects are here; null: where a mailbox began before there were places.
ALTER TABLE mailbox ADD COLUMN begin_place BLOB;
ALTER TABLE mailbox ADD COLUMN place BLOB;
ALTER TABLE mailbox ADD COLUMN place_store BLOB NOT NULL DEFAULT x'';  -- the server's store_id when `place` was learnt
)sql"},
}};

}  // namespace plumbline::client

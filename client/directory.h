// The directory as this client believes it: every record is verified up to the pinned root and compared with what was seen
// before. A version that goes back, or the same version with other content, is evidence against the directory: it is kept, and
// nothing is sent on its word.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "client/network.h"
#include "client/self.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "client/transparency.h"
#include "common/clock.h"
#include "common/status.h"
#include "mls/key_package.h"

namespace plumbline::client {

// What a signed record must satisfy whoever shows it: signature, devices' certificates under the root, keys and names that
// agree. UNAUTHENTICATED record_invalid.
struct RecordRules {
  const identity::RoleKeys& directory_keys;
  const crypto::Certificate& root;
  const std::vector<crypto::Certificate>& authorities;  // which issue credentials, or did: what they issued names its device for good
  absl::Time now;
};
absl::StatusOr<identity::DirectoryRecord> VerifyRecord(const keys::v1::SignedRecord& offered, absl::string_view user,
                                                       const RecordRules& rules);

// What this device has been shown of the directory, and the rules for what it may be shown next.
class RecordBook final {
 public:
  RecordBook(Stores& stores, const Self& self, const Clock& clock) : stores_(stores), self_(self), clock_(clock) {}

  // Verifies what the directory offers about `user`, compares it with what it said before, and remembers it.
  // UNAUTHENTICATED record_invalid; directory_rolled_back, directory_contradicts: both records are kept as evidence; UNAVAILABLE
  // directory_unwitnessed: the log does not have yet what the key server told this device before.
  // `place`: where it was proved to be in the log; none for the key server's word alone, to this device's own request.
  // About the own person, a device that came or went becomes a notice, but for `expected`: the one that this device has just
  // decided about.
  absl::StatusOr<Contact> Accept(const keys::v1::SignedRecord& offered, const std::string& user,
                                 const std::optional<ContactPlace>& place,
                                 const std::optional<identity::DeviceId>& expected = std::nullopt);

  // The same for a record of somebody who is followed, out of the log, within `change`: older ones than the newest that was seen
  // are passed over. The own record has to come version by version, so that a device that came and went is seen too; a version
  // that is skipped, repeated or does not follow is directory_contradicts. What is against the directory is kept by KeepPending, once
  // `change` is given up.
  absl::Status AcceptFollowed(Change& change, const keys::v1::SignedRecord& offered, const std::string& user);
  // The same as a log begins that follows another one: of what is known here the same bytes have to come, of the own record every
  // version up to it. directory_rolled_back, directory_contradicts.
  absl::Status AcceptEntered(Change& change, const keys::v1::SignedRecord& offered, const std::string& user);
  absl::Status KeepPending();
  // Of the statement that says which keys sign records; 0: none was shown yet.
  absl::StatusOr<uint64_t> KeysNumber();

 private:
  absl::StatusOr<identity::DirectoryRecord> Verified(const keys::v1::SignedRecord& offered, const std::string& user);
  // What `record` is against what is held.
  absl::Status Judge(const Contact& held, const identity::DirectoryRecord& record, const keys::v1::SignedRecord& offered,
                     bool proved);
  absl::Status JudgeRestored(const Contact& held, const identity::DirectoryRecord& record, const keys::v1::SignedRecord& offered);
  static bool IsBase(const Contact& held, const identity::DirectoryRecord& record, const keys::v1::SignedRecord& offered);
  absl::Status Remember(Change& change, const std::optional<Contact>& held, const identity::DirectoryRecord& record,
                        const keys::v1::SignedRecord& offered, bool proved, const std::optional<identity::DeviceId>& expected);
  // The next version of the own record in the log.
  absl::Status FollowOwn(Change& change, const keys::v1::SignedRecord& offered);
  // The next version of the own record that enters a log which begins, up to the one that is known.
  absl::Status EnterOwn(const keys::v1::SignedRecord& offered, const Bytes& known);
  // The own record is first known, or was proved.
  absl::Status BeginOwn(Change& change, const identity::DirectoryRecord& record, ByteView bytes);
  absl::Status AddNotice(Change& change, const char* reason, absl::string_view text);
  absl::Status NoticeOwnDevices(Change& change, const identity::DirectoryRecord& before, const identity::DirectoryRecord& after,
                                const std::optional<identity::DeviceId>& expected);

  struct Pending {
    std::string user, reason;
    Bytes held;
    keys::v1::SignedRecord offered;
  };
  Stores& stores_;
  const Self& self_;
  const Clock& clock_;
  std::optional<Pending> pending_;  // evidence that is not kept yet
  Bytes entered_;                   // the own version that entered last
};

// Reads on in the log, and hands what it says about known people to the book.
absl::Status SyncLog(Transparency& log, RecordBook& book);
// An answer's record, proved and remembered; `ask` is called again if the log has grown meanwhile. NOT_FOUND unknown_user.
struct ProvedAnswer {
  keys::v1::SignedRecord record;
  std::string answer, follow_key;
};
absl::StatusOr<Contact> AcceptProved(Transparency& log, RecordBook& book, const std::string& user,
                                     const std::function<absl::StatusOr<ProvedAnswer>()>& ask);

enum class Verification { kNever, kVerified, kChanged };  // kChanged: verified once, with other devices

class Directory final {
 public:
  Directory(Stores& stores, const Self& self, Network& network, Supplies& supplies, const Clock& clock)
      : stores_(stores), self_(self), network_(network), supplies_(supplies), clock_(clock), book_(stores, self, clock),
        log_(stores, self, [&network](const keys::v1::ReadLogRequest& request) { return network.ReadLog(request); }, clock) {
    supplies_.SyncWith([this] { return Sync(); });
  }
  ~Directory() { supplies_.SyncWith(nullptr); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // What the log says that is new, about everybody who is known here. Codes of Transparency::Sync and RecordBook.
  absl::Status Sync() { return SyncLog(log_, book_); }
  // A person's record as the log has it. Only the first time is the key server asked about them. NOT_FOUND unknown_user; codes of
  // Sync.
  absl::StatusOr<Contact> LookUp(const std::string& user);
  // The same for the own person, over the device's own connection.
  absl::StatusOr<Contact> LookUpSelf();

  // One key package for each wanted device of a person, on a connection of its own; each belongs to its device as the record
  // states. Devices without one are left out, and those whose credential has ended.
  absl::StatusOr<std::vector<mls::KeyPackage>> Claim(const std::string& user,
                                                     const std::vector<identity::RecordDevice>& wanted);

  static Verification StateOf(const Contact& contact);

  // How old the witnesses' word is, where it is old enough to be said.
  absl::StatusOr<std::optional<absl::Duration>> Staleness();

 private:
  Stores& stores_;
  const Self& self_;
  Network& network_;
  Supplies& supplies_;
  const Clock& clock_;
  RecordBook book_;
  Transparency log_;
};

}  // namespace plumbline::client

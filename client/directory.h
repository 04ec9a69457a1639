// The directory as this client believes it: every record is verified up to the pinned root and compared with what was seen
// before. A version that goes back, or the same version with other content, is evidence against the directory: it is kept, and
// nothing is sent on its word.
#pragma once

#include <string>
#include <vector>

#include "client/network.h"
#include "client/self.h"
#include "client/stores.h"
#include "client/supplies.h"
#include "common/clock.h"
#include "common/status.h"
#include "mls/key_package.h"

namespace plumbline::client {

// What a signed record must satisfy whoever shows it: signature, devices' certificates under the root, keys and names that
// agree. UNAUTHENTICATED record_invalid.
struct RecordRules {
  const crypto::Ed25519PublicKey& directory_key;
  const crypto::Certificate& root;
  const Bytes& issuing;  // DER
  absl::Time now;
};
absl::StatusOr<identity::DirectoryRecord> VerifyRecord(const keys::v1::SignedRecord& offered, absl::string_view user,
                                                       const RecordRules& rules);

// What this device has been shown of the directory, and the rules for what it may be shown next.
class RecordBook final {
 public:
  RecordBook(Stores& stores, const Self& self, const Clock& clock) : stores_(stores), self_(self), clock_(clock) {}

  // Verifies what the directory offers about `user`, compares it with what it said before, and remembers it.
  // UNAUTHENTICATED record_invalid; directory_rolled_back, directory_contradicts: both records are kept as evidence.
  // About the own person, a device that came or went becomes a notice, but for `expected`: the one that this device has just
  // decided about.
  absl::StatusOr<Contact> Accept(const keys::v1::SignedRecord& offered, const std::string& user,
                                 const std::optional<identity::DeviceId>& expected = std::nullopt);

 private:
  absl::Status NoticeOwnDevices(Change& change, const identity::DirectoryRecord& before, const identity::DirectoryRecord& after,
                                const std::optional<identity::DeviceId>& expected);
  absl::Status KeepEvidence(const Contact& held, const keys::v1::SignedRecord& offered, absl::string_view reason);

  Stores& stores_;
  const Self& self_;
  const Clock& clock_;
};

enum class Verification { kNever, kVerified, kChanged };  // kChanged: verified once, with other devices

class Directory final {
 public:
  Directory(Stores& stores, const Self& self, Network& network, Supplies& supplies, const Clock& clock)
      : self_(self), network_(network), supplies_(supplies), clock_(clock), book_(stores, self, clock) {}

  // Looks a person up and remembers the record. NOT_FOUND unknown_user; UNAUTHENTICATED record_invalid,
  // directory_rolled_back, directory_contradicts.
  absl::StatusOr<Contact> LookUp(const std::string& user);
  // The same for the own person, over the device's own connection.
  absl::StatusOr<Contact> LookUpSelf();

  // One key package for each wanted device of a person, on a connection of its own; each belongs to its device as the record
  // states. Devices without one are left out.
  absl::StatusOr<std::vector<mls::KeyPackage>> Claim(const std::string& user,
                                                     const std::vector<identity::RecordDevice>& wanted);

  static Verification StateOf(const Contact& contact);

 private:
  const Self& self_;
  Network& network_;
  Supplies& supplies_;
  const Clock& clock_;
  RecordBook book_;
};

}  // namespace plumbline::client

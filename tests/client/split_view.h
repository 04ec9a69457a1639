// Two people who follow one directory, and what a hostile server does to its answers; for tests of client/transparency.h.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "client/directory.h"
#include "client/transparency.h"
#include "common/identity/labels.h"
#include "common/tlog/equivocation.h"
#include "common/tlog/fork.h"
#include "tests/client/people.h"
#include "tests/client/test_directory.h"
#include "tests/status_matchers.h"

namespace plumbline::client {

// A person's client as it follows a directory; which one may change under it.
struct Reader {
  Reader(Device& d, TestDirectory& from, const Clock& clock)
      : device(d), directory(&from), book(*d.stores, *d.self, clock),
        log(*d.stores, *d.self, [this](const keys::v1::ReadLogRequest& request) { return Read(request); }, clock) {}

  absl::StatusOr<keys::v1::ReadLogResponse> Read(const keys::v1::ReadLogRequest& request) {
    ASSIGN_OR_RETURN(keys::v1::ReadLogResponse response, directory->ReadLog(request));
    if (change) change(response);
    return response;
  }
  absl::Status Sync() { return SyncLog(log, book); }
  absl::StatusOr<Contact> LookUp(const std::string& user) {
    return AcceptProved(log, book, user, [&]() -> absl::StatusOr<ProvedAnswer> {
      keys::v1::LookUpResponse response = directory->LookUp(user);
      if (change_answer) change_answer(response);
      return ProvedAnswer{response.record(), response.answer(), response.follow_key()};
    });
  }
  std::vector<LogEvidence> Evidence() { return *device.stores->log.Evidence(); }

  Device& device;
  TestDirectory* directory;
  RecordBook book;
  Transparency log;
  std::function<void(keys::v1::ReadLogResponse&)> change;  // what a hostile server does to its answers
  std::function<void(keys::v1::LookUpResponse&)> change_answer;
};

class SplitView : public ::testing::Test {
 protected:
  SplitView() {
    Append(honest_, two_.alice.user(), {&two_.alice});
    Append(honest_, two_.bob.user(), {&two_.bob});
    two_.Connect();
  }
  keys::v1::SignedRecord Next(TestDirectory& directory, const std::string& user, const std::vector<Device*>& devices) {
    identity::DirectoryRecord record;
    const keys::v1::LookUpResponse before = directory.LookUp(user);
    if (before.has_record()) {
      record.version = identity::ParseDirectoryRecord(AsBytes(before.record().record()))->version;
      record.previous_hash = Sha256(AsBytes(before.record().record()));
    }
    ++record.version;
    record.user = user;
    record.display_name = "Somebody";
    std::map<identity::DeviceId, std::string> credentials;
    for (Device* each : devices) {
      identity::RecordDevice device;
      device.device_id = each->self->device();
      device.label = "laptop";
      device.mls_signature_public_key = *identity::ToFixed<32>(each->self->mls_public_key());
      device.credential_hash = Sha256(each->self->account().mls_certificate);
      record.devices.push_back(device);
      credentials[device.device_id] = ToString(each->self->account().mls_certificate);
    }
    std::sort(record.devices.begin(), record.devices.end(), [](const auto& a, const auto& b) { return a.device_id < b.device_id; });
    keys::v1::SignedRecord out;
    out.set_record(ToString(identity::Encode(record)));
    out.set_signature(ToString(two_.directory_key.Sign(identity::kDirectoryRecordLabel, AsBytes(out.record()))));
    for (const auto& [id, credential] : credentials) out.add_credentials(credential);
    return out;
  }
  void Append(TestDirectory& directory, const std::string& user, const std::vector<Device*>& devices) {
    directory.Append(Next(directory, user, devices));
  }
  // Somebody else's change, so that the log grows.
  void Grow(TestDirectory& directory, const std::string& name) { Append(directory, "mimi://example.org/u/" + name, {}); }
  void ExpectSplit(Reader& reader) {
    EXPECT_THAT(reader.Sync(), testing::StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("directory_split: ")));
    EXPECT_THAT(reader.LookUp(two_.alice.user()).status(), testing::StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("directory_split: ")));
    EXPECT_THAT(reader.log.Check({}, two_.alice.user()).status(),
                testing::StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("directory_split: ")));
    ASSERT_EQ(reader.Evidence().size(), 1u);
    ExpectProof(reader.Evidence()[0].file);
  }
  // By a third party, who has the file and the log's key, or its keys.
  void ExpectProof(const std::string& file) {
    const absl::StatusOr<tlog::Fork> fork = tlog::ParseFork(file);
    if (fork.ok()) {
      EXPECT_OK(tlog::VerifyFork(*fork, log_keys_));
      return;
    }
    ASSERT_OK_AND_ASSIGN(const tlog::Equivocation two, tlog::ParseEquivocation(file));
    EXPECT_OK(tlog::VerifyEquivocation(two, log_keys_));
  }
  // The log's own word, over whatever leaves, with its witness's.
  std::string NoteOver(const std::vector<Bytes>& leaves) {
    tlog::MemoryNodes nodes;
    for (size_t i = 0; i < leaves.size(); ++i) CHECK(tlog::Append(nodes, i, tlog::LeafHash(leaves[i])).ok());
    const std::string note = *tlog::SignCheckpoint(leaves.size(), *tlog::Root(nodes, leaves.size()), honest_.keys().signer);
    return note + honest_.witness().Cosign(note);
  }
  std::vector<Bytes> Leaves() {
    keys::v1::ReadLogRequest request;
    request.set_limit(10'000);
    std::vector<Bytes> out;
    const keys::v1::ReadLogResponse response = *honest_.ReadLog(request);
    for (const keys::v1::LogLeaf& leaf : response.leaves()) out.push_back(ToBytes(AsBytes(leaf.leaf())));
    return out;
  }
  // `reader` is shown these leaves from now on, all of them signed and witnessed.
  void Show(Reader& reader, const std::vector<Bytes>& leaves) {
    const std::optional<KnownLog> known = *reader.device.stores->log.Get();
    const size_t from = known ? known->seen.size : 0;
    const std::string note = NoteOver(leaves);
    reader.change = [leaves, from, note](keys::v1::ReadLogResponse& r) {
      r.clear_leaves();
      for (size_t i = from; i < leaves.size(); ++i) r.add_leaves()->set_leaf(ToString(leaves[i]));
      r.set_checkpoint(note);
    };
  }
  // As another device would send it, signed by the log.
  HeardCheckpoint Heard(uint64_t size, const tlog::Hash& root, uint8_t device = 1) {
    const std::string note = *tlog::SignCheckpoint(size, root, honest_.keys().signer);
    HeardCheckpoint out{{}, two_.alice.user(), {size, root, {}}, two_.clock.Now()};
    out.device.fill(device);
    out.seen.signature = *identity::ToFixed<64>(tlog::ParseNote(note)->signatures[0].signature);
    return out;
  }
  std::optional<Contact> Held(Device& device, const std::string& user) { return *device.stores->contacts.Find(user); }
  void ExpectInvalid(const absl::Status& status, const std::string& why) {
    EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kUnauthenticated, ::testing::HasSubstr("log_invalid: ")));
    EXPECT_THAT(status, testing::StatusIs(absl::StatusCode::kUnauthenticated, ::testing::HasSubstr(why)));
    EXPECT_THAT(alice_.Evidence(), ::testing::IsEmpty());
  }

  TwoPeople two_;
  TestDirectory honest_{two_.organisation, two_.clock};
  std::vector<tlog::VerifierKey> log_keys_ = {honest_.log_key()};
  Device ghost_{two_.organisation, "alice", two_.clock, &two_.directory_key};  // with a certificate, as the authority can make one
  Reader alice_{two_.alice, honest_, two_.clock}, bob_{two_.bob, honest_, two_.clock};
};

}  // namespace plumbline::client

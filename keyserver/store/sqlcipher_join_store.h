// JoinStore on SQLCipher.
#pragma once

#include "keyserver/store/join_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherJoinStore final : public JoinStore {
 public:
  explicit SqlcipherJoinStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status Invite(absl::string_view user, const identity::DeviceId& device,
                      const EnrolmentCode& code, const audit::Entry& entry) override;
  absl::StatusOr<Tried> TryInvitation(absl::string_view user, const identity::PublicKey& key,
                                      absl::Time now) override;
  absl::Status Ask(const Join& join, const identity::PublicKey& code_key, absl::Time now,
                   const audit::Entry& entry) override;
  absl::StatusOr<std::optional<Join>> Find(const identity::Hash& hash) override;
  absl::StatusOr<std::vector<Join>> Waiting(absl::string_view user, absl::Time now) override;
  absl::Status Approve(const identity::Hash& hash, const Device& device, ByteView tls_certificate,
                       uint64_t revision, const SignedBytes& record, absl::Time now,
                       const DecisionTrace& trace) override;
  absl::Status Activate(const identity::Hash& hash, const Device& device, ByteView tls_certificate, uint64_t revision,
                        const SignedBytes& record, absl::Time now, const IntentTrace& trace) override;
  absl::Status Refuse(const identity::Hash& hash, absl::Time now,
                      const DecisionTrace& trace) override;

 private:
  template <typename Trace>
  absl::Status LetIn(const identity::Hash& hash, const Device& device, ByteView tls_certificate, uint64_t revision,
                     const SignedBytes& record, absl::Time now, const Trace& trace);
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver

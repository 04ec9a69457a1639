// Ledger and AuditTrail on SQLCipher.
#pragma once

#include "keyserver/store/ledger.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherLedger final : public Ledger {
 public:
  explicit SqlcipherLedger(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status SpendToken(const tokens::Redeemed& token) override;
  absl::Status DrawTokens(const identity::DeviceId& device, absl::string_view purpose, uint32_t count, uint32_t day, uint32_t limit,
                          const audit::Entry& entry) override;
  absl::Status DrawGrants(const identity::DeviceId& device, const std::vector<Bytes>& sealed_serials,
                          uint32_t expires_day, uint32_t day, uint32_t limit,
                          const audit::Entry& entry) override;
  absl::Status Sweep(absl::Time now) override;

 private:
  SqlcipherConnection& connection_;
};

class SqlcipherAuditTrail final : public AuditTrail {
 public:
  explicit SqlcipherAuditTrail(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status Append(const audit::Entry& entry) override;
  absl::StatusOr<audit::Page> ReadPage(uint64_t after, size_t limit) override;

 private:
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver

// DepartureStore on SQLCipher.
#pragma once

#include "keyserver/store/departure_store.h"
#include "keyserver/store/sqlcipher_connection.h"

namespace plumbline::keyserver {

class SqlcipherDepartureStore final : public DepartureStore {
 public:
  explicit SqlcipherDepartureStore(SqlcipherConnection& connection) : connection_(connection) {}

  absl::Status Depart(const Departure& departure, const IntentTrace& trace,
                      const TakeAway& take) override;
  absl::Status Depart(const Departure& departure, const DecisionTrace& trace,
                      const TakeAway& take) override;
  absl::StatusOr<std::optional<QueuedRevocation>> NextPending() override;
  absl::StatusOr<std::optional<QueuedRevocation>> Newest() override;
  absl::Status Confirm(uint64_t sequence, const audit::Entry& entry) override;
  absl::Status Rewind(uint64_t sequence) override;
  absl::StatusOr<RevocationCount> Count(absl::string_view user) override;

 private:
  template <typename Trace>
  absl::Status DepartWith(const Departure& departure, const Trace& trace, const TakeAway& take);
  SqlcipherConnection& connection_;
};

}  // namespace plumbline::keyserver

// From a row's columns to fixed-size values and secrets.
#pragma once

#include "common/db/database.h"
#include "common/identity/fixed.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::client {

// DATA_LOSS unless the column is N bytes.
template <size_t N>
absl::Status ReadColumn(const db::Statement& row, int column, identity::Fixed<N>& out) {
  absl::StatusOr<identity::Fixed<N>> value = identity::ToFixed<N>(row.Blob(column));
  if (!value.ok()) return absl::DataLossError("a value in the client's store does not have its size");
  out = *value;
  return absl::OkStatus();
}

inline Secret SecretColumn(const db::Statement& row, int column) { return Secret::CopyOf(row.Blob(column)); }
inline Bytes BytesColumn(const db::Statement& row, int column) { return ToBytes(row.Blob(column)); }
inline std::string TextColumn(const db::Statement& row, int column) { return std::string(row.Text(column)); }

}  // namespace plumbline::client

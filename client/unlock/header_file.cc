#include "client/unlock/header_file.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::client {

bool HeaderFile::exists() const { return access(path_.c_str(), F_OK) == 0; }

absl::StatusOr<std::optional<unlock::StoreHeader>> HeaderFile::Read() const {
  const absl::StatusOr<Secret> content = ReadSecretFile(path_, unlock::kMaxStoreHeader);
  if (absl::IsNotFound(content.status())) return std::optional<unlock::StoreHeader>();
  RETURN_IF_ERROR(content.status());
  absl::StatusOr<unlock::StoreHeader> header = unlock::ParseStoreHeader(content->view());
  if (!header.ok()) {
    return identity::Refuse(absl::StatusCode::kDataLoss, "store_damaged",
                            absl::StrCat(path_, " is damaged and the store cannot be opened without it; restore the file from a copy, or enrol "
                                         "this device again in another folder"));
  }
  return std::optional<unlock::StoreHeader>(*std::move(header));
}

absl::Status HeaderFile::Write(const unlock::StoreHeader& header) const {
  return WriteFileAtomically(path_, unlock::Encode(header).view(), 0600);
}

}  // namespace plumbline::client

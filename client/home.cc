#include "client/home.h"

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/passphrase.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

using identity::Refuse;

bool FileExists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

absl::Status MakeFolder(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Refuse(absl::StatusCode::kUnavailable, "home_unusable",
                absl::StrCat("the folder ", folder, " cannot be made (", std::strerror(errno),
                             "); give another one with --home"));
}

}  // namespace

bool Home::exists() const { return FileExists(key_path()); }

absl::StatusOr<std::unique_ptr<Store>> Home::Create(const Secret& passphrase, const crypto::SealCost& cost) const {
  if (exists() || FileExists(store_path())) {
    return Refuse(absl::StatusCode::kAlreadyExists, "store_exists",
                  absl::StrCat(folder_, " already holds a store; open it, or give another folder with --home"));
  }
  if (const absl::Status strong = crypto::CheckPassphrase(passphrase.view()); !strong.ok()) {
    return Refuse(absl::StatusCode::kInvalidArgument, "passphrase_weak", strong.message());
  }
  RETURN_IF_ERROR(MakeFolder(folder_));
  const db::Key key = db::Key::Random();
  RETURN_IF_ERROR(crypto::SealToFile(key_path(), passphrase, key.view(), cost));
  return OpenStore(key, /*create=*/true);
}

absl::StatusOr<std::unique_ptr<Store>> Home::Open(const Secret& passphrase) const {
  if (!exists()) {
    return Refuse(absl::StatusCode::kNotFound, "not_enrolled",
                  absl::StrCat("there is no Plumbline store in ", folder_,
                               "; join with `plumbline enrol --invitation ...`, or give the right folder with --home"));
  }
  absl::StatusOr<Secret> sealed = crypto::OpenSealedFile(key_path(), passphrase);
  if (absl::IsPermissionDenied(sealed.status())) {
    return Refuse(absl::StatusCode::kPermissionDenied, "passphrase_wrong",
                  absl::StrCat("the passphrase does not open ", key_path(),
                               "; try again (a damaged header of that file looks the same)"));
  }
  if (absl::IsDataLoss(sealed.status())) {
    return Refuse(absl::StatusCode::kDataLoss, "store_damaged",
                  absl::StrCat(key_path(), " is damaged and the store cannot be opened without it; restore the file from a "
                               "copy, or enrol this device again in another folder"));
  }
  RETURN_IF_ERROR(sealed.status());
  absl::StatusOr<db::Key> key = db::Key::FromSecret(*std::move(sealed));
  if (!key.ok()) {
    return Refuse(absl::StatusCode::kDataLoss, "store_damaged",
                  absl::StrCat(key_path(), " does not hold a store key; restore the file from a copy"));
  }
  // A crash between the key file and the first page leaves no store: nothing was in it yet.
  return OpenStore(*key, /*create=*/true);
}

absl::StatusOr<std::unique_ptr<Store>> Home::OpenStore(const db::Key& key, bool create) const {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(store_path(), key, create);
  if (store.ok()) return store;
  const std::string cause(store.status().message());
  switch (store.status().code()) {
    case absl::StatusCode::kPermissionDenied:
      return Refuse(absl::StatusCode::kFailedPrecondition, "store_key_mismatch",
                    absl::StrCat(store_path(), " and ", key_path(), " do not belong together, or the first page is damaged; "
                                 "restore both files from the same copy"));
    case absl::StatusCode::kDataLoss:
      return Refuse(absl::StatusCode::kDataLoss, "store_damaged",
                    absl::StrCat(store_path(), " is damaged (", cause, "); nothing was changed. Restore the folder from a "
                                 "copy, or enrol this device again in another folder"));
    case absl::StatusCode::kFailedPrecondition:
      if (identity::ReasonOf(store.status()) == "store_already_open") {
        return Refuse(store.status().code(), "store_in_use",
                      absl::StrCat(store_path(), " is open in another Plumbline process (a `listen` or `chat` perhaps); end "
                                   "it, or use that one"));
      }
      return store.status();  // says store_too_new, store_not_encrypted or store_without_cipher with its remedy
    default:
      return Refuse(store.status().code(), "store_unusable", cause);
  }
}

}  // namespace plumbline::client

#include "client/home.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/passphrase.h"
#include "common/file.h"
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

bool Home::sealed() const { return FileExists(key_path()); }

bool Home::locked() const { return !sealed() && FileExists(header_path()); }

absl::Status Home::NothingHere() const {
  return Refuse(absl::StatusCode::kNotFound, "not_enrolled",
                absl::StrCat("there is no Plumbline store in ", folder_,
                             "; join with `plumbline enrol --invitation ...`, or give the right folder with --home"));
}

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
  return OpenStore(key, /*create=*/true, key_path());
}

absl::StatusOr<std::unique_ptr<Store>> Home::OpenSealed(const Secret& passphrase) const {
  if (!sealed()) return NothingHere();
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
  return OpenStore(*key, /*create=*/true, key_path());
}

absl::StatusOr<std::unique_ptr<Store>> Home::OpenUnlocked(const Secret& data_key) const {
  if (!locked()) return NothingHere();
  ASSIGN_OR_RETURN(const db::Key key, db::Key::FromSecret(Secret::CopyOf(data_key.view())));
  if (FileExists(next_path()) || FileExists(old_key_path())) return FinishTakeOver(key);
  return OpenStore(key, /*create=*/false, header_path());
}

absl::StatusOr<std::unique_ptr<Store>> Home::TakeOver(std::unique_ptr<Store> store, const Secret& data_key) const {
  ASSIGN_OR_RETURN(const db::Key key, db::Key::FromSecret(Secret::CopyOf(data_key.view())));
  RETURN_IF_ERROR(ShredFile(next_path()));  // of an earlier attempt, under another key
  RETURN_IF_ERROR(store->db().BackupTo(next_path(), key));
  // From this name on the store is locked.
  if (rename(key_path().c_str(), old_key_path().c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat(key_path(), " cannot be renamed: ", std::strerror(errno)));
  }
  RETURN_IF_ERROR(SyncDirectory(folder_));
  store.reset();
  return FinishTakeOver(key);
}

absl::StatusOr<std::unique_ptr<Store>> Home::FinishTakeOver(const db::Key& key) const {
  // One at a time: whoever comes second must not overwrite the store that the first has put in its place.
  ASSIGN_OR_RETURN(const Descriptor turn, WaitForTurn(header_path() + ".turn"));
  if (FileExists(next_path())) {
    // Under the header's key and whole, or nothing is thrown away.
    RETURN_IF_ERROR(db::Database::Open(next_path(), key, {.create = false}).status());
    for (const char* rest : {"-wal", "-shm"}) RETURN_IF_ERROR(ShredFile(store_path() + rest));
    RETURN_IF_ERROR(ShredAndReplaceFile(store_path(), next_path()));
    unlink((next_path() + ".lock").c_str());
  }
  RETURN_IF_ERROR(ShredFile(old_key_path()));
  return OpenStore(key, /*create=*/false, header_path());
}

absl::StatusOr<std::unique_ptr<Store>> Home::OpenStore(const db::Key& key, bool create, const std::string& opened_by) const {
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(store_path(), key, create);
  if (store.ok()) return store;
  const std::string cause(store.status().message());
  switch (store.status().code()) {
    case absl::StatusCode::kPermissionDenied:
      return Refuse(absl::StatusCode::kFailedPrecondition, "store_key_mismatch",
                    absl::StrCat(store_path(), " and ", opened_by, " do not belong together, or the first page is damaged; "
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

#include "client/net/open_device.h"

#include "absl/strings/str_cat.h"
#include "client/device_certificate.h"
#include "client/net/grpc_unlock.h"
#include "client/organisation_keys.h"
#include "client/store/account_store.h"
#include "client/unlock/header_file.h"
#include "client/unlock/unlock.h"
#include "client/unlock/unlock_certificate.h"
#include "client/upkeep.h"
#include "common/crypto/x509.h"
#include "common/file.h"
#include "common/identity/reason.h"

namespace plumbline::client {
namespace {

constexpr size_t kMaxPem = 64 * 1024;  // bytes
constexpr absl::Duration kNearlyEnded = absl::Minutes(10);  // as far as this clock and the key server's may differ

absl::StatusOr<rpc::TlsIdentity> IdentityIn(const Home& home, const std::string& certificate_path) {
  absl::StatusOr<std::string> chain = ReadTextFile(certificate_path, kMaxPem);
  absl::StatusOr<Secret> key = ReadSecretFile(home.tls_key_path(), kMaxPem);
  for (const absl::Status& status : {chain.status(), key.status()}) {
    if (status.ok()) continue;
    return identity::Refuse(absl::StatusCode::kFailedPrecondition, "tls_files",
                            absl::StrCat("tls.key or tls.crt in ", home.folder(), " cannot be read (", status.message(),
                                         "); restore them from a copy, or enrol this device again in another folder"));
  }
  return rpc::TlsIdentity{*std::move(chain), *std::move(key)};
}

// With the certificate for unlocking, which lives longest; before there is one, with the device's.
absl::StatusOr<std::unique_ptr<LockNetwork>> ConnectLocked(const Home& home, std::string device_address, std::string root_pem,
                                                           const Clock& clock) {
  const absl::StatusOr<std::string> own = ReadTextFile(home.unlock_certificate_path(), kMaxPem);
  rpc::Endpoint device;
  device.address = std::move(device_address);
  device.root_pem = std::move(root_pem);
  ASSIGN_OR_RETURN(device.identity, IdentityIn(home, own.ok() ? home.unlock_certificate_path() : home.tls_certificate_path()));
  return NewGrpcLockNetwork(std::move(device), clock);
}

absl::StatusOr<std::unique_ptr<LockNetwork>> ConnectLocked(const Home& home, const unlock::StoreHeader& header, const Clock& clock) {
  const absl::StatusOr<crypto::Certificate> root = crypto::Certificate::Parse(header.root);
  if (!root.ok()) {
    return identity::Refuse(absl::StatusCode::kDataLoss, "store_damaged",
                            absl::StrCat(home.header_path(), " names no root certificate; restore the file from a copy"));
  }
  return ConnectLocked(home, header.device_address, root->ToPem(), clock);
}

LockOwner OwnerOf(const Account& account) { return {account.device_id, account.device_address, account.root}; }

absl::Status ReadSelf(OpenedDevice& opened) {
  AccountStore accounts(*opened.store);
  ASSIGN_OR_RETURN(std::optional<Account> account, accounts.Get());
  if (account) {
    ASSIGN_OR_RETURN(opened.self, Self::From(*std::move(account)));
    Stores stores(*opened.store);
    RETURN_IF_ERROR(UseStoredIssuers(stores, *opened.self));
  }
  return absl::OkStatus();
}

// The first lock of a device that is enrolled.
absl::Status LockFirst(const Home& home, const Secret& passphrase, const crypto::SealCost& cost, const Clock& clock, OpenedDevice& opened) {
  const Account& account = opened.self->account();
  ASSIGN_OR_RETURN(NetworkOptions options, NetworkOptionsOf(home, *opened.self, clock));
  ASSIGN_OR_RETURN(const std::unique_ptr<LockNetwork> lock, ConnectLocked(home, account.device_address, options.root_pem, clock));
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcNetwork> network, NewGrpcNetwork(std::move(options), clock));
  // Not the sealed store's key: what the passphrase alone opened once opens nothing from here on, wherever a copy of it is left.
  Secret data_key = Secret::Random(unlock::kDataKeySize);
  RETURN_IF_ERROR(ChangePassphrase(HeaderFile(home.header_path()), OwnerOf(account), data_key, passphrase, cost, *lock, *network));
  ASSIGN_OR_RETURN(opened.store, home.TakeOver(std::move(opened.store), data_key));
  opened.data_key = std::move(data_key);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NetworkOptions> NetworkOptionsOf(const Home& home, const Self& self, const Clock& clock) {
  const auto with = [&](const std::string& certificate_path) -> absl::StatusOr<NetworkOptions> {
    NetworkOptions options;
    ASSIGN_OR_RETURN(options.identity, IdentityIn(home, certificate_path));
    options.root_pem = self.root().ToPem();
    options.issuers = self.issuers();
    options.keyserver_address = self.account().keyserver_address;
    options.device_address = self.account().device_address;
    options.delivery_address = self.account().delivery_address;
    options.working_key = &self.working_key();
    return options;
  };
  ASSIGN_OR_RETURN(NetworkOptions options, with(home.tls_certificate_path()));
  const absl::StatusOr<crypto::Certificate> own = crypto::Certificate::ParsePem(options.identity->chain_pem);
  if (!own.ok() || clock.Now() < own->not_after() - kNearlyEnded) return options;
  absl::StatusOr<NetworkOptions> late = with(home.unlock_certificate_path());
  if (!late.ok()) return options;  // a device from before there was one
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcNetwork> network, NewGrpcNetwork(*std::move(late), clock));
  const absl::Status renewed =
      RenewDeviceCertificate(home.tls_key_path(), home.tls_certificate_path(), self.root(), *network, clock).status();
  if (!renewed.ok() && IsTransient(renewed)) return options;
  RETURN_IF_ERROR(renewed);
  return with(home.tls_certificate_path());
}

absl::StatusOr<OpenedDevice> OpenDevice(const Home& home, const Secret& passphrase, const crypto::SealCost& first, const Clock& clock) {
  OpenedDevice opened;
  if (!home.locked()) {
    ASSIGN_OR_RETURN(opened.store, home.OpenSealed(passphrase));
    RETURN_IF_ERROR(ReadSelf(opened));
    if (opened.self != nullptr) RETURN_IF_ERROR(LockFirst(home, passphrase, first, clock, opened));
    return opened;
  }
  const HeaderFile file(home.header_path());
  ASSIGN_OR_RETURN(const std::optional<unlock::StoreHeader> header, file.Read());
  if (!header) return home.OpenUnlocked(Secret()).status();  // not_enrolled: it was just taken away
  ASSIGN_OR_RETURN(const std::unique_ptr<LockNetwork> lock, ConnectLocked(home, *header, clock));
  ASSIGN_OR_RETURN(Unlocked unlocked, Unlock(file, passphrase, *lock));
  opened.unproved = unlocked.others;
  ASSIGN_OR_RETURN(opened.store, home.OpenUnlocked(unlocked.data_key));
  RETURN_IF_ERROR(ReadSelf(opened));
  if (unlocked.unconfirmed && opened.self != nullptr) {
    ASSIGN_OR_RETURN(NetworkOptions options, NetworkOptionsOf(home, *opened.self, clock));
    ASSIGN_OR_RETURN(const std::unique_ptr<GrpcNetwork> network, NewGrpcNetwork(std::move(options), clock));
    RETURN_IF_ERROR(FinishChange(file, unlocked, *network));
  }
  opened.data_key = std::move(unlocked.data_key);
  return opened;
}

absl::Status ChangeDevicePassphrase(const Home& home, const Self& self, const Secret& data_key, const Secret& passphrase, const Clock& clock) {
  const HeaderFile file(home.header_path());
  ASSIGN_OR_RETURN(const std::optional<unlock::StoreHeader> header, file.Read());
  if (!header) return home.OpenUnlocked(Secret()).status();
  ASSIGN_OR_RETURN(const std::unique_ptr<LockNetwork> lock, ConnectLocked(home, *header, clock));
  ASSIGN_OR_RETURN(NetworkOptions options, NetworkOptionsOf(home, self, clock));
  ASSIGN_OR_RETURN(const std::unique_ptr<GrpcNetwork> network, NewGrpcNetwork(std::move(options), clock));
  return ChangePassphrase(file, OwnerOf(self.account()), data_key, passphrase, header->slots.back().cost, *lock, *network);
}

}  // namespace plumbline::client

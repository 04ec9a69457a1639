// What is done by hand, before or beside the service: making the organisation's keys, vouching for the other
// services.
#pragma once

#include <string>
#include <vector>

#include "common/audit/export.h"
#include "common/clock.h"
#include "common/crypto/fingerprint.h"
#include "common/crypto/p256.h"
#include "common/crypto/sealed_file.h"
#include "common/identity/uri.h"
#include "common/secret.h"
#include "common/status.h"

namespace plumbline::config::v1 {
class KeyserverConfig;
}

namespace plumbline::keyserver {

struct KeyRing;

struct CeremonyResult {
  crypto::Fingerprint organisation;  // of the root certificate
  std::string administrator_code;    // one-time, for the first administrator; normal form
  absl::Time code_expires;
  std::string audit_key;  // verifier key of the audit record, for auditors
  std::string directory_log_key;  // verifier key of the directory's log, for witnesses and auditors
};

// Makes root, issuing authority, role keys, the key server's own certificate and the database, all under
// `passphrase`, and a code for the first administrator. Nothing that exists is replaced: FAILED_PRECONDITION
// already_initialised, or ceremony_interrupted if an earlier run left only a part. INVALID_ARGUMENT for a
// configuration that cannot be used.
absl::StatusOr<CeremonyResult> RunCeremony(const config::v1::KeyserverConfig& config,
                                           const Secret& passphrase, const Clock& clock,
                                           const crypto::SealCost& cost = crypto::SealCost());

// Another code for a first administrator; voids the former one. Opens root.sealed, so it takes the ceremony's
// passphrase. FAILED_PRECONDITION if the service runs: its database is in use.
absl::StatusOr<CeremonyResult> ReissueAdministratorCode(const config::v1::KeyserverConfig& config,
                                                        const Secret& passphrase, const Clock& clock);

// Gives all devices' unlock keys up, where the shred key is lost (docs/operations.md). The service must not run. Codes as
// ReissueAdministratorCode.
absl::Status AbandonUnlockKeys(const config::v1::KeyserverConfig& config, const Secret& passphrase, const Clock& clock);

struct ServiceRequest {
  Bytes csr;                  // DER or PEM
  identity::Service service;  // delivery or admin
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
};
// A certificate chain for another service, PEM: leaf, issuing, root. Its private key stays where it was made.
// INVALID_ARGUMENT for a malformed request.
absl::StatusOr<std::string> SignService(const config::v1::KeyserverConfig& config, const Secret& passphrase,
                                        const ServiceRequest& request, const Clock& clock);

// What other services need to believe this one: root and role certificates, and which keys count (identity::ReadTrustBundle).
absl::StatusOr<std::string> ExportTrust(const config::v1::KeyserverConfig& config, const Secret& passphrase);

// For keys that were made before audit records were signed: makes and certifies the key, seals it, and signs the
// record that is there. Opens root.sealed, so it takes the ceremony's passphrase. Returns the verifier key; does
// nothing more where all is done. FAILED_PRECONDITION if the service runs; DATA_LOSS audit_broken.
absl::StatusOr<std::string> MakeAuditKey(const config::v1::KeyserverConfig& config, const Secret& passphrase,
                                         const Clock& clock,
                                         const crypto::SealCost& cost = crypto::SealCost());

// For keys that were made before the directory had a log, or before secret keys were kept in the database: makes what is missing,
// and seals it. The
// records that are there enter the log when the service starts. Returns the log's verifier key; does nothing more where all is
// done. Restart the service to use it.
absl::StatusOr<std::string> MakeLogKey(const config::v1::KeyserverConfig& config, const Secret& passphrase,
                                       const crypto::SealCost& cost = crypto::SealCost());

// Whose cosignatures make the directory believed: `policy` is a C2SP tlog-policy, whose log line may be left out. It is signed
// under the root, with the next number, so it takes the ceremony's passphrase; people's devices take it over at their next sync.
// Restart the service to use it. INVALID_ARGUMENT policy_malformed; FAILED_PRECONDITION directory_log_key_missing.
struct WitnessesSet {
  uint64_t number = 0;
  std::string policy;
  std::string log_key;  // verifier key, for the witnesses
};
absl::StatusOr<WitnessesSet> SetWitnesses(const config::v1::KeyserverConfig& config, const Secret& passphrase,
                                          const std::string& policy, const Clock& clock,
                                          const crypto::SealCost& cost = crypto::SealCost());

// Puts the next policy, with this text, into `keys`, signed under the root. Returns its number. INVALID_ARGUMENT for the text.
absl::StatusOr<uint64_t> SignNextPolicy(KeyRing& keys, const std::string& text, const crypto::P256PrivateKey& root_key, absl::Time now);

// What an auditor needs to verify the audit record elsewhere. Works beside the running service.
struct AuditState {
  tlog::Checkpoint checkpoint;
  std::string audit_key;  // verifier key
};
// Verifies the whole record. DATA_LOSS audit_broken names the first that is changed, missing or out of order.
absl::StatusOr<AuditState> VerifyAudit(const config::v1::KeyserverConfig& config, const Secret& passphrase);
// The record as a file (audit::ExportAll), and the verifier key.
struct AuditExport {
  std::string lines;
  std::string audit_key;
};
absl::StatusOr<AuditExport> ExportAudit(const config::v1::KeyserverConfig& config, const Secret& passphrase);

// The published log as files in a folder (C2SP tlog-tiles), beside a service that may be running. It names nobody.
absl::Status ExportLog(const config::v1::KeyserverConfig& config, const Secret& passphrase, const std::string& folder);
// What opens the log's entries, for an auditor of authority (plumbline-auditor check-authority). It names everybody. And what such
// an auditor needs: root and issuing certificates (PEM), and the administrators' public keys as this key server has them, which are
// to be had from the administrators.
struct OpeningsExport {
  Bytes openings;
  std::string trust;
  std::vector<std::string> administrators;  // hex
};
absl::StatusOr<OpeningsExport> ExportOpenings(const config::v1::KeyserverConfig& config, const Secret& passphrase);

}  // namespace plumbline::keyserver

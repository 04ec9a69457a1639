// The witness as a process.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"

namespace plumbline::witness {

// Makes key and state, prints the verifier key. Codes of Initialise and config::Load.
absl::Status MakeWitness(const std::string& config_file, const std::string& passphrase_file);
// Prints the verifier key. Codes of OpenKeys.
absl::Status ShowKey(const std::string& config_file, const std::string& passphrase_file);
// Serves until SIGTERM or SIGINT. UNAVAILABLE if the address cannot be had; codes of OpenKeys, WitnessState::Open
// and AuditedLog::Open.
absl::Status Serve(const std::string& config_file);
// Says what a file of evidence proves against the log. Codes of tlog::CheckEvidenceFile.
absl::Status CheckEvidence(const std::string& file, const std::vector<std::string>& log_keys);

}  // namespace plumbline::witness

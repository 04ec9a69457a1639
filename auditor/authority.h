// Whether every entry of a log had the authority that it needed: takes what opens the entries, and so learns every name.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"

namespace plumbline::auditor {

struct AuthorityOptions {
  std::vector<std::string> log_keys;  // the log's verifier keys
  std::string source;    // a folder or an http:// address with the log's files
  std::string openings;  // file: plumbline-keyserver export-openings
  std::string trust;     // PEM: the organisation's root, then its issuing authorities
  std::vector<std::string> administrators;  // public keys in hex, 64 digits each
  size_t approvals = 1;
  bool json = false;
};

// Prints each entry that had none. True: there is none. No result: nothing can be said.
absl::StatusOr<bool> CheckAuthority(const AuthorityOptions& options);

}  // namespace plumbline::auditor

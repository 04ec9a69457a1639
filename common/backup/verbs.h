// The verbs backup-key, backup and restore, which all three services have: what they are given, do and print in common.
#pragma once

#include <string>

#include "common/backup/report.h"
#include "common/backup/subject.h"
#include "common/clock.h"
#include "common/crypto/sealed_box.h"

namespace CLI {
class App;
}

namespace plumbline::backup {

struct Options {
  std::string out;                  // backup-key, backup: the file to make
  std::string folder;               // backup: in place of `out`, where files with the time as their name are kept
  size_t keep = 48;                 // backup: how many of them; at least 1
  std::string recipient;            // backup: the file *.pub of the backup key
  std::string from;                 // restore: the backup
  std::string key;                  // restore: the sealed backup key
  std::string key_passphrase_file;  // of it
  bool check = false;               // restore: read everything, put nothing in place
};

// Codes of the functions below are those of key.h, take.h and restore.h, and of config::ReadPassphraseFile.
absl::StatusOr<Report> MakeKeyFor(const Options& options);
absl::StatusOr<crypto::SealedBoxKeyPair> OpenKeyFor(const Options& options);
absl::StatusOr<Report> TakeFor(const Subject& subject, const Options& options, const Clock& clock);
absl::StatusOr<Report> RestoreFor(const Subject& subject, const Options& options, const Clock& clock);

struct Verbs {
  CLI::App* key;
  CLI::App* take;
  CLI::App* restore;
};
// Adds the verbs with their options to a program, which adds its own to them (--config, --json and the like). `options` outlives it.
Verbs AddVerbs(CLI::App& app, Options& options);

}  // namespace plumbline::backup

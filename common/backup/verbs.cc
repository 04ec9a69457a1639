#include "common/backup/verbs.h"

#include <CLI/CLI.hpp>

#include "common/backup/key.h"
#include "common/backup/restore.h"
#include "common/backup/take.h"
#include "common/config/config.h"

namespace plumbline::backup {

absl::StatusOr<Report> MakeKeyFor(const Options& options) {
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(options.key_passphrase_file));
  ASSIGN_OR_RETURN(const std::string recipient, MakeKey(options.out, passphrase));
  return KeyReport(options.out, recipient);
}

absl::StatusOr<crypto::SealedBoxKeyPair> OpenKeyFor(const Options& options) {
  ASSIGN_OR_RETURN(const Secret passphrase, config::ReadPassphraseFile(options.key_passphrase_file));
  return OpenKey(options.key, passphrase);
}

absl::StatusOr<Report> TakeFor(const Subject& subject, const Options& options, const Clock& clock) {
  ASSIGN_OR_RETURN(const crypto::SealedBoxPublicKey recipient, ReadRecipientFile(options.recipient));
  if (!options.folder.empty()) {
    ASSIGN_OR_RETURN(const TakenInto taken, TakeInto(subject, recipient, options.folder, options.keep, clock));
    return TakenReport(taken.path, taken.manifest);
  }
  ASSIGN_OR_RETURN(const Manifest manifest, Take(subject, recipient, options.out, clock));
  return TakenReport(options.out, manifest);
}

absl::StatusOr<Report> RestoreFor(const Subject& subject, const Options& options, const Clock& clock) {
  ASSIGN_OR_RETURN(const crypto::SealedBoxKeyPair key, OpenKeyFor(options));
  ASSIGN_OR_RETURN(WorkFolder folder, options.check ? PrepareScratch() : PrepareDataFolder(subject));
  ASSIGN_OR_RETURN(Unpacked unpacked, Unpack(subject, options.from, key, std::move(folder)));
  const Manifest manifest = unpacked.manifest();
  if (options.check) return RestoredReport("", manifest);
  RETURN_IF_ERROR(Install(subject, std::move(unpacked), clock));
  return RestoredReport(subject.data_dir(), manifest);
}

Verbs AddVerbs(CLI::App& app, Options& options) {
  const Verbs verbs{app.add_subcommand("backup-key", "Make the key that backups are encrypted to; it is kept elsewhere"),
                    app.add_subcommand("backup", "Write an encrypted backup of the service, also while it serves"),
                    app.add_subcommand("restore", "Put a backup into a data folder that has no keys")};
  verbs.key->add_option("--out", options.out, "Where to write the sealed key; its recipient line goes to FILE.pub")->required();
  verbs.take->add_option("--recipient", options.recipient, "The file *.pub of the backup key")->required();
  CLI::Option* const out = verbs.take->add_option("--out", options.out, "Where to write; nothing is replaced");
  CLI::Option* const folder =
      verbs.take->add_option("--folder", options.folder, "In its place, a folder for a file with the time as its name, for a timer")->excludes(out);
  verbs.take->add_option("--keep", options.keep, "How many files with a time as their name stay in the folder")
      ->check(CLI::Range(size_t{1}, size_t{100'000}))
      ->capture_default_str()
      ->needs(folder);
  verbs.take->parse_complete_callback([&options] {
    if (options.out.empty() && options.folder.empty()) throw CLI::RequiredError("--out or --folder");
  });
  verbs.restore->add_option("--from", options.from, "The backup")->required();
  verbs.restore->add_option("--key", options.key, "The sealed backup key")->required();
  verbs.restore->add_flag("--check", options.check, "Read and verify all of it, and put nothing in place");
  for (CLI::App* verb : {verbs.key, verbs.restore}) {
    verb->add_option("--key-passphrase-file", options.key_passphrase_file, "File with the passphrase of the backup key")->required();
  }
  return verbs;
}

}  // namespace plumbline::backup

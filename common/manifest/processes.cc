#include "common/manifest/processes.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "common/manifest/fields.h"
#include "common/manifest/words.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;

namespace {

class Complaints final : public google::protobuf::io::ErrorCollector {
 public:
  Complaints(const std::string& path, Faults& faults) : path_(path), faults_(faults) {}
  void AddError(int line, int, const std::string& message) override { faults_.Add(absl::StrCat(path_, ":", line + 1), message); }

 private:
  const std::string& path_;
  Faults& faults_;
};

v1::Declarations Read(const std::vector<DeclarationFile>& files, Faults& faults) {
  v1::Declarations all;
  for (const DeclarationFile& file : files) {
    v1::Declarations one;
    Complaints complaints(file.path, faults);
    google::protobuf::TextFormat::Parser parser;
    parser.RecordErrorsTo(&complaints);
    if (parser.ParseFromString(file.text, &one)) all.MergeFrom(one);
  }
  return all;
}

// Of a column or a file: where nothing is said the datum's own retention, which may not be memory.
void Settle(const std::string& where, v1::Party party, v1::Datum is, v1::Retention outer, v1::Retention& kept, Faults& faults) {
  const v1::Declaration& declaration = DeclarationOf(is);
  if (is == v1::DATUM_UNSPECIFIED) {
    faults.Add(where, "is not declared: say which datum it is");
    return;
  }
  if (kept == v1::RETENTION_UNSPECIFIED) kept = outer == v1::RETENTION_UNSPECIFIED ? declaration.kept() : outer;
  if (KeepingOf(kept).in_memory()) faults.Add(where, absl::StrCat(v1::Datum_Name(is), " is declared to be in memory alone"));
  // A device keeps of its own what services only see pass.
  if (party != v1::BY_OWN_DEVICES && KeepingOf(declaration.kept()).in_memory()) {
    faults.Add(where, absl::StrCat(v1::Datum_Name(is), " is not to be kept, and this keeps it"));
  }
  if (!IsSeenBy(declaration, party) && !IsSeenBy(declaration, v1::BY_OPERATOR)) {
    faults.Add(where, absl::StrCat(Words(party), " keeps ", v1::Datum_Name(is), " and is not declared to see it"));
  }
}

void SettleDatabase(const v1::Process& process, const std::map<std::string, v1::SharedTables>& shared, v1::Database& database, Faults& faults) {
  const std::string name = absl::StrCat(process.name(), " ", database.file());
  for (const std::string& with : database.with()) {
    const auto found = shared.find(with);
    if (found == shared.end()) {
      faults.Add(name, absl::StrCat("there are no shared tables ", with));
      continue;
    }
    for (const v1::Table& table : found->second.table()) *database.add_table() = table;
  }
  database.clear_with();
  std::set<std::string> seen;
  for (v1::Table& table : *database.mutable_table()) {
    if (!seen.insert(table.name()).second) faults.Add(name, absl::StrCat(table.name(), " is declared twice"));
    for (v1::Column& column : *table.mutable_column()) {
      const std::string where = absl::StrCat(name, ": ", table.name(), ".", column.name());
      if (!seen.insert(absl::StrCat(table.name(), ".", column.name())).second) faults.Add(where, "is declared twice");
      v1::Retention kept = column.kept();
      Settle(where, process.party(), column.is(), table.kept(), kept, faults);
      column.set_kept(kept);
    }
  }
}

void CheckListener(const DescriptorPool& pool, const v1::Process& process, const v1::Listener& listener, std::set<std::string>& served,
                   Faults& faults) {
  const std::string where = absl::StrCat(process.name(), " ", listener.setting());
  const Descriptor* const config = pool.FindMessageTypeByName(absl::StrCat("plumbline.config.v1.", process.config()));
  if (config == nullptr || config->FindFieldByName(listener.setting()) == nullptr) {
    faults.Add(where, absl::StrCat("is no setting of ", process.config()));
  }
  for (const std::string& name : listener.service()) {
    const auto* const service = pool.FindServiceByName(name);
    if (service == nullptr) {
      faults.Add(where, absl::StrCat("there is no service ", name));
      continue;
    }
    served.insert(name);
    bool seen = false;
    for (int i = 0; i < service->options().ExtensionSize(v1::seen_at); ++i) seen |= service->options().GetExtension(v1::seen_at, i) == process.party();
    if (!seen) faults.Add(where, absl::StrCat(name, " does not say that ", Words(process.party()), " sees its calls"));
  }
}

void CheckLogKeys(const v1::Manifest& manifest, Faults& faults) {
  for (const v1::LogKey& key : manifest.log_key()) {
    const v1::Declaration& is = DeclarationOf(key.is());
    const bool operation = std::find(is.purpose().begin(), is.purpose().end(), v1::FOR_OPERATION) != is.purpose().end();
    const bool harmless = is.class_() == v1::CLASS_SETTING || is.class_() == v1::CLASS_PROTOCOL;
    if (!operation || !harmless) faults.Add(absl::StrCat("log key ", key.name()), absl::StrCat(v1::Datum_Name(key.is()), " may not be logged"));
  }
}

}  // namespace

void AddProcesses(const DescriptorPool& pool, const std::vector<const google::protobuf::FileDescriptor*>& protos,
                  const std::vector<DeclarationFile>& files, Faults& faults, v1::Manifest& manifest) {
  v1::Declarations declared = Read(files, faults);
  std::map<std::string, v1::SharedTables> shared;
  for (const v1::SharedTables& tables : declared.shared()) shared[tables.name()] = tables;
  std::set<std::string> served;
  for (v1::Process& process : *declared.mutable_process()) {
    if (process.name().empty() || process.party() == v1::PARTY_UNSPECIFIED || process.does().empty()) {
      faults.Add(process.name(), "say name, party and what the process does");
    }
    for (const v1::Listener& listener : process.listener()) CheckListener(pool, process, listener, served, faults);
    for (v1::Database& database : *process.mutable_database()) SettleDatabase(process, shared, database, faults);
    for (v1::File& file : *process.mutable_file()) {
      v1::Retention kept = file.kept();
      Settle(absl::StrCat(process.name(), " ", file.path()), process.party(), file.is(), v1::RETENTION_UNSPECIFIED, kept, faults);
      file.set_kept(kept);
    }
  }
  for (const auto* file : protos) {
    for (int i = 0; i < file->service_count(); ++i) {
      if (!served.contains(file->service(i)->full_name())) faults.Add(file->service(i)->full_name(), "no listener of a manifest.textproto has it");
    }
  }
  manifest.mutable_process()->Swap(declared.mutable_process());
  manifest.mutable_log_key()->Swap(declared.mutable_log_key());
  manifest.mutable_remains()->Swap(declared.mutable_remains());
  CheckLogKeys(manifest, faults);
}

}  // namespace plumbline::manifest

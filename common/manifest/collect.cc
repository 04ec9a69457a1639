#include "common/manifest/collect.h"

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/manifest/fields.h"
#include "common/manifest/processes.h"
#include "common/manifest/setting.h"
#include "common/manifest/words.h"
#include "plumbline/config/v1/options.pb.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;
using google::protobuf::DescriptorPool;

namespace {

// Each datum says everything, and is used.
void AddData(Faults& faults, v1::Manifest& manifest) {
  std::set<std::string> used;
  for (const v1::DeclaredField& field : manifest.field()) used.insert(field.datum());
  const auto use = [&used](v1::Datum datum) { used.insert(v1::Datum_Name(datum)); };
  for (const v1::LogKey& key : manifest.log_key()) use(key.is());
  for (const v1::Process& process : manifest.process()) {
    for (const v1::File& file : process.file()) use(file.is());
    for (const v1::Database& database : process.database()) {
      for (const v1::Table& table : database.table()) {
        for (const v1::Column& column : table.column()) use(column.is());
      }
    }
  }
  const auto* const data = v1::Datum_descriptor();
  for (int i = 0; i < data->value_count(); ++i) {
    if (data->value(i)->number() == v1::DATUM_UNSPECIFIED) continue;
    const auto datum = static_cast<v1::Datum>(data->value(i)->number());
    const v1::Declaration& is = DeclarationOf(datum);
    const std::string& name = data->value(i)->name();
    if (is.class_() == v1::CLASS_UNSPECIFIED || is.purpose().empty() || is.seen_by().empty() || is.kept() == v1::RETENTION_UNSPECIFIED ||
        is.says().empty()) {
      faults.Add(name, "say class, purpose, seen_by, kept and says in data.proto");
    }
    if (!used.contains(name)) faults.Add(name, "no field, column, file or log key is this datum: reserve its number");
    v1::DeclaredDatum& out = *manifest.add_datum();
    out.set_name(name);
    *out.mutable_is() = is;
    *out.mutable_keeping() = KeepingOf(is.kept());
  }
}

// The field of "ServerConfig.retention.envelope_days"; null if there is none.
const google::protobuf::FieldDescriptor* FindSetting(const DescriptorPool& pool, absl::string_view name) {
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  const auto* message = pool.FindMessageTypeByName(absl::StrCat("plumbline.config.v1.", parts.front()));
  const google::protobuf::FieldDescriptor* field = nullptr;
  for (size_t i = 1; i < parts.size(); ++i) {
    field = message == nullptr ? nullptr : message->FindFieldByName(parts[i]);
    if (field == nullptr) return nullptr;
    message = field->message_type();
  }
  return field;
}

// What an absent field means, in words.
std::string DefaultWords(const google::protobuf::FieldDescriptor& field) {
  const std::string& text = field.options().GetExtension(config::v1::rule).default_text();
  absl::Duration duration;
  if (field.message_type() != nullptr) return absl::ParseDuration(text, &duration) ? DurationWords(duration) : "";
  return text.empty() ? "" : absl::StrCat(text, " days");
}

void AddSettings(const DescriptorPool& pool, Faults& faults, v1::Manifest& manifest) {
  std::set<std::string> seen;
  const auto* const all = v1::Retention_descriptor();
  for (int i = 0; i < all->value_count(); ++i) {
    if (all->value(i)->number() == v1::RETENTION_UNSPECIFIED) continue;
    const std::string& name = all->value(i)->name();
    const v1::Keeping& keeping = all->value(i)->options().GetExtension(v1::keeping);
    const bool has_place = absl::StrContains(keeping.words(), "{}");
    if (keeping.words().empty() || has_place == keeping.setting().empty()) faults.Add(name, "say words, with {} where there is a setting");
    if (keeping.setting().empty() || !seen.insert(keeping.setting()).second) continue;
    const auto* const field = FindSetting(pool, keeping.setting());
    if (field == nullptr) {
      faults.Add(name, absl::StrCat(keeping.setting(), " is no field of a configuration"));
      continue;
    }
    v1::Setting& setting = *manifest.add_default_setting();
    setting.set_name(keeping.setting());
    setting.set_value(DefaultWords(*field));
    if (setting.value().empty()) faults.Add(name, absl::StrCat(keeping.setting(), " has no default, so nothing can be said before it is known"));
  }
}

}  // namespace

absl::StatusOr<v1::Manifest> Collect(const google::protobuf::FileDescriptorSet& protos, const std::vector<DeclarationFile>& files) {
  DescriptorPool pool;
  std::vector<const google::protobuf::FileDescriptor*> built;
  for (const auto& file : protos.file()) {
    built.push_back(pool.BuildFile(file));
    if (built.back() == nullptr) return absl::InvalidArgumentError(absl::StrCat(file.name(), ": not built; give imports before what imports them"));
  }
  v1::Manifest manifest;
  Faults faults;
  AddFields(built, faults, manifest);
  AddProcesses(pool, built, files, faults, manifest);
  AddSettings(pool, faults, manifest);
  AddData(faults, manifest);
  if (!faults.lines.empty()) return absl::InvalidArgumentError(absl::StrJoin(faults.lines, "\n"));
  return manifest;
}

}  // namespace plumbline::manifest

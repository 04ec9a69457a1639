#include "common/manifest/render.h"

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/manifest/words.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;

namespace {

std::string Code(absl::string_view text) { return absl::StrCat("`", text, "`"); }

std::string KeptByDefault(const v1::Keeping& keeping) {
  return KeptFor(keeping, absl::StrCat("[", keeping.setting(), "]"));
}

std::string DataTables(const v1::Manifest& manifest) {
  std::string out;
  const auto* const classes = v1::Class_descriptor();
  for (int i = 1; i < classes->value_count(); ++i) {
    const auto kind = static_cast<v1::Class>(classes->value(i)->number());
    std::string rows;
    for (const v1::DeclaredDatum& datum : manifest.datum()) {
      if (datum.is().class_() != kind) continue;
      absl::StrAppend(&rows, "| ", Code(datum.name()), " | ", datum.is().says(), " | ", PurposesOf(datum.is()), " | ", ReadersOf(datum.is()), " | ",
                      KeptByDefault(datum.keeping()), " |\n");
    }
    if (rows.empty()) continue;
    absl::StrAppend(&out, "\n### ", absl::AsciiStrToUpper(Words(kind).substr(0, 1)), Words(kind).substr(1),
                    "\n| datum | what it is | for | seen by | kept at the longest |\n| --- | --- | --- | --- | --- |\n", rows);
  }
  return out;
}

std::string Listeners(const v1::Process& process) {
  std::string rows;
  for (const v1::Listener& listener : process.listener()) {
    std::vector<std::string> services;
    for (const std::string& each : listener.service()) services.push_back(Code(absl::StripPrefix(each, "plumbline.")));
    absl::StrAppend(&rows, "| ", Code(listener.setting()), listener.optional() ? " (if set)" : "", " | ", listener.callers(), " | ", listener.shows(),
                    " | ", services.empty() ? "HTTP" : absl::StrJoin(services, ", "), " |\n");
  }
  if (rows.empty()) return "\nListens: nowhere.\n";
  return absl::StrCat("\n| listens at | callers | what they show | serves |\n| --- | --- | --- | --- |\n", rows);
}

std::string Files(const v1::Process& process) {
  std::string rows;
  for (const v1::File& file : process.file()) {
    absl::StrAppend(&rows, "| ", Code(file.path()), " | ", Code(v1::Datum_Name(file.is())), " | ", file.protection(), " | ",
                    KeptByDefault(KeepingOf(file.kept())), " |\n");
  }
  return rows.empty() ? "" : absl::StrCat("\n| file | datum | protected by | kept |\n| --- | --- | --- | --- |\n", rows);
}

std::string Columns(const v1::Database& database) {
  std::string rows;
  for (const v1::Table& table : database.table()) {
    std::map<v1::Retention, std::vector<std::string>> by_retention;
    for (const v1::Column& column : table.column()) {
      by_retention[column.kept()].push_back(absl::StrCat(Code(column.name()), " ", v1::Datum_Name(column.is())));
    }
    for (const auto& [kept, columns] : by_retention) {
      absl::StrAppend(&rows, "| ", Code(table.name()), " | ", absl::StrJoin(columns, ", "), " | ", KeptByDefault(KeepingOf(kept)), " |\n");
    }
  }
  return absl::StrCat("\n`", database.file(), "` (and `-wal`, `-shm`, `.lock` beside it): ", database.protection(), ".\n\n| table | columns and their data | kept |\n| --- | --- | --- |\n", rows);
}

std::string Classes(const v1::Process& process) {
  std::set<v1::Class> classes;
  for (const v1::File& file : process.file()) classes.insert(DeclarationOf(file.is()).class_());
  for (const v1::Database& database : process.database()) {
    for (const v1::Table& table : database.table()) {
      for (const v1::Column& column : table.column()) classes.insert(DeclarationOf(column.is()).class_());
    }
  }
  std::vector<std::string> words;
  for (const v1::Class each : classes) words.push_back(Words(each));
  return words.empty() ? "nothing" : absl::StrJoin(words, "; ");
}

std::string Processes(const v1::Manifest& manifest) {
  std::string out;
  for (const v1::Process& process : manifest.process()) {
    absl::StrAppend(&out, "\n### ", process.name(), "\n", process.does(), ". Runs as ", process.runs_as(), ".\nConnects to: ",
                    process.connects_to().empty() ? "nobody" : absl::StrJoin(process.connects_to(), "; "), ".\nKeeps: ", Classes(process), ".\n",
                    Listeners(process), Files(process));
    for (const v1::Database& database : process.database()) absl::StrAppend(&out, Columns(database));
  }
  return out;
}

std::string Messages(const v1::Manifest& manifest) {
  std::map<std::string, std::vector<const v1::DeclaredField*>> messages;
  for (const v1::DeclaredField& field : manifest.field()) {
    messages[field.field().substr(0, field.field().rfind('.'))].push_back(&field);
  }
  std::string out = "\n| message | fields and their data | calls carry it to |\n| --- | --- | --- |\n";
  for (const auto& [name, fields] : messages) {
    std::set<std::string> data;
    for (const v1::DeclaredField* field : fields) data.insert(field->datum());
    std::vector<std::string> texts, parties;
    if (data.size() == 1 && fields.size() > 1) {
      texts.push_back(absl::StrCat("all ", fields.size(), " fields ", *data.begin()));
    } else {
      for (const v1::DeclaredField* field : fields) texts.push_back(absl::StrCat(Code(field->field().substr(name.size() + 1)), " ", field->datum()));
    }
    for (const int each : fields.front()->reaches()) parties.push_back(Words(static_cast<v1::Party>(each)));
    absl::StrAppend(&out, "| ", Code(absl::StripPrefix(name, "plumbline.")), " | ", absl::StrJoin(texts, ", "), " | ",
                    parties.empty() ? "no call: a file" : absl::StrJoin(parties, ", "), " |\n");
  }
  return out;
}

std::string Settings(const v1::Manifest& manifest) {
  std::map<std::string, std::string> defaults;
  for (const v1::Setting& setting : manifest.default_setting()) defaults[setting.name()] = setting.value();
  std::string out;
  const auto* const all = v1::Retention_descriptor();
  for (int i = 1; i < all->value_count(); ++i) {
    const v1::Keeping& keeping = all->value(i)->options().GetExtension(v1::keeping);
    if (!keeping.setting().empty()) absl::StrAppend(&out, "| ", Code(keeping.setting()), " | ", KeptFor(keeping, "..."), " | ", defaults[keeping.setting()], " |\n");
  }
  return absl::StrCat("\n| setting | what it decides | where it is not set |\n| --- | --- | --- |\n", out);
}

constexpr char kIntroduction[] = R"(<!-- Made by `./dev manifest` from proto/plumbline/metadata/v1/data.proto, the options of each field in proto/ and */manifest.textproto. Change those. -->
# Metadata: every field, every column, every file

Each kind of data is declared once, with what it may be used for, who sees it and how long it is kept at the longest. Each field of each message, each column of each database and each file says which of these it is.
The build fails on one that is not declared, on a field that calls carry to a service which is not declared to see it, and on a column of something that is declared to be in memory alone (`common/manifest`); a test compares
the columns with real databases, another the listeners and files with running processes; `./dev lint` fails on code that uses a field for a purpose it is not declared for. A running service tells this under its signature, with its
retentions as configured: `plumbline notice --manifest` (protocols/manifest.md). The privacy notice that a client shows is made of the same declarations: `plumbline notice`.
)";

}  // namespace

std::string RenderDocument(const v1::Manifest& manifest) {
  std::string out = absl::StrCat(kIntroduction, "\n## What remains\nNo declaration takes these away:\n\n");
  for (const std::string& each : manifest.remains()) absl::StrAppend(&out, "* ", each, "\n");
  absl::StrAppend(&out, "\n## Retention that an operator sets\nIn the tables these stand in brackets.\n", Settings(manifest),
                  "\n## Data\n", DataTables(manifest), "\n## Processes: where they listen, what they keep\n", Processes(manifest),
                  "\n## Messages\nA field that is a message of ours is what its own fields are.\n", Messages(manifest),
                  "\n## Log lines\nThe keys of log lines, and nothing else gets into one (common/log.h): values are numbers, durations, constants of the program and texts of the configuration.\n\n"
                  "| key | datum |\n| --- | --- |\n");
  for (const v1::LogKey& key : manifest.log_key()) absl::StrAppend(&out, "| ", Code(key.name()), " | ", Code(v1::Datum_Name(key.is())), " |\n");
  return out;
}

std::string RenderLogKeys(const v1::Manifest& manifest) {
  std::string out =
      "// Made by `./dev manifest` from common/manifest.textproto, which says what datum each key is: change that.\n"
      "// What a log line can have, and nothing else: a key that is not declared, or whose datum may not be logged, does not build.\n"
      "#pragma once\n\n#define PLUMBLINE_LOG_KEYS(X)";
  for (const v1::LogKey& key : manifest.log_key()) absl::StrAppend(&out, " \\\n  X(", key.key(), ", \"", key.name(), "\")");
  return absl::StrCat(out, "\n");
}

std::string RenderSource(const v1::Manifest& manifest) {
  std::string out = "// Made by plumbline-manifest.\n#include \"common/manifest/manifest.h\"\n\nnamespace plumbline::manifest {\nnamespace {\nconst unsigned char kBytes[] = {";
  size_t column = 0;
  for (const unsigned char byte : manifest.SerializeAsString()) absl::StrAppend(&out, column++ % 32 == 0 ? "\n  " : "", static_cast<int>(byte), ",");
  return absl::StrCat(out, "};\n}  // namespace\nByteView BuiltBytes() { return ByteView(kBytes, sizeof kBytes); }\n}  // namespace plumbline::manifest\n");
}

}  // namespace plumbline::manifest

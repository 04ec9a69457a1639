#include "common/manifest/notice.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/bytes.h"
#include "common/manifest/manifest.h"
#include "common/manifest/words.h"

namespace plumbline::manifest {

namespace v1 = metadata::v1;

namespace {

using Settings = std::map<std::string, std::string>;

// In the order in which the notice lists them; a datum is listed with the first that sees it.
constexpr std::pair<v1::Party, const char*> kGroups[] = {
    {v1::BY_DELIVERY_SERVER, "The delivery server"},
    {v1::BY_KEY_SERVER, "The key server"},
    {v1::BY_ADMIN_SERVICE, "The admin service, and administrators"},
    {v1::BY_EVERYBODY, "Everybody"},
    {v1::BY_OWN_DEVICES, "Your own devices, and nobody that is not named"},
};

bool IsAboutPeople(const v1::Declaration& is) {
  switch (is.class_()) {
    case v1::CLASS_CONTENT:
    case v1::CLASS_PERSON:
    case v1::CLASS_PSEUDONYM:
    case v1::CLASS_TRAFFIC:
    case v1::CLASS_ENTITLEMENT:
    case v1::CLASS_EVENT: return true;
    default: return false;
  }
}

bool Sees(const v1::Declaration& is, v1::Party party) {
  return std::find(is.seen_by().begin(), is.seen_by().end(), party) != is.seen_by().end();
}

v1::Party GroupOf(const v1::Declaration& is) {
  for (const auto& [party, title] : kGroups) {
    if (Sees(is, party)) return party;
  }
  return v1::PARTY_UNSPECIFIED;  // the operator's own affair
}

Settings SettingsIn(const google::protobuf::RepeatedPtrField<v1::Setting>& settings) {
  Settings out;
  for (const v1::Setting& setting : settings) out[setting.name()] = setting.value();
  return out;
}

v1::NoticeRow RowOf(const v1::DeclaredDatum& datum, const Settings& settings) {
  v1::NoticeRow row;
  row.set_id(datum.name());
  row.set_says(datum.is().says());
  row.set_purposes(PurposesOf(datum.is()));
  row.set_readers(ReadersOf(datum.is()));
  const auto value = settings.find(datum.keeping().setting());
  row.set_kept(KeptFor(datum.keeping(), value == settings.end() ? "" : value->second));
  row.set_group(GroupOf(datum.is()));
  return row;
}

bool Same(const v1::NoticeRow& a, const v1::NoticeRow& b) {
  return a.says() == b.says() && a.purposes() == b.purposes() && a.readers() == b.readers() && a.kept() == b.kept() && a.group() == b.group();
}

// What is declared, by name, as text that is another one where anything is.
std::map<std::string, std::string> Declared(const v1::Manifest& manifest) {
  std::map<std::string, std::string> out;
  for (const v1::DeclaredDatum& datum : manifest.datum()) out[absl::StrCat("datum ", datum.name())] = datum.SerializeAsString();
  for (const v1::DeclaredField& field : manifest.field()) out[absl::StrCat("field ", field.field())] = field.SerializeAsString();
  for (const v1::Process& process : manifest.process()) {
    for (const v1::Listener& each : process.listener()) out[absl::StrCat(process.name(), " listener ", each.setting())] = each.SerializeAsString();
    for (const v1::File& each : process.file()) out[absl::StrCat(process.name(), " file ", each.path())] = each.SerializeAsString();
    for (const v1::Database& database : process.database()) {
      for (const v1::Table& table : database.table()) {
        for (const v1::Column& column : table.column()) {
          out[absl::StrCat(process.name(), " column ", database.file(), " ", table.name(), ".", column.name())] = column.SerializeAsString();
        }
      }
    }
  }
  return out;
}

}  // namespace

v1::Notice MakeNotice(const std::vector<v1::RunningManifest>& told) {
  Settings settings = SettingsIn(Built().default_setting());
  for (const v1::RunningManifest& each : told) {
    for (const auto& [name, value] : SettingsIn(each.setting())) settings[name] = value;
  }
  v1::Notice notice;
  std::map<std::string, v1::NoticeRow> rows;  // the first that was said of each
  const auto add = [&](const v1::Manifest& manifest, const std::string& service) {
    for (const v1::DeclaredDatum& datum : manifest.datum()) {
      if (!IsAboutPeople(datum.is())) continue;
      v1::NoticeRow row = RowOf(datum, settings);
      if (row.group() == v1::PARTY_UNSPECIFIED) continue;
      const auto [known, is_new] = rows.try_emplace(datum.name(), row);
      if (!is_new && Same(known->second, row)) continue;
      if (!is_new) row.set_id(absl::StrCat(datum.name(), " of ", service));
      *notice.add_row() = row;
    }
  };
  for (const v1::RunningManifest& each : told) add(each.manifest(), each.service());
  if (told.empty()) add(Built(), "");
  std::set<std::string> remains;
  for (const v1::RunningManifest& each : told) {
    for (const std::string& line : each.manifest().remains()) {
      if (remains.insert(line).second) notice.add_remains(line);
    }
  }
  if (told.empty()) *notice.mutable_remains() = Built().remains();
  return notice;
}

std::string VersionOf(const v1::Notice& notice) { return ToHex(Sha256(AsBytes(notice.SerializeAsString()))).substr(0, 16); }

std::vector<std::string> NoticeLines(const v1::Notice& notice) {
  std::vector<std::string> lines = {absl::StrCat("Privacy notice, version ", VersionOf(notice)),
                                    "What the services of your organisation are given, what for, who sees it, and for how long."};
  for (const auto& [party, title] : kGroups) {
    bool any = false;
    for (const v1::NoticeRow& row : notice.row()) {
      if (row.group() != party) continue;
      if (!any) lines.insert(lines.end(), {"", absl::StrCat(title, ":")});
      any = true;
      lines.push_back(absl::StrCat("- ", row.says(), ". For ", row.purposes(), ". Seen by ", row.readers(), ". Kept: ", row.kept(), "."));
    }
  }
  lines.insert(lines.end(), {"", "What remains, whatever is declared:"});
  for (const std::string& each : notice.remains()) lines.push_back(absl::StrCat("- ", absl::StrReplaceAll(each, {{"**", ""}})));
  return lines;
}

std::vector<std::string> Changes(const v1::Notice& before, const v1::Notice& after) {
  std::map<std::string, const v1::NoticeRow*> former;
  for (const v1::NoticeRow& row : before.row()) former[row.id()] = &row;
  std::vector<std::string> lines;
  const auto compare = [&lines](absl::string_view what, const std::string& says, const std::string& was, const std::string& is) {
    if (was != is) lines.push_back(absl::StrCat(what, ": ", says, ": until now ", was, "; from now on ", is));
  };
  for (const v1::NoticeRow& row : after.row()) {
    const auto found = former.find(row.id());
    if (found == former.end()) {
      lines.push_back(absl::StrCat("New: ", row.says(), ". For ", row.purposes(), ". Seen by ", row.readers(), ". Kept: ", row.kept()));
      continue;
    }
    const v1::NoticeRow& was = *found->second;
    compare("Described otherwise", row.says(), was.says(), row.says());
    compare("Used otherwise", row.says(), was.purposes(), row.purposes());
    compare("Seen by others", row.says(), was.readers(), row.readers());
    compare("Kept otherwise", row.says(), was.kept(), row.kept());
    former.erase(found);
  }
  for (const v1::NoticeRow& row : before.row()) {
    if (former.contains(row.id())) lines.push_back(absl::StrCat("No longer: ", row.says()));
  }
  const std::set<std::string> residues(before.remains().begin(), before.remains().end());
  const std::set<std::string> now(after.remains().begin(), after.remains().end());
  for (const std::string& each : now) {
    if (!residues.contains(each)) lines.push_back(absl::StrCat("Remains from now on: ", each));
  }
  for (const std::string& each : residues) {
    if (!now.contains(each)) lines.push_back(absl::StrCat("Remains no longer: ", each));
  }
  return lines;
}

std::vector<std::string> Differences(const v1::RunningManifest& running) {
  const std::map<std::string, std::string> ours = Declared(Built()), theirs = Declared(running.manifest());
  std::vector<std::string> lines;
  for (const auto& [name, text] : theirs) {
    const auto found = ours.find(name);
    if (found == ours.end()) {
      lines.push_back(absl::StrCat(name, ": the service has it, this client knows nothing of it"));
    } else if (found->second != text) {
      lines.push_back(absl::StrCat(name, ": declared otherwise than this client knows it"));
    }
  }
  for (const auto& [name, text] : ours) {
    if (!theirs.contains(name)) lines.push_back(absl::StrCat(name, ": this client knows it, the service does not say it"));
  }
  return lines;
}

}  // namespace plumbline::manifest

#include "assess/demo/search.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "assess/tools/child.h"
#include "assess/tools/database.h"
#include "assess/tools/memory.h"
#include "assess/tools/snapshot.h"
#include "assess/tools/tls_capture.h"

namespace plumbline::assess {
namespace {

namespace fs = std::filesystem;

constexpr char kControl[] = "control ";  // names of controls begin so

// Sorts hits into controls and findings, and judges.
void Judge(PlaceResult& result, const std::vector<Hit>& hits, size_t controls_planted) {
  std::map<std::string, size_t> controls;
  for (const Hit& hit : hits) {
    if (absl::StartsWith(hit.name, kControl)) {
      ++controls[hit.name];
    } else {
      result.hits.push_back(hit);
    }
  }
  result.controls_planted += controls_planted;
  result.controls_found += controls.size();
  if (!result.hits.empty()) {
    result.found = Found::kFound;
  } else if (controls.size() < controls_planted && result.found == Found::kClean) {
    result.found = Found::kControlMissing;
  }
}

PlaceResult Failed(const std::string& place, const absl::Status& status) {
  return {.place = place,
          .found = absl::IsPermissionDenied(status) ? Found::kNoPrivilege : Found::kUnreadable,
          .looked_at = std::string(status.message())};
}

// Decrypts and searches; `part` selects the journal, the file, or both.
enum class Part { kFile, kWal, kBoth };
absl::StatusOr<std::vector<Hit>> SearchPart(const std::string& path, ByteView key, const PatternSet& patterns, Part part) {
  ASSIGN_OR_RETURN(const DecryptedDatabase database, DecryptDatabase(path, key));
  if (database.unreadable != 0) {
    return absl::DataLossError(absl::StrCat(database.unreadable, " pages do not open with the key"));
  }
  std::vector<Hit> hits;
  for (Hit& hit : SearchDatabase(database, fs::path(path).filename().string(), patterns)) {
    const bool in_wal = absl::StrContains(hit.place, "-wal");
    if (part == Part::kBoth || in_wal == (part == Part::kWal)) hits.push_back(std::move(hit));
  }
  return hits;
}

// A control in each of: journal (live and deleted), live page, free page. The names found, of four.
absl::StatusOr<std::vector<Hit>> ControlsInDatabase(const std::string& copy, ByteView key, size_t page_size) {
  const std::string live = NewMarker(), deleted = NewMarker();
  PatternSet patterns;
  patterns.AddMarker("live row", live);
  patterns.AddMarker("deleted row", deleted);
  std::vector<Hit> found;
  const auto collect = [&](Part part, const char* where) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Hit> hits, SearchPart(copy, key, patterns, part));
    for (const auto& [name, count] : CountByName(hits)) found.push_back({absl::StrCat(kControl, where, " ", name)});
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(PlantControls(copy, key, page_size, live, deleted, [&] { return collect(Part::kWal, "journal"); }));
  RETURN_IF_ERROR(collect(Part::kFile, "file"));
  return found;
}

absl::StatusOr<PlaceResult> SearchOneDatabase(const SearchedService& service, const std::string& path, ByteView key,
                                              const std::string& what, const PatternSet& patterns, const std::string& scratch) {
  const std::string folder = absl::StrCat(scratch, "/", fs::path(path).filename().string(), ".d");
  std::error_code error;
  fs::create_directories(folder, error);
  absl::StatusOr<std::string> copied;
  {
    const Pause pause(service.pid);  // file and journal belong together
    copied = CopyDatabase(path, folder);
  }
  RETURN_IF_ERROR(copied.status());
  ASSIGN_OR_RETURN(const DecryptedDatabase database, DecryptDatabase(*copied, key));
  ASSIGN_OR_RETURN(std::vector<Hit> hits, SearchPart(*copied, key, patterns, Part::kBoth));
  ASSIGN_OR_RETURN(const std::vector<Hit> controls, ControlsInDatabase(*copied, key, database.page_size));
  hits.insert(hits.end(), controls.begin(), controls.end());
  size_t wal = 0;
  for (const DecryptedPage& page : database.pages) wal += page.from_wal;
  PlaceResult result = {.place = absl::StrCat(service.name, ": ", what, " and journal, every page decrypted"),
                        .looked_at = absl::StrFormat("%d pages (%d free) and %d journal frames", database.pages.size() - wal,
                                                     database.free_pages, wal)};
  Judge(result, hits, 4);
  return result;
}

// Every file in the service's folder as it lies there; the log with a control line added to a copy.
PlaceResult SearchFiles(const SearchedService& service, const PatternSet& patterns) {
  PlaceResult result = {.place = absl::StrCat(service.name, ": logs and all other files")};
  PatternSet all = patterns;
  const std::string control = NewMarker();
  all.AddMarker(absl::StrCat(kControl, "log line"), control);
  std::vector<Hit> hits;
  size_t files = 0, bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(service.folder, error)) {
    if (!entry.is_regular_file()) continue;
    absl::StatusOr<std::string> content = ReadFile(entry.path());
    if (!content.ok()) return Failed(result.place, content.status());
    if (fs::path(service.log) == entry.path()) {
      absl::StrAppend(&*content, "{\"level\":\"info\",\"message\":\"", control, "\"}\n");
    }
    ++files;
    bytes += content->size();
    all.Search(AsBytes(*content), [&](const Hit& hit) {
      hits.push_back(hit);
      hits.back().place = entry.path().filename();
    });
  }
  result.looked_at = absl::StrFormat("%d files, %d bytes", files, bytes);
  Judge(result, hits, 1);
  return result;
}

PlaceResult SearchItsMemory(const SearchedService& service, const PatternSet& patterns) {
  const std::string place = absl::StrCat(service.name, ": memory of the process");
  PatternSet all = patterns;
  all.AddMarker(absl::StrCat(kControl, "environment"), service.memory_controls[0]);
  all.AddMarker(absl::StrCat(kControl, "configuration"), service.memory_controls[1]);
  const absl::StatusOr<MemorySearch> search = SearchMemory(service.pid, all);
  if (!search.ok()) return Failed(place, search.status());
  PlaceResult result = {.place = place,
                        .looked_at = absl::StrFormat("%.1f MB in %d mappings", static_cast<double>(search->bytes_read) / 1e6,
                                                     search->mappings)};
  Judge(result, search->hits, 2);
  return result;
}

const char* Word(Found found) {
  switch (found) {
    case Found::kClean: return "nothing found";
    case Found::kFound: return "FOUND";
    case Found::kControlMissing: return "A CONTROL WAS NOT FOUND";
    case Found::kUnreadable: return "COULD NOT BE READ";
    case Found::kNoPrivilege: return "NOT DEMONSTRATED: privilege missing";
  }
  return "";
}

}  // namespace

std::vector<PlaceResult> SearchService(const SearchedService& service, const PatternSet& patterns,
                                       const std::string& scratch) {
  std::vector<PlaceResult> results;
  const auto add = [&](const std::string& path, ByteView key, const std::string& what) {
    absl::StatusOr<PlaceResult> database = SearchOneDatabase(service, path, key, what, patterns, scratch);
    results.push_back(database.ok() ? *std::move(database)
                                    : Failed(absl::StrCat(service.name, ": ", what, " and journal"), database.status()));
  };
  add(service.database, service.database_key.view(), "database");
  if (!service.attachments.empty()) add(service.attachments, service.attachments_key.view(), "database of attachments");
  results.push_back(SearchFiles(service, patterns));
  results.push_back(SearchItsMemory(service, patterns));
  return results;
}

PlaceResult SearchCapture(const std::vector<RecordedConnection>& recorded, const std::string& key_log,
                          const PatternSet& patterns, const std::string& control) {
  PlaceResult result = {.place = "network: the relay's recording, decrypted with the session keys"};
  PatternSet all = patterns;
  all.AddMarker(absl::StrCat(kControl, "request"), control);
  const KeyLog keys = ParseKeyLog(key_log);
  std::vector<Hit> hits;
  size_t bytes = 0, opened = 0, records = 0;
  for (size_t i = 0; i < recorded.size(); ++i) {
    const absl::StatusOr<DecryptedConnection> connection = Decrypt(recorded[i], keys);
    if (!connection.ok()) return Failed(absl::StrCat(result.place, ", connection ", i + 1), connection.status());
    ++opened;
    records += connection->records;
    for (const Bytes* side : {&connection->from_client, &connection->from_server}) {
      bytes += side->size();
      all.Search(*side, [&](const Hit& hit) {
        hits.push_back(hit);
        hits.back().place = absl::StrCat("connection ", i + 1);
      });
    }
  }
  result.looked_at = absl::StrFormat("%d connections, %d records, %d bytes opened", opened, records, bytes);
  Judge(result, hits, 1);
  return result;
}

std::string SearchReport::ToText() const {
  std::string text;
  for (const PlaceResult& place : places) {
    absl::StrAppendFormat(&text, "%s\n    looked at: %s\n    controls: %d of %d found\n    result: %s\n", place.place,
                          place.looked_at, place.controls_found, place.controls_planted, Word(place.found));
    for (const Hit& hit : place.hits) {
      absl::StrAppendFormat(&text, "        %s as %s in %s at %d\n", hit.name, hit.form, hit.place, hit.offset);
    }
  }
  return text;
}

}  // namespace plumbline::assess

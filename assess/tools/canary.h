// Canaries: random markers put into messages (and controls put on purpose where a search looks), and the search for
// them in any bytes. A marker is looked for in two halves, so that a page or record boundary can hide at most one of
// them, and each half in every form a careless program might keep it: as it is, base64, hexadecimal, UTF-16.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/bytes.h"

namespace plumbline::assess {

// A fresh marker: 32 lower-case characters, 160 random bits. Two calls never give the same.
std::string NewMarker();

// One place where something was found.
struct Hit {
  std::string name;    // what was looked for
  std::string form;    // raw, base64, hex, UTF-16LE, ...
  std::string place;   // filled by the caller of Search: a file, a page, a mapping
  uint64_t offset = 0; // within the place
};

// What to look for. Add everything, then Search from any thread.
class PatternSet {
 public:
  // Looks for `marker` (at least 16 bytes) in halves and in all forms, under `name`.
  void AddMarker(const std::string& name, const std::string& marker);
  // Looks for a text (at least 5 bytes) in all forms and in lower, upper and given case.
  void AddText(const std::string& name, const std::string& text);

  // Calls `found` for each occurrence; offsets are relative to `data`.
  void Search(ByteView data, const std::function<void(const Hit&)>& found) const;

  size_t longest() const { return longest_; }  // bytes; the overlap that chunked reading needs
  bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::string name;
    std::string form;
    Bytes bytes;
  };
  void AddForms(const std::string& name, const std::string& text);
  void AddPattern(const std::string& name, const std::string& form, Bytes bytes);

  std::vector<Pattern> patterns_;
  std::vector<std::vector<uint32_t>> by_first_two_;  // 65,536 lists once something was added
  std::vector<uint64_t> begins_;                     // a bit for each list that is not empty: small enough to stay in the cache
  size_t longest_ = 0;
};

// Names in `hits`, each once with how often it was found.
std::map<std::string, size_t> CountByName(const std::vector<Hit>& hits);

}  // namespace plumbline::assess

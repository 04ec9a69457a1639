# Purpose limitation: code that is for one purpose calls no accessor of a field that is declared for others only.
# Input: the catalogue (data.proto), all .proto files, common/manifest/purposes.txt, then the sources: awk -f cmake/purposes.awk FILES.
#
# What it sees: `.field(`, `->field(` and their set_, add_, mutable_, clear_ and has_ forms, in files that include the generated header
# of a message with such a field, themselves or through headers of ours. It goes by names: where two messages have a field of one name, the
# file may use either purpose; names that containers have too (the list below) count only in their set_ forms. It does not see SQL (only
# store/ folders have any), reflection, or a value that was handed on. POSIX awk.
BEGIN {
  n = split("size name message code from log count value limit number type key data begin end empty find reason status path leaf", words, " ")
  for (i = 1; i <= n; ++i) common_name[words[i]] = 1
}
FILENAME ~ /metadata\/v1\/data\.proto$/ {
  if ($0 ~ /^  [A-Z_]+ = [0-9]+ \[\(is\)/) datum = $1
  if (datum != "" && $0 ~ /class: CLASS_PUBLICATION/) { purposes_of[datum] = " FOR_ANYTHING "; datum = "" }  # the same for everybody
  if (datum != "" && match($0, /purpose: (\[[^]]*\]|[A-Z_]+)/)) {
    text = substr($0, RSTART + 9, RLENGTH - 9); gsub(/[][,]/, " ", text); purposes_of[datum] = " " text " "; datum = ""
  }
  next
}
FILENAME ~ /\.proto$/ {
  header = FILENAME; sub(/^proto\//, "", header); sub(/\.proto$/, "", header)
  if (match($0, /[a-z0-9_]+ = [0-9]+ \[[^;]*metadata\.v1\.datum\) = [A-Z_]+/)) {
    text = substr($0, RSTART, RLENGTH); field = text; sub(/ .*/, "", field); sub(/.*= /, "", text)
    known[header, field] = known[header, field] purposes_of[text]; fields[header] = fields[header] " " field
  } else if ($0 ~ /^ +(repeated )?[A-Za-z.0-9]+ [a-z0-9_]+ = [0-9]+;/) {
    field = $0; sub(/ = .*/, "", field); sub(/.* /, "", field)
    known[header, field] = known[header, field] " FOR_ANYTHING "  # a message of ours: its parts are declared
  }
  next
}
FILENAME ~ /purposes\.txt$/ {
  if ($0 == "" || $0 ~ /^#/) next
  pattern = $1; gsub(/\./, "\\.", pattern); gsub(/\*/, "[^/]*", pattern)
  row[++rows] = "^" pattern "$"; line = $0; sub(/^[^ ]+ +/, "", line); allowed[rows] = " " line " "
  next
}
{
  if (FNR == 1) file[++files] = FILENAME
  if ($0 ~ /^#include "/) {
    text = $0; sub(/^#include "/, "", text); sub(/".*/, "", text); includes[FILENAME] = includes[FILENAME] " " text; next
  }
  code = $0; sub(/\/\/.*/, "", code)
  while (match(code, /(\.|->)[a-z][a-z0-9_]*\(/)) {
    call = substr(code, RSTART, RLENGTH); code = substr(code, RSTART + RLENGTH); gsub(/[-.>(]/, "", call)
    calls[FILENAME] = calls[FILENAME] " " FNR ":" call
  }
}
# The generated headers that `of` sees, into seen_header; `visited` ends loops.
function see(of,   n, i, list, text) {
  if (of in visited) return
  visited[of] = 1
  n = split(includes[of], list, " ")
  for (i = 1; i <= n; ++i) {
    text = list[i]
    if (text ~ /^plumbline\/.*\.pb\.h$/) { sub(/(\.grpc)?\.pb\.h$/, "", text); seen_header[text] = 1 } else see(text)
  }
}
# The purposes of all visible fields that are called `field`.
function purposes(field,   header, all) {
  all = ""
  for (header in seen_header) if ((header, field) in known) all = all known[header, field]
  return all
}
function shares(a, b,   n, i, list) {
  if (index(b, " FOR_ANYTHING ")) return 1
  n = split(a, list, " ")
  for (i = 1; i <= n; ++i) if (index(b, " " list[i] " ")) return 1
  return 0
}
END {
  for (f = 1; f <= files; ++f) {
    of = file[f]
    if (of ~ /^(client|assess|interop|tests|mls)\//) continue
    split("", visited); split("", seen_header); see(of)
    sees = 0; for (h in seen_header) if (fields[h] != "") sees = 1
    if (!sees) continue
    mine = ""; for (r = 1; r <= rows && mine == ""; ++r) if (of ~ row[r]) mine = allowed[r]
    if (mine == "") { print of ": sees declared fields: say in common/manifest/purposes.txt what it is for"; continue }
    n = split(calls[of], list, " ")
    for (i = 1; i <= n; ++i) {
      place = list[i]; sub(/:.*/, "", place); call = list[i]; sub(/^[0-9]+:/, "", call)
      field = call; plain = !sub(/^(set|add|mutable|clear|has)_/, "", field)
      if (plain && field in common_name) continue
      declared = purposes(field)
      if (declared == "" && !plain) { field = call; declared = purposes(field) }
      if (declared != "" && !shares(mine, declared)) print of ":" place ": " field " is declared for" declared "and this file is for" mine
    }
  }
}

#!/usr/bin/env bash
# Fails on an include that points the wrong way, on a type the style forbids, on key material in the tree, and on a decoder that
# nobody fuzzes.
set -uo pipefail
bad=0
complain() { [ -z "$2" ] || { printf 'lint: %s\n%s\n' "$1" "$2"; bad=1; }; }

# includes FOLDER ALLOWED...: each quoted include of FOLDER starts with one of ALLOWED (regular expressions).
includes() {
  local folder=$1; shift
  local allowed; allowed=$(IFS='|'; echo "$*")
  complain "$folder includes what it must not depend on:" \
    "$(git ls-files "$folder/*.h" "$folder/*.cc" | xargs -r grep -nE '^#include "' | grep -vE "#include \"($allowed)" \
      | grep -vE '#include "(absl|nlohmann|yaml-cpp|spdlog|google|grpc|grpcpp|openssl|CLI|gtest|gmock)/')"
}
includes common common/ plumbline/
includes mls common/ mls/
includes keyserver common/ mls/ keyserver/ plumbline/
includes server common/ server/ plumbline/
includes admin common/ admin/ plumbline/
includes witness common/ witness/ plumbline/
includes auditor common/ auditor/ plumbline/
includes doctor common/ doctor/ plumbline/
includes client common/ mls/ client/ doctor/ plumbline/
includes interop common/ mls/ client/ interop/ plumbline/

complain "common/*.{h,cc} knows no gRPC and no SQL:" "$(git ls-files 'common/*.h' 'common/*.cc' | grep -vE '^common/.+/' | xargs -r grep -nE '#include [<"](grpc|sqlite3)')"
complain "server links mls:" "$(grep -n 'plumbline_mls' server/CMakeLists.txt 2>/dev/null)"
complain "std::string_view (use absl::string_view):" "$(git ls-files '*.h' '*.cc' | xargs -r grep -nE 'std::string_view')"
complain "exceptions of our own:" "$(git ls-files '*.h' '*.cc' | xargs -r grep -nE '^\s*throw ')"
complain "private key material:" "$(git grep -nE -e '-----BEGIN (EC |RSA |OPENSSH |ENCRYPTED )?PRIVATE KEY' -- . ':!cmake/lint.sh' | head -5)"
complain "session keys written by the product:" "$(git ls-files "*.h" "*.cc" | grep -v "^assess/" | xargs -r grep -nE "key_log_file|SSLKEYLOG")"
complain "a loop over what a temporary StatusOr holds (C++20 does not keep it; name it first):" \
  "$(git ls-files '*.h' '*.cc' | xargs -r grep -nE 'for \([^;]*[^:]: (\*[A-Za-z_.>:-]+\([^;]*\)\)|[^;]*\)\.value\(\)\))' | grep -v 'mutable_')"
complain "globbed sources:" "$(git ls-files '*CMakeLists.txt' '*.cmake' | xargs -r grep -nE 'file\(GLOB')"
complain "fuzz targets without a row in docs/testing.md:" "$(git ls-files 'tests/fuzz/*_fuzz.cc' | sed -E 's#tests/fuzz/(.*)/(.*)_fuzz.cc#\1_\2#' \
  | while read -r target; do grep -q "^| \`$target\` |" docs/testing.md || echo "$target"; done)"
# What reads bytes from outside: its name says so, and no row of docs/testing.md may be without it.
complain "decoders that no fuzz target in docs/testing.md names:" "$(git ls-files '*.h' ':!tests' ':!interop' \
  | xargs grep -hoE '\b(Parse|Decode)[A-Z][A-Za-z]+\(|\bRead[A-Z][A-Za-z]+\((const CipherSuite& suite, )?Reader& ' | sed 's/(.*//' | sort -u \
  | while read -r decoder; do grep -qE "^\| .*\b$decoder\b" docs/testing.md || echo "$decoder"; done)"
complain "a .proto that proto/CMakeLists.txt does not have, and so the metadata manifest does not either:" \
  "$(git ls-files 'proto/plumbline/*.proto' | sed -E 's#proto/plumbline/(.*)\.proto#\1#' | while read -r path; do
    grep -q " $path[ )]" proto/CMakeLists.txt || grep -qE "^foreach\(config.* ${path##*/}[ )]" proto/CMakeLists.txt || echo "$path"; done)"
# Which code may use which data: declared in proto/, decided in common/manifest/purposes.txt.
complain "data used for a purpose it is not declared for:" "$(awk -f cmake/purposes.awk proto/plumbline/metadata/v1/data.proto \
  $(git ls-files 'proto/*.proto' | grep -v /metadata/) common/manifest/purposes.txt $(git ls-files '*.h' '*.cc' | grep -vE '^(client|tests|assess|interop|mls)/'))"
[ $bad -eq 0 ] && echo "lint: clean"
exit $bad

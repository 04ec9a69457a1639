#!/usr/bin/env bash
# Crash loops over suites that were built, JOBS tests at a time; a line for each test, the whole log of one that failed.
#   PLUMBLINE_CRASH_ROUNDS      how often the suites that kill a process at its writes are repeated (default 50)
#   PLUMBLINE_SURVIVAL=short    leaves it there; otherwise (long) the storage of the real programs also fails at every change,
#                               and they are killed at random for PLUMBLINE_SURVIVAL_SECONDS (default 300)
# Exits 1 if a test failed or one of the named suites has none.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BIN=build/release/bin LOGS=build/release/crash
# The suites that kill a process at its writes, with the tests in them that do.
ROUNDS_OF="common_db_test server_store_test client_crash_test"
# Those that fail the storage of the real programs at every change, and the one that kills them at random. The short form of
# these is part of `./dev test`.
LONG="server_fault_test storage_fault_test backup_test survival_test"
mkdir -p "$LOGS"

one() {  # one SUITE TEST ROUNDS
  local log="$LOGS/$1.${2//\//_}.log" start=$SECONDS
  if PLUMBLINE_SURVIVAL=long PLUMBLINE_SURVIVAL_SECONDS="${PLUMBLINE_SURVIVAL_SECONDS:-300}" \
    "$BIN/$1" --gtest_filter="$2" --gtest_repeat="$3" --gtest_break_on_failure >"$log" 2>&1; then
    printf '%-22s %s: %s of %s passed in %s s\n' "$1" "$2" "$(grep -c '^\[  PASSED  \] 1 test' "$log")" "$3" $((SECONDS - start))
    grep -E '(lost|acknowledged was lost|in order|damaged|was half|not there the others)' "$log" | grep -v '^\[' | sed 's/^/    /'
    return 0
  fi
  { printf '%-22s %s: FAILED after %s s, all of it in %s\n' "$1" "$2" $((SECONDS - start)) "$log"; tail -n 60 "$log"; }
  return 1
}

if [ "${1:-}" = --one ]; then one "$2" "$3" "$4"; exit; fi

list() {  # list SUITE FILTER ROUNDS: a line "suite test rounds" for each
  local tests; tests=$("$BIN/$1" --gtest_list_tests --gtest_filter="$2" |
    awk -v s="$1" -v r="$3" '/^[^ ]/ {suite = $1} /^  / {print s, suite $1, r}')
  [ -n "$tests" ] || { echo "$1: no test matches $2" >&2; return 1; }
  echo "$tests"
}

jobs=$(
  for suite in $ROUNDS_OF; do list "$suite" '*Kill*:*Crash*' "${PLUMBLINE_CRASH_ROUNDS:-50}" || exit 1; done
  [ "${PLUMBLINE_SURVIVAL:-long}" != long ] || for suite in $LONG; do list "$suite" '*' 1 || exit 1; done
) || exit 1
xargs -P "${JOBS:-$(nproc)}" -L 1 bash cmake/crash.sh --one <<<"$jobs"

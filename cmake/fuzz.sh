#!/usr/bin/env bash
# Runs fuzz targets that were built, JOBS at a time: those named, or all. A line for each; of one that failed, its output, the
# input that did it, and the command that repeats it. Exits 1 if one failed, or if CI=true and the published vectors are absent.
#   PLUMBLINE_FUZZ_SECONDS   of each, new inputs each time (default 60); what is found interesting stays in build/fuzz/corpus
#   PLUMBLINE_FUZZ_RUNS      instead: so many after the seeds, from the seeds alone, the same each time
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

BIN=build/fuzz/bin FOUND=build/fuzz/found
mkdir -p "$FOUND"
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm  # stores of targets: what is tested is what is read, not the disk

one() {  # one NAME
  local name=$1 log="$FOUND/$1.log" corpus="build/fuzz/corpus/$1" limits same="" start=$SECONDS failed=0
  if [ -n "${PLUMBLINE_FUZZ_RUNS:-}" ]; then
    corpus=$(mktemp -d)  # an old corpus would be other inputs; the target itself adds -runs (tests/fuzz/fuzz_main.cc)
    limits="-seed=1"
    # What is covered, and so what is tried next, depends on addresses wherever something is hashed by them.
    if setarch "$(uname -m)" -R true 2>/dev/null; then same="setarch $(uname -m) -R"; fi
  else
    limits="-max_total_time=${PLUMBLINE_FUZZ_SECONDS:-60}"
  fi
  mkdir -p "$corpus"
  $same "$BIN/fuzz_$name" $limits -max_len=65536 -timeout=25 -verbosity=0 -print_final_stats=1 -artifact_prefix="$FOUND/$name-" \
    "$corpus" >"$log" 2>&1 || failed=1
  local runs seeds
  runs=$(sed -nE 's/^stat::number_of_executed_units: +([0-9]+)/\1/p' "$log")
  seeds=$(sed -nE 's/^seeds: ([0-9]+) of its own, ([0-9]+) of published.*/\1 + \2/p' "$log")
  [ $failed = 1 ] || printf '%-22s %9s runs %5s s   corpus %6s   new seeds %s   ok\n' \
    "$name" "${runs:-?}" $((SECONDS - start)) "$(find "$corpus" -type f | wc -l)" "${seeds:-?}"
  [ -z "${PLUMBLINE_FUZZ_RUNS:-}" ] || rm -rf "$corpus"
  if [ $failed = 1 ]; then
    local input; input=$(sed -nE 's/.*Test unit written to (.*)/\1/p' "$log" | tail -1)
    { printf '%-22s FAILED after %s s\n' "$name" $((SECONDS - start)); tail -n 60 "$log"
      echo "repeat with: $BIN/fuzz_$name ${input:-(no input: it fails by itself)}"; }
    return 1
  fi
}

if [ "${1:-}" = --one ]; then one "$2"; exit; fi

names=("$@")
[ ${#names[@]} -gt 0 ] || mapfile -t names < <(cd "$BIN" && printf '%s\n' fuzz_* | sed 's/^fuzz_//')
failed=0
rm -f "$FOUND"/*.log
printf '%s\n' "${names[@]}" | xargs -P "${JOBS:-$(nproc)}" -I{} bash cmake/fuzz.sh --one {} || failed=1
if grep -q '^PUBLISHED VECTORS ABSENT' "$FOUND"/*.log; then
  printf '\nPUBLISHED VECTORS ABSENT: NO TARGET STARTED FROM THEM. SET PLUMBLINE_VECTORS TO THE FOLDER THAT HAS THEM.\n'
  [ "${CI:-}" != true ] || failed=1
fi
exit $failed

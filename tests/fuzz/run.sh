#!/usr/bin/env bash
# Builds the fuzz targets and runs each for some seconds, from its seeds and what earlier runs found.
#   tests/fuzz/run.sh [SECONDS [TARGET...]]      10 seconds each, all targets
# Exit 1 when one failed; its input is kept in build/fuzz/findings and the command that repeats it is printed. Exit 3,
# and nothing is run, when clang-14 or its runtime is missing.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-10}
shift || true
[[ $seconds =~ ^[0-9]+$ ]] || { echo "usage: tests/fuzz/run.sh [SECONDS [TARGET...]]" >&2; exit 2; }

runtime=$(clang++-14 -print-file-name=libclang_rt.fuzzer-x86_64.a 2>/dev/null || true)
[ -f "$runtime" ] || runtime=$(find /usr/lib/llvm-14 -name 'libclang_rt.fuzzer-*.a' -print -quit 2>/dev/null || true)
if ! command -v clang++-14 >/dev/null || [ ! -f "$runtime" ]; then
  echo "fuzz: skipped, clang-14 with libclang-rt-14-dev is not installed" >&2
  exit 3
fi

cmake --preset fuzz >/dev/null
cmake --build --preset fuzz
folder=build/fuzz/fuzz
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(cd "$folder" && ls -- *_fuzz); fi
mkdir -p build/fuzz/findings

# Stores of replay_fuzz need no real disk.
if [ -w /dev/shm ]; then export TMPDIR=/dev/shm; fi
# The distribution's libraries are not instrumented: containers that cross into them cannot be checked.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0
failed=()
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$target"
  log=build/fuzz/findings/$target.log
  if "$folder/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus/$target" "$folder/seeds/$target" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "fuzz: $target: ${runs:-?} runs, nothing found"
  else
    failed+=("$target")
    tail -n 40 "$log"
    echo "fuzz: $target failed; repeat with $folder/$target build/fuzz/findings/$target-<what>-<hash>"
  fi
done
[ ${#failed[@]} -eq 0 ] || { echo "fuzz: failed: ${failed[*]}" >&2; exit 1; }

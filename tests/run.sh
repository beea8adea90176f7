#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Exit 0 only when all passed.
#   tests/run.sh            everything: style, layers, release build and tests, clang-tidy, sanitizer builds and tests,
#                           a few seconds of each fuzz target
#   tests/run.sh --quick    without clang-tidy, the sanitizer builds and fuzzing
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0
case "${1:-}" in
  "") ;;
  --quick) quick=1 ;;
  *) echo "usage: tests/run.sh [--quick]" >&2; exit 2 ;;
esac

step() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

step "dependencies"
deploy/install-deps.sh
step "peers for the end-to-end tests"
tests/e2e/get-peers.sh build/peers

step "style and layers"
tests/style.sh

# run_preset PRESET TARGET CTEST-ARGUMENTS...
run_preset() {
  local preset=$1 target=$2
  shift 2
  step "build $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --target "$target"
  step "tests, $preset"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@"
}

# The comparison with node_exporter runs where it could be had.
node_exporter=$PWD/build/peers/usr/bin/prometheus-node-exporter
if [ -x "$node_exporter" ]; then export TIDEMARK_NODE_EXPORTER=$node_exporter; fi

run_preset release all
skipped=$(grep -hoE '\[  SKIPPED \] [A-Za-z0-9_./]+$|[a-z_]+ \.+\*+Skipped' build/release/Testing/Temporary/LastTest.log | sort -u || true)
if [ $quick = 0 ]; then
  step "clang-tidy"
  tests/tidy.sh
  run_preset asan all -L unit -j 2  # Slow and quiet: two at a time.
  run_preset tsan threads_tests -L threads
  step "fuzzing"
  fuzzed=0
  tests/fuzz/run.sh 3 || fuzzed=$?
  if [ $fuzzed = 3 ]; then
    skipped+=$'\nfuzz targets: clang-14 with libclang-rt-14-dev is not installed'
  elif [ $fuzzed != 0 ]; then
    exit $fuzzed
  fi
fi

step "done"
echo "Skipped, by name:"
echo "${skipped:-  nothing}"

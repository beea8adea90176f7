#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Exit 0 only when all passed.
#   tests/run.sh            everything: style, layers, release build and tests, clang-tidy, sanitizer builds and tests
#   tests/run.sh --quick    without clang-tidy and the sanitizer builds
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

run_preset() { # PRESET CTEST-ARGUMENTS...
  local preset=$1
  shift
  step "build $preset"
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  step "tests, $preset"
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error "$@"
}

run_preset release
if [ $quick = 0 ]; then
  step "clang-tidy"
  tests/tidy.sh
  # What parses hostile bytes and what shares memory between threads; the end-to-end tests run the release programs.
  run_preset asan -L unit
  run_preset tsan -L threads
fi

step "done"
echo "Skipped, by name:"
grep -hoE '\[  SKIPPED \] [A-Za-z0-9_./]+' build/release/Testing/Temporary/LastTest.log 2>/dev/null | sort -u | grep . || echo "  nothing"

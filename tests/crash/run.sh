#!/usr/bin/env bash
# The long form of the ledger test: builds it and kills a store's process that many times.
#   tests/crash/run.sh [--kills N] [--seed S] [--keep FOLDER]      1,000 kills
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -f build/release/CMakeCache.txt ] || cmake --preset release >/dev/null
cmake --build --preset release --target crash_ledger
arguments=("$@")
[[ " $* " == *" --kills "* ]] || arguments+=(--kills 1000)
exec build/release/tests/crash_ledger "${arguments[@]}"

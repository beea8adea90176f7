#!/usr/bin/env bash
# clang-tidy with .clang-tidy over the product's sources, or over the files named.
#   tests/tidy.sh [FILE.cc...]      needs a configured build/release (its compile_commands.json)
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/release/compile_commands.json ] || { echo "tidy.sh: run cmake --preset release first" >&2; exit 2; }
if [ $# -gt 0 ]; then
  files=("$@")
else
  mapfile -t files < <(git ls-files -- 'model/*.cc' 'net/*.cc' 'config/*.cc' 'exporter/*.cc' 'aggregator/*.cc' 'alerting/*.cc')
fi
# Warnings of other people's headers are counted on stderr by clang-tidy; only ours are of interest.
printf '%s\0' "${files[@]}" | xargs -0 -n 4 -P "$(nproc)" clang-tidy-14 --quiet -p build/release 2>/dev/null
echo "tidy: ${#files[@]} files are in order"

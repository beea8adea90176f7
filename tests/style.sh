#!/usr/bin/env bash
# What a machine can check, no reviewer should have to: formatting, the direction of includes, the length of files.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
complain() { echo "style: $1" >&2; failed=1; }

mapfile -t sources < <(git ls-files -- '*.h' '*.cc')
[ ${#sources[@]} -gt 0 ] || { echo "style: no sources found" >&2; exit 1; }

clang-format-14 --dry-run --Werror "${sources[@]}" || complain "run clang-format-14 -i on the files above"

# room: rooms it may include, besides itself. The table of DESIGN.md's layers; see CONTRIBUTING.md.
allowed() {
  case $1 in
    model | net) echo "" ;;
    config) echo "model net" ;;
    exporter) echo "model net config" ;;
    aggregator/storage) echo "model" ;;
    aggregator/promql) echo "model aggregator/storage" ;;
    aggregator/discovery) echo "model net config" ;;
    aggregator/scrape) echo "model net config aggregator/discovery aggregator/storage" ;;
    aggregator/remote) echo "model net config aggregator/storage" ;;
    alerting) echo "model net config aggregator/promql aggregator/storage" ;;
    aggregator/api) echo "model net config aggregator/storage aggregator/promql aggregator/discovery aggregator/scrape aggregator/remote alerting" ;;
    aggregator/tsdb) echo "model config aggregator/storage aggregator/promql" ;;
    *) echo "*" ;; # The programs, tests and benchmarks.
  esac
}
room_of() {
  case $1 in
    aggregator/*/*) echo "$1" | cut -d/ -f1-2 ;;
    */*) echo "${1%%/*}" ;;
    *) echo "" ;;
  esac
}
while IFS=: read -r file line include; do
  target=${include#*\"}
  target=${target%%\"*}
  from=$(room_of "$file")
  to=$(room_of "$target")
  [ -f "$target" ] || complain "$file:$line: includes $target, which is not there (include from the top of the tree)"
  may=$(allowed "$from")
  [ "$may" = "*" ] || [ "$from" = "$to" ] || [[ " $may " == *" $to "* ]] ||
    complain "$file:$line: $from must not include $target"
done < <(grep -nE '^#include "' "${sources[@]}" | sed -E 's/^([^:]+):([0-9]+):#include /\1:\2:/')

while read -r lines file; do
  [ "$file" = total ] || [ "$lines" -le 600 ] || complain "$file has $lines lines; more than 600 hide a second noun"
done < <(wc -l "${sources[@]}")

for header in "${sources[@]}"; do
  [[ $header != *.h ]] || grep -q '^#pragma once$' "$header" || complain "$header: no #pragma once"
done
if grep -nE '\b(TODO|FIXME|XXX)\b' "${sources[@]}"; then complain "unfinished by its own words"; fi

[ $failed = 0 ] && echo "style: ${#sources[@]} files are in order"
exit $failed

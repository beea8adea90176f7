#!/usr/bin/env bash
# compare_trees.sh EXPORTER EXPORTER_TREE: the collectors of fixtures/trees on their recorded trees, in tidemark-exporter
# and in a real node_exporter (the program named by TIDEMARK_NODE_EXPORTER): pages must be the same in names, types,
# labels and values, but for what compare_trees.expected lists. Exit code 77 (skipped) where there is none to compare with.
set -euo pipefail
exporter=$1
unpack=$2
here=$(cd "$(dirname "$0")" && pwd)
if [ -z "${TIDEMARK_NODE_EXPORTER:-}" ]; then
  echo "SKIPPED: compare_trees: set TIDEMARK_NODE_EXPORTER to a node_exporter (apt-get download prometheus-node-exporter; dpkg -x)"
  exit 77
fi
version=$("$TIDEMARK_NODE_EXPORTER" --version 2>&1 | sed -n 's/^node_exporter, version \([0-9.]*\).*/\1/p')
if [ "$(printf '%s\n' 1.11 "$version" | sort -V | head -1)" != 1.11 ]; then
  echo "SKIPPED: compare_trees: node_exporter $version reads them otherwise; 1.11 or newer is needed"
  exit 77
fi
dir=$(mktemp -d)
peer=
trap '[ -z "$peer" ] || kill $peer 2>/dev/null || true; rm -rf "$dir"' EXIT

# Without HELP and what exporters say about themselves; numbers in one form.
plain() {
  awk '/^# HELP/ || /^(# TYPE )?(go_|process_|promhttp_|node_scrape_collector_duration|node_exporter_build|tidemark_)/ { next }
       /^# TYPE node_scrape_collector/ { next }
       /^#/ { print; next }
       { value = $NF; sub(/ [^ ]*$/, ""); print $0, sprintf("%.10g", value) }' "$1" | sort
}

failed=0
for tree in "$here"/fixtures/trees/*.tree; do
  name=$(basename "$tree" .tree)
  collector=${name%%-*}
  root=$dir/root
  rm -rf "$root"
  mkdir -p "$root/proc" "$root/sys"
  "$unpack" "$root" "$tree"
  port=$((20000 + RANDOM % 10000))
  paths=(--path.procfs="$root/proc" --path.sysfs="$root/sys" --collector.disable-defaults "--collector.$collector")
  if [ "$collector" = bcache ]; then paths+=(--collector.bcache.priorityStats); fi
  if [ "$collector" = sysctl ]; then
    paths+=(--collector.sysctl.include=fs.file-nr --collector.sysctl.include=fs.file-nr:total,current,max
      --collector.sysctl.include=kernel.threads-max --collector.sysctl.include-info=kernel.seccomp.actions_avail)
  fi
  "$TIDEMARK_NODE_EXPORTER" "${paths[@]}" --web.listen-address="127.0.0.1:$port" 2>"$dir/log" &
  peer=$!
  rm -f "$dir/theirs"
  for _ in $(seq 100); do
    if curl -sf "http://127.0.0.1:$port/metrics" >"$dir/theirs"; then break; fi
    kill -0 $peer 2>/dev/null || break
    sleep 0.05
  done
  kill $peer 2>/dev/null || true
  wait $peer 2>/dev/null || true
  peer=
  if [ ! -s "$dir/theirs" ]; then
    echo "$name: not in this node_exporter: $(head -1 "$dir/log")"
    continue
  fi
  "$exporter" "${paths[@]}" --once >"$dir/ours"
  plain "$dir/theirs" >"$dir/theirs.plain"
  plain "$dir/ours" >"$dir/ours.plain"
  # Lines that differ, as "-theirs" and "+ours", minus the expected ones ("TREE REGEX" a line).
  diff -U0 "$dir/theirs.plain" "$dir/ours.plain" | grep -E '^[-+][^-+]' | sed "s#$root#ROOT#g" >"$dir/diff" || true
  awk -v name="$name" '$1 == name { sub(/^[^ ]+ /, ""); print }' "$here/compare_trees.expected" >"$dir/expected"
  if [ -s "$dir/expected" ]; then
    grep -vE -f "$dir/expected" "$dir/diff" >"$dir/left" || true
  else
    cp "$dir/diff" "$dir/left"
  fi
  echo "$name: $(grep -vc '^#' "$dir/ours.plain") samples, $(wc -l <"$dir/diff") differ, $(wc -l <"$dir/left") of them unexpected"
  if [ -s "$dir/left" ]; then
    cat "$dir/left"
    failed=1
  fi
done
exit $failed

#!/usr/bin/env bash
# compare_node_exporter.sh EXPORTER: what tidemark-exporter shows of this host against a real node_exporter (the program
# named by TIDEMARK_NODE_EXPORTER), each with its own default collectors: every family of theirs but go_* must be there,
# with the same type, the same label names and the same sets of labels, and there must be no family more than is listed
# here; of a release before 1.11, what it has must be in ours. Where TIDEMARK_PROMTOOL names a promtool, it must find nothing in ours that it does not find in theirs.
# Exit code 77 (skipped) where there is none to compare with.
set -euo pipefail
exporter=$1
if [ -z "${TIDEMARK_NODE_EXPORTER:-}" ]; then
  echo "SKIPPED: compare_node_exporter: set TIDEMARK_NODE_EXPORTER to a node_exporter (apt-get download prometheus-node-exporter; dpkg -x)"
  exit 77
fi
dir=$(mktemp -d)
port=$((20000 + RANDOM % 10000))
# Debian turns systemd on, upstream does not.
"$TIDEMARK_NODE_EXPORTER" --no-collector.systemd --web.listen-address="127.0.0.1:$port" 2>"$dir/log" &
peer=$!
trap 'kill $peer 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 100); do
  if curl -sf "http://127.0.0.1:$port/metrics" >"$dir/theirs"; then break; fi
  kill -0 $peer || { cat "$dir/log" >&2; exit 1; }
  sleep 0.1
done
"$exporter" --once >"$dir/ours" 2>"$dir/ours.log"

# "family type label,label" for each family and set of label names.
shape() {
  awk '/^# TYPE/ { type[$3] = $4; next }
       /^#/ { next }
       { name = $0; sub(/[{ ].*/, "", name); labels = ""; rest = ""
         if (index($0, "{")) {
           rest = $0; sub(/^[^{]*\{/, "", rest); gsub(/"([^"\\]|\\.)*"/, "", rest); sub(/\}.*/, "", rest); gsub(/=/, "", rest)
           labels = rest
         }
         print name, type[name], labels }' "$1" | grep -v '^go_' | sort -u
}
shape "$dir/theirs" >"$dir/theirs.shape"
shape "$dir/ours" >"$dir/ours.shape"
echo "families: theirs $(cut -d' ' -f1 "$dir/theirs.shape" | sort -u | wc -l), ours $(cut -d' ' -f1 "$dir/ours.shape" | sort -u | wc -l)"
failed=0
# Releases since 1.5 have only added labels and families, so an older one is held to be a part of ours.
missing=$(awk 'NR == FNR { type[$1] = $2; labels[$1] = "," $3 ","; next }
     !($1 in type) { print $1 " is missing"; next }
     type[$1] != $2 { print $1 " is a " type[$1] ", not a " $2 }
     { n = split($3, theirs, ",")
       for (i = 1; i <= n; i++) if (!index(labels[$1], "," theirs[i] ",")) print $1 " lacks the label " theirs[i] }' \
  "$dir/ours.shape" "$dir/theirs.shape")
if [ -n "$missing" ]; then echo "not as in node_exporter:"; echo "$missing"; failed=1; fi
# Sets of labels: a device or CPU of theirs that is not in ours, or the other way round. Left out are those that say
# what is not the same by nature (versions, which collectors there are) or is read otherwise (rotational; alternative
# names of interfaces, which theirs shows with --collector.netclass.netlink only), and tmpfs mounts that come and go.
series() {
  awk '/^# TYPE/ { type[$3] = $4; next } /^#/ { next } { sub(/ [^ ]*$/, ""); print }' "$1" |
    grep -vE '^(go_|tidemark_|node_exporter_build_info|node_scrape_collector_|node_disk_info|node_network_altnames_info|promhttp_|node_memory_|process_)' |
    grep -vE '^node_filesystem_(mount_info|purgeable_bytes)' | sort -u
}
series "$dir/theirs" >"$dir/theirs.series"
series "$dir/ours" >"$dir/ours.series"
version=$("$TIDEMARK_NODE_EXPORTER" --version 2>&1 | sed -n 's/^node_exporter, version \([0-9.]*\).*/\1/p')
# What we are held to word for word; older releases have fewer families and labels.
matched=0
if [ "$(printf '%s\n' 1.11 "$version" | sort -V | head -1)" = 1.11 ]; then matched=1; fi
if [ $matched = 1 ]; then
  different=$(diff "$dir/theirs.series" "$dir/ours.series" | grep '^[<>]' || true)
  if [ -n "$different" ]; then echo "series of theirs (<) and ours (>) alone:"; echo "$different"; failed=1; fi
fi
echo "series: theirs $(wc -l <"$dir/theirs.series"), ours $(wc -l <"$dir/ours.series")"
# Ours shows every field of /proc/meminfo; what else it alone shows is named after Tidemark.
extra=$(comm -13 <(cut -d' ' -f1 "$dir/theirs.shape" | sort -u) <(cut -d' ' -f1 "$dir/ours.shape" | sort -u) |
  grep -vE '^(node_memory_|tidemark_|process_network_|promhttp_metric_handler_errors_total$|node_network_altnames_info$|node_filesystem_(mount_info|purgeable_bytes)$)' || true)
if [ -n "$extra" ] && [ $matched = 1 ]; then echo "in ours only:"; echo "$extra"; failed=1; fi
if [ -n "${TIDEMARK_PROMTOOL:-}" ]; then
  "$TIDEMARK_PROMTOOL" check metrics <"$dir/theirs" 2>&1 | sort >"$dir/theirs.lint" || true
  "$TIDEMARK_PROMTOOL" check metrics <"$dir/ours" 2>&1 | sort >"$dir/ours.lint" || true
  # The fields of /proc/meminfo that newer releases no longer show are linted for the same camel case.
  lint=$(comm -13 "$dir/theirs.lint" "$dir/ours.lint" | grep -vE '^node_memory_(FileHugePages|FilePmdMapped|SecPageTables|ShadowCallStack)_bytes .*camelCase' || true)
  echo "promtool: theirs $(wc -l <"$dir/theirs.lint") remarks, ours $(wc -l <"$dir/ours.lint")"
  if [ -n "$lint" ]; then echo "linted in ours only:"; echo "$lint"; failed=1; fi
fi
exit $failed

#!/usr/bin/env bash
# exporter_peer.sh EXPORTER NODE_EXPORTER [SCRAPES]: CPU, latency and memory of a scrape, both exporters on this host in
# the same run with their default collectors, over one keep-alive connection on loopback. CPU is the scheduler's own
# count (/proc/PID/task/*/schedstat). Private memory is what no other process shares, the program's own text included;
# anonymous memory is what is not a file's. The first round warms up, the second is the figure.
#
# TREE=DIR looks at a host of exporter_tree.py instead of this one. INTERFACES=N runs all of it in a network namespace
# with so many bridges (root only). With "-" for NODE_EXPORTER only EXPORTER is measured: with thousands of interfaces the
# other takes minutes.
set -euo pipefail
if [ -n "${INTERFACES:-}" ] && [ -z "${IN_NAMESPACE:-}" ]; then
  IN_NAMESPACE=yes exec unshare --net --mount "$0" "$@"
fi
ours=$1 theirs=$2 scrapes=${3:-1000}
# COLLECTORS="cpu stat" compares these alone. Debian turns systemd on, upstream does not.
flags=(--no-collector.systemd)
if [ -n "${COLLECTORS:-}" ]; then
  flags=(--collector.disable-defaults)
  for name in $COLLECTORS; do flags+=("--collector.$name"); done
fi

if [ -n "${TREE:-}" ]; then
  flags+=("--path.procfs=$TREE/proc" "--path.sysfs=$TREE/sys")
fi
if [ -n "${IN_NAMESPACE:-}" ]; then
  mount --make-rprivate / && mount -t sysfs sysfs /sys  # It shows the interfaces of the namespace it is mounted in.
  ip link set lo up
  for ((i = 0; i < INTERFACES; ++i)); do echo "link add bridge$i type bridge"; done | ip -batch -
fi

cpu_ns() { local sum=0 ns; while read -r ns _; do sum=$((sum + ns)); done < <(cat "/proc/$1/task/"*/schedstat); echo $sum; }
memory_kb() { # pid names...: the sum of these lines
  local pid=$1; shift
  awk -v keys=" $*: " 'index(keys, " " $1 " ") || index(keys, " " substr($1, 1, length($1) - 1) " ") { sum += $2 }
    END { print sum + 0 }' "/proc/$pid/smaps_rollup"
}

measure() { # name port curl-flags...: of what listens there, if anything does
  local name=$1 port=$2 pid=${pid_at[$2]:-}; shift 2
  [ -n "$pid" ] || return 0
  local before after
  before=$(cpu_ns "$pid")
  curl -sf "$@" -o /dev/null -w '%{time_total}\n' "http://127.0.0.1:$port/metrics?n=[1-$scrapes]" | sort -n >"$dir/times"
  after=$(cpu_ns "$pid")
  awk -v name="$name" -v cpu=$((after - before)) -v rss="$(memory_kb "$pid" Rss)" -v private="$(memory_kb "$pid" Private_Clean Private_Dirty)" \
    -v anonymous="$(memory_kb "$pid" Anonymous)" '
    { t[NR] = $1 * 1000 }
    END { printf "%-28s cpu %.3f ms/scrape  p50 %.2f ms  p99 %.2f ms  rss %d kB (private %d, anonymous %d)\n",
          name, cpu / NR / 1e6, t[int((NR + 1) / 2)], t[int(NR * 0.99)], rss, private, anonymous }' "$dir/times"
}

dir=$(mktemp -d)
declare -A pid_at
trap 'kill "${pid_at[@]}" 2>/dev/null || true; rm -rf "$dir"' EXIT
port=$((20000 + RANDOM % 10000))
start() { # exporter port
  [ "$1" != - ] || return 0
  "$1" "${flags[@]}" --web.listen-address="127.0.0.1:$2" 2>"$dir/$2.log" & pid_at[$2]=$!
  curl -sf --retry 50 --retry-connrefused --retry-delay 1 -o /dev/null "http://127.0.0.1:$2/metrics" && return
  echo "exporter_peer.sh: $1 does not answer on port $2; it said:" >&2
  cat "$dir/$2.log" >&2
  exit 1
}
start "$ours" $port
start "$theirs" $((port + 1))
for round in "warm-up" "measured"; do
  measure "$round tidemark" $port
  measure "$round node_exporter" $((port + 1))
  measure "$round tidemark gzip" $port -H "Accept-Encoding: gzip"
  measure "$round node_exporter gzip" $((port + 1)) -H "Accept-Encoding: gzip"
done

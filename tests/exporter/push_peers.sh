#!/usr/bin/env bash
# Push mode against real receivers on loopback: an outage (the receiver is killed and comes back) and a kill -9 of the
# exporter with requests in the spool. Nothing may be missing between the first sample and the last but the time in
# which there was no exporter.
#   tests/exporter/push_peers.sh EXPORTER
# TIDEMARK, TIDEMARK_PROMETHEUS, TIDEMARK_VICTORIA_METRICS name the receivers; without any: exit code 77.
set -euo pipefail
exporter=$1
work=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT
port=$((20000 + RANDOM % 20000))

start_receiver() {
  local arguments
  case $kind in
    victoria) arguments=(-storageDataPath="$dir/data" -httpListenAddr=127.0.0.1:$port -search.latencyOffset=0s) ;;
    *)
      arguments=(--config.file="$dir/empty.yml" --storage.tsdb.path="$dir/data" --web.listen-address=127.0.0.1:$port
        --web.enable-remote-write-receiver)
      ;;
  esac
  "$program" "${arguments[@]}" >>"$dir/receiver.log" 2>&1 &
  receiver=$!
  pids+=("$receiver")
  for _ in $(seq 100); do curl -sf -o /dev/null "127.0.0.1:$port/-/ready" && return; sleep 0.1; done
  echo "$kind does not start:" >&2
  tail -5 "$dir/receiver.log" >&2
  return 1
}
start_exporter() {
  "$exporter" --web.listen-address=127.0.0.1:$((port + 1)) --push.url="http://127.0.0.1:$port/api/v1/write" \
    --push.interval=200ms --push.instance=pushed --push.label=zone=a --push.spool-dir="$dir/spool" \
    >>"$dir/exporter.log" 2>&1 &
  sender=$!
  pids+=("$sender")
  sleep 2
}
spooled() { find "$dir/spool" -name '*.push' | wc -l; }

failed=0
for pair in tidemark="${TIDEMARK:-}" prometheus="${TIDEMARK_PROMETHEUS:-}" victoria="${TIDEMARK_VICTORIA_METRICS:-}"; do
  kind=${pair%%=*}
  program=${pair#*=}
  [ -x "$program" ] || continue
  ran=1
  port=$((port + 10))
  dir=$work/$kind
  mkdir -p "$dir"
  echo 'global: {scrape_interval: 1m}' >"$dir/empty.yml"
  start_receiver
  start_exporter
  sleep 2
  kill -9 "$receiver"
  wait "$receiver" 2>/dev/null || true
  sleep 3
  kill -9 "$sender"
  wait "$sender" 2>/dev/null || true
  waiting=$(spooled)
  start_exporter
  start_receiver
  for _ in $(seq 300); do [ "$(spooled)" -le 1 ] && break; sleep 0.1; done
  sleep 1
  kill -TERM "$sender"
  wait "$sender" || { echo "$kind: the exporter ended badly"; failed=1; }
  sleep 2
  curl -s "127.0.0.1:$port/api/v1/query" --data-urlencode 'query=up{instance="pushed",job="node",zone="a"}[10m]' >"$dir/up.json"
  curl -s "127.0.0.1:$port/api/v1/query" --data-urlencode 'query=count({instance="pushed"})' >"$dir/now.json"
  python3 - "$kind" "$waiting" "$dir/up.json" "$dir/now.json" <<'PY' || failed=1
import json, sys
kind, waiting, up, now = sys.argv[1], int(sys.argv[2]), json.load(open(sys.argv[3])), json.load(open(sys.argv[4]))
times = [float(t) for t, v in up["data"]["result"][0]["values"] if v != "NaN"]
gaps = sorted((b - a for a, b in zip(times, times[1:])), reverse=True)
left = now["data"]["result"]
print(f"{kind}: {len(times)} samples of up, {waiting} requests in the spool at the kill, gaps {gaps[0]:.2f} {gaps[1]:.2f} {gaps[2]:.2f} s,"
      f" series after the stop: {left[0]['value'][1] if left else 0}")
# One gap is the exporter's restart; an interval is 0.2 s, and a busy machine may skip one.
bad = waiting < 5 or gaps[0] > 2.5 or gaps[1] > 1.0 or len(times) < 20 or left
sys.exit(1 if bad else 0)
PY
  [ $failed = 0 ] || { tail -5 "$dir/exporter.log"; }
  kill -9 "$receiver"
done
[ "${ran:-}" = 1 ] || { echo "no receivers"; exit 77; }
exit $failed

#!/usr/bin/env bash
# Builds Tidemark and watches this host with it: exporter, aggregator and alerting on loopback, until Ctrl-C.
#   deploy/quickstart.sh [--smoke] [--port 9090] [--exporter-port 9100] [--data-dir DIR]
#     --smoke           start, check that samples, a query and an alert come through, stop; exit 0 or 1
#     --port            of tidemark: UI-less HTTP API, /metrics                       (default 9090)
#     --exporter-port   of tidemark-exporter: /metrics of this host                   (default 9100)
#     --data-dir        where samples are kept   (default ./data; with --smoke a temporary directory)
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD

smoke=0 port=9090 exporter_port=9100 data_dir=""
usage() { sed -n '2,/^set /{/^set /!s/^# \{0,1\}//p}' "$here/deploy/quickstart.sh"; }
while [ $# -gt 0 ]; do
  case $1 in
    --smoke) smoke=1 ;;
    --port | --exporter-port | --data-dir)
      [ $# -ge 2 ] || { echo "quickstart.sh: $1 needs a value" >&2; exit 2; }
      case $1 in --port) port=$2 ;; --exporter-port) exporter_port=$2 ;; --data-dir) data_dir=$2 ;; esac
      shift ;;
    -h | --help) usage; exit 0 ;;
    *) echo "quickstart.sh: unknown argument $1" >&2; usage >&2; exit 2 ;;
  esac
  shift
done
for number in "$port" "$exporter_port"; do
  [[ $number =~ ^[0-9]+$ ]] && [ "$number" -ge 1 ] && [ "$number" -le 65535 ] ||
    { echo "quickstart.sh: \"$number\" is not a port" >&2; exit 2; }
done

run_dir=$(mktemp -d) # Logs and the copy of the configuration that carries the ports.
pids=()
stop() {
  trap - EXIT INT TERM
  [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  rm -rf "$run_dir"
}
trap stop EXIT
trap 'echo; echo "Stopping."; stop; exit 0' INT TERM

fail() {
  echo "quickstart.sh: $1" >&2
  for log in "$run_dir"/*.log; do
    if [ -s "$log" ]; then echo "--- last lines of $(basename "$log")" >&2; tail -n 15 "$log" >&2; fi
  done
  exit 1
}

# Before the build, so that a taken port is known now and not in minutes.
check_port() {
  if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then
    fail "port $1 on 127.0.0.1 is taken; stop what listens there or choose another with $2"
  fi
}
check_port "$port" --port
check_port "$exporter_port" --exporter-port

echo "== 1/3 dependencies"
deploy/install-deps.sh
echo "== 2/3 build (the first takes some minutes)"
cmake --preset release >"$run_dir/configure.log" || fail "cmake failed"
cmake --build --preset release --target tidemark tidemark-exporter
bin=$here/build/release/bin

echo "== 3/3 start"
if [ -z "$data_dir" ]; then
  if [ $smoke = 1 ]; then data_dir=$run_dir/data; else data_dir=$here/data; fi
fi
mkdir -p "$data_dir"
cp config/alerts.yaml "$run_dir/"
sed -e "s/127\.0\.0\.1:9090/127.0.0.1:$port/; s/127\.0\.0\.1:9100/127.0.0.1:$exporter_port/" config/tidemark.yml \
  >"$run_dir/tidemark.yml"

# In process groups of their own, so that Ctrl-C reaches this script only and it stops them in order.
set -m
"$bin/tidemark-exporter" --web.listen-address="127.0.0.1:$exporter_port" >"$run_dir/exporter.log" 2>&1 &
pids+=($!)
"$bin/tidemark" --config.file="$run_dir/tidemark.yml" --storage.tsdb.path="$data_dir" \
  --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle >"$run_dir/tidemark.log" 2>&1 &
pids+=($!)
set +m

url=http://127.0.0.1:$port
exporter_url=http://127.0.0.1:$exporter_port
fetch() { curl -fsS --max-time 5 "$@" 2>/dev/null; }
alive() { for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done; }
# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    alive || fail "a program ended while waiting for $what"
    [ $SECONDS -lt $deadline ] || fail "gave up waiting for $what"
    sleep 0.2
  done
}
ready() { fetch "$url/-/ready" >/dev/null && fetch "$exporter_url/metrics" >/dev/null; }
wait_for 30 "both programs to answer" ready

if [ $smoke = 1 ]; then
  query() { fetch --get "$url/api/v1/query" --data-urlencode "query=$1"; }
  both_up() { query 'count(up == 1) == 2' | grep -q '"value"'; }
  cpu_grows() {
    query 'sum(increase(node_cpu_seconds_total{mode="idle"}[2m])) > 0' | grep -q '"value"' &&
      fetch --get "$url/api/v1/query_range" --data-urlencode 'query=node_load1' --data-urlencode "start=$(($(date +%s) - 60))" \
        --data-urlencode "end=$(date +%s)" --data-urlencode step=5 | grep -q '"values":\[\['
  }
  alert_fires() { fetch "$url/api/v1/alerts" | grep -q '"state":"firing"'; }
  wait_for 60 "both targets to be up" both_up && echo "ok: this host and tidemark itself are scraped"
  wait_for 90 "CPU time to grow" cpu_grows && echo "ok: queries show CPU time growing"
  wait_for 60 "an alert" alert_fires && echo "ok: an alert fires"
  for pid in "${pids[@]}"; do kill "$pid"; wait "$pid" || fail "a program did not stop cleanly"; done
  pids=()
  echo "ok: both programs stopped cleanly"
  echo "SMOKE PASSED"
  exit 0
fi

cat <<TXT

Tidemark watches this host. Samples are kept in $data_dir
  $exporter_url/metrics   this host's metrics
  $url/          API, rules, targets, own metrics

Worth trying:
  curl -s '$url/api/v1/query?query=up'
  curl -s '$url/api/v1/query' --data-urlencode 'query=100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[1m])))'
  curl -s '$url/api/v1/alerts'

Ctrl-C stops both.
TXT
wait -n "${pids[@]}" || true
fail "a program ended by itself"

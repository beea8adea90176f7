#!/usr/bin/env bash
# get-peers.sh DIR: unpacks the distribution's Prometheus (with promtool), node_exporter and the scripts that feed its
# textfile collector under DIR, without installing them: no service starts. The end-to-end tests use them as parts nobody
# here wrote; where they cannot be had, those tests say so and are skipped. Exit 0 either way.
set -euo pipefail
dir=${1:?usage: get-peers.sh DIR}
packages=(prometheus prometheus-node-exporter prometheus-node-exporter-collectors)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
if [ -x "$dir/usr/bin/prometheus" ] && [ -x "$dir/usr/bin/prometheus-node-exporter" ] &&
  [ -d "$dir/usr/share/prometheus-node-exporter-collectors" ]; then
  echo "Peers are in $dir"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work"
download() { apt-get download -q "${packages[@]}" >download.log 2>&1; }
refresh() { if [ "$(id -u)" = 0 ]; then apt-get update -q; elif command -v sudo >/dev/null; then sudo apt-get update -q; else false; fi; }
if download || { refresh >/dev/null 2>&1 && download; }; then
  for package in ./*.deb; do dpkg -x "$package" "$dir"; done
  echo "Peers are in $dir: $(cd "$dir/usr/bin" && echo prom*)"
else
  echo "Peers cannot be had here: ${packages[*]}. The tests that need them are skipped."
  sed 's/^/  /' download.log
fi

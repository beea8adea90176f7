#!/usr/bin/env bash
# exporter_sizes.sh EXPORTER NODE_EXPORTER [SCRAPES]: exporter_peer.sh on hosts of 1 to 512 CPUs and with 10 to 4,096
# interfaces. With "-" for NODE_EXPORTER only EXPORTER is measured. Root only.
set -euo pipefail
here=$(dirname "$0")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
for size in ${SIZES:-1,10 64,10 512,10 64,256 64,4096}; do
  cpus=${size%,*} interfaces=${size#*,}
  [ -d "$root/$cpus" ] || "$here/exporter_tree.py" "$root/$cpus" "$cpus"
  TREE=$root/$cpus INTERFACES=$interfaces "$here/exporter_peer.sh" "$1" "$2" "${3:-50}" |
    sed -n "s/^measured/$cpus CPUs, $interfaces interfaces:/p"
done

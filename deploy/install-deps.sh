#!/usr/bin/env bash
# Installs what building and testing Tidemark needs, from the distribution's own packages (Debian 12).
# Idempotent, and quick when there is nothing to do. Uses sudo only when not root.
#   deploy/install-deps.sh            install what is missing
#   deploy/install-deps.sh --list     print the packages
set -euo pipefail

packages=(
  # Tools.
  ca-certificates ccache clang-14 clang-format-14 clang-tidy-14 cmake curl g++ git libclang-rt-14-dev make ninja-build
  pkg-config
  # What the programs link.
  libabsl-dev libc-ares-dev libcpp-httplib-dev libcrypt-dev libexpected-dev libfmt-dev libprotozero-dev libre2-dev
  libroaring-dev
  librocksdb-dev libsimdjson-dev libsnappy-dev libssl-dev libsystemd-dev libxxhash-dev libyaml-cpp-dev prometheus-cpp-dev zlib1g-dev
  # What the tests and benchmarks link.
  libbenchmark-dev libgmock-dev libgtest-dev
)

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${packages[@]}"
  exit 0
elif [ $# -gt 0 ]; then
  echo "usage: deploy/install-deps.sh [--list]" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "All ${#packages[@]} packages are installed."
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    echo "install-deps.sh: not root and no sudo. As root, run: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  }
  as_root=(sudo)
fi

echo "Installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"; }
# The lists on the machine are tried first: refreshing them takes longer than finding them good.
install || { "${as_root[@]}" apt-get update -q && install; }

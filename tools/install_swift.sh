#!/usr/bin/env bash
# OpenStack Swift with its S3 interface, from apt (Debian, Ubuntu): an S3 server that others wrote, to compare with.
set -euo pipefail

packages=(swift-proxy swift-account swift-container swift-object memcached)
if command -v swift-proxy-server swift-object-server swift-ring-builder memcached >/dev/null; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "the comparison needs ${packages[*]}, which apt would install; there is no apt-get here" >&2
    exit 1
fi
sudo=()
[[ $(id -u) -eq 0 ]] || sudo=(sudo)
echo "installing OpenStack Swift"
"${sudo[@]}" apt-get update -qq
# RUNLEVEL=1: tools/s3_conformance.sh starts what it needs, on ports of its own.
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -qq -y --no-install-recommends "${packages[@]}"

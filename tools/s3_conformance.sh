#!/usr/bin/env bash
# Asks OpenStack Swift what tests/contract/test_s3_conformance.py asks our own endpoint. Takes a minute or two.
# What differs stands in that file and in docs/adr/0020; anything else that differs fails.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/install_swift.sh
python=${PYTHON:-.venv/bin/python}

folder=$(mktemp -d)
started=()
finish() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

read -r proxy account container object cache < <("$python" - <<'PORTS'
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
print(*(one.getsockname()[1] for one in sockets))
PORTS
)

common() { # what every server's configuration begins with
    printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nuser = %s\nswift_dir = %s\nworkers = 0\n' \
        "$1" "$(id -un)" "$folder"
    printf 'log_level = ERROR\n'
}

for kind in account container object; do
    port=${!kind}
    {
        common "$port"
        printf 'devices = %s/devices\nmount_check = false\nrecon_cache_path = %s\n' "$folder" "$folder"
        printf '[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' "$kind" "$kind" "$kind"
    } >"$folder/$kind.conf"
    (
        cd "$folder"
        swift-ring-builder "$kind.builder" create 4 1 1
        swift-ring-builder "$kind.builder" add "r1z1-127.0.0.1:$port/d" 1
        swift-ring-builder "$kind.builder" rebalance || [[ $? -eq 1 ]] # 1 is a warning
    ) >"$folder/$kind.ring.log"
done
mkdir -p "$folder/devices/d"

{
    common "$proxy"
    cat <<PROXY
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats bulk s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
dns_compliant_bucket_names = true
check_bucket_owner = true
force_swift_request_proxy_log = false
s3_acl = false
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$cache
PROXY
    for name in catch_errors gatekeeper listing_formats bulk copy slo dlo versioned_writes symlink; do
        printf '[filter:%s]\nuse = egg:swift#%s\n' "$name" "$name"
    done
} >"$folder/proxy.conf"

memcached -l 127.0.0.1 -p "$cache" -u "$(id -un)" &
started+=($!)
for kind in account container object proxy; do
    "swift-$kind-server" "$folder/$kind.conf" >"$folder/$kind.log" 2>&1 &
    started+=($!)
done
for _ in $(seq 100); do
    curl --silent --output /dev/null "http://127.0.0.1:$proxy/" && break
    sleep 0.3
done || { cat "$folder"/*.log >&2; exit 1; }

status=0
OMM_S3_ENDPOINT=http://127.0.0.1:$proxy AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing \
    "$python" -m pytest -n 0 -q tests/contract/test_s3_conformance.py "$@" || status=$?
((status == 0)) || tail -n 20 "$folder"/*.log >&2
exit "$status"

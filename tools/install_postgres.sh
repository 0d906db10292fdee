#!/usr/bin/env bash
# A PostgreSQL server for the tests: nothing to do where initdb is found, else apt's (Debian, Ubuntu).
set -euo pipefail

if command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    exit 0
fi

sudo=()
[[ $(id -u) -eq 0 ]] || sudo=(sudo)
if command -v apt-get >/dev/null && { [[ ${#sudo[@]} -eq 0 ]] || command -v sudo >/dev/null; }; then
    echo "installing PostgreSQL for the tests"
    "${sudo[@]}" apt-get update -qq
    # Only the programs: the tests make a database of their own.
    "${sudo[@]}" apt-get install -qq -y --no-install-recommends postgresql-common
    "${sudo[@]}" sed -i 's/^#\?create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf
    "${sudo[@]}" apt-get install -qq -y --no-install-recommends postgresql
    exit 0
fi
echo "The tests need PostgreSQL's initdb and postgres: install them (macOS: brew install postgresql)" >&2
exit 1

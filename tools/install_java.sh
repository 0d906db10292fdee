#!/usr/bin/env bash
# A Java for Spark's tests: nothing to do where one of 17 or newer is found, else apt's (Debian, Ubuntu).
set -euo pipefail

needed=17

version_of() { # the major version of a java, 0 if it does not answer
    local found
    found=$("$1" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -1) || true
    echo "${found:-0}"
}

java=java
[[ -z ${JAVA_HOME:-} ]] || java=$JAVA_HOME/bin/java
if command -v "$java" >/dev/null && [[ $(version_of "$java") -ge $needed ]]; then
    exit 0
fi

sudo=()
[[ $(id -u) -eq 0 ]] || sudo=(sudo)
if command -v apt-get >/dev/null && { [[ ${#sudo[@]} -eq 0 ]] || command -v sudo >/dev/null; }; then
    echo "installing Java for Spark's tests"
    "${sudo[@]}" apt-get update -qq
    for package in openjdk-21-jre-headless openjdk-17-jre-headless; do
        if "${sudo[@]}" apt-get install -qq -y --no-install-recommends "$package"; then
            exit 0
        fi
    done
fi
echo "Spark's tests need Java $needed or newer: install one (macOS: brew install openjdk@21), or set JAVA_HOME" >&2
exit 1

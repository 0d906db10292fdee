#!/usr/bin/env bash
# A Chromium for the tests of the pages: nothing to do where one is found, else apt's (Debian, Ubuntu).
set -euo pipefail

for name in ${CHROMIUM:-} chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then
        exit 0
    fi
done

sudo=()
[[ $(id -u) -eq 0 ]] || sudo=(sudo)
if command -v apt-get >/dev/null && { [[ ${#sudo[@]} -eq 0 ]] || command -v sudo >/dev/null; }; then
    echo "installing Chromium for the tests of the pages"
    "${sudo[@]}" apt-get update -qq
    if "${sudo[@]}" apt-get install -qq -y --no-install-recommends chromium; then
        exit 0
    fi
fi
echo "The tests of the pages need Chromium: install it (macOS: brew install chromium), or set CHROMIUM" >&2
exit 1

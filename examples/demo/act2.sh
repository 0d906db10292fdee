#!/usr/bin/env bash
# The second act: our server, and Amazon's own SDK against it, unchanged; then all is cleaned up.
set -euo pipefail
cd "$(dirname "$0")/../.."
omm=.venv/bin/omm
data=demo-out/server
rm -rf "$data"
mkdir -p "$data"

clean_up() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  rm -rf "$data"
}

echo "1. The SageMaker SDK, in an environment of its own"
tools/sdk_environments.sh 2

echo "2. omm serve --local: SageMaker, S3 and all else that the SDK asks, on this machine"
"$omm" serve --local --port 0 --data "$data" >"$data/server.log" 2>&1 &
server=$!
trap clean_up EXIT
for _ in $(seq 150); do
  [[ -f $data/server.json ]] && break
  kill -0 "$server" 2>/dev/null || break
  sleep 0.2
done
[[ -f $data/server.json ]] || { cat "$data/server.log" && exit 1; }
eval "$("$omm" client-env --data "$data")"

echo "3. sdk_demo.py: the SDK speaks to $AWS_ENDPOINT_URL"
SAGEMAKER_SUPPRESS_V2_WARNING=1 .venv-sdk2/bin/python examples/demo/sdk_demo.py

echo
echo "The server is stopped, its folder removed."

#!/usr/bin/env bash
# Bundle the editor of the playground, with the licences of all it holds, into the package; needs Node and npm.
# The result is committed, so that neither an installation nor a running server asks any network.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$PWD/src/open_model_monitor/server/pages/static/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp tools/frontend/* "$work"
cd "$work"
npm install --silent --no-audit --no-fund
mkdir -p "$target"
npx esbuild editor.js --bundle --minify --format=esm --target=es2022 --legal-comments=none \
    --metafile=meta.json --outfile="$target/editor.js" --log-level=warning
node - "$target/editor.LICENSES.txt" <<'SCRIPT'
const fs = require("node:fs");
const inputs = Object.keys(JSON.parse(fs.readFileSync("meta.json", "utf8")).inputs);
const names = [...new Set(inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean))].sort();
const parts = names.map((name) => {
  const about = JSON.parse(fs.readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const text = fs.readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
  return `${name} ${about.version} (${about.license})\n\n${text}\n`;
});
fs.writeFileSync(process.argv[2], parts.join(`\n${"-".repeat(80)}\n\n`));
SCRIPT
ls -l "$target"

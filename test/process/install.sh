#!/usr/bin/env bash
# usage: install.sh   packs what `npm run build` has made, installs it as `npm install --global` does, and runs it
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() {
  echo "install: $1" >&2
  exit 1
}

npm pack --silent --ignore-scripts --pack-destination "$root" >/dev/null
npm install --silent --global --no-audit --no-fund --prefix "$root/prefix" "$root"/dicomweb-gateway-*.tgz
program=$root/prefix/bin/dicomweb-gateway
installed=$root/prefix/lib/node_modules/dicomweb-gateway

cd "$root"
[ "$("$program" --version)" = "$(node -p 'require(process.argv[1]).version' "$installed/package.json")" ] ||
  fail 'it says another version'
DICOMGW_PEER=NOBODY@127.0.0.1:104 "$program" config | grep -q 'address: NOBODY@127.0.0.1:104' || fail 'config prints something else'
for file in docs/operations.md deploy/systemd/dicomweb-gateway.service deploy/nginx/dicomweb-gateway.conf \
  deploy/prometheus/rules.yml deploy/grafana/dicomweb-gateway.json LICENSE NOTICE \
  dist/sbom.cdx.json dist/THIRD-PARTY-NOTICES.txt; do
  [ -s "$installed/$file" ] || fail "$file is not in the package"
done
[ ! -e "$installed/node_modules/typescript" ] && [ ! -e "$installed/test" ] || fail 'it has what only developers need'
echo "install: the package installs and runs ($("$program" --version))"

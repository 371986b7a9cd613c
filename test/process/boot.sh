#!/usr/bin/env bash
# usage: boot.sh [NODE]   boots the built dist/main.js with that Node (the one on PATH if left out): the demo, with its
# embedded PACS, is asked for its health, a search and a retrieve, stores the samples of the compose file, and must end with status 0 when it is told to stop.
# Some faults of packages show only here: a named import that a bundler or a test runner takes, and Node does not.
set -euo pipefail
cd "$(dirname "$0")/../.."
node=${1:-node}
log=$(mktemp)
gateway=
cleanup() {
  [ -z "$gateway" ] || kill -9 "$gateway" 2>/dev/null || true
  rm -f "$log"
}
trap cleanup EXIT
fail() {
  echo "boot: $1" >&2
  cat "$log" >&2
  exit 1
}

"$node" dist/main.js --version >/dev/null
DICOMGW_PEER=NOBODY@127.0.0.1:104 "$node" dist/main.js config | grep -q 'address: NOBODY@127.0.0.1:104' || fail 'config prints something else'

DICOMGW_HTTP_LISTEN=127.0.0.1:0 "$node" dist/main.js demo >"$log" 2>&1 &
gateway=$!
for _ in $(seq 300); do
  grep -q 'Ctrl-C' "$log" && break
  kill -0 "$gateway" 2>/dev/null || break
  sleep 0.1
done
service=$(sed -n 's/^DICOMweb: *//p' "$log")
[ -n "$service" ] || fail 'it did not start'
origin=${service%/dicomweb}

# Asked with Node, which is there where curl may not be.
"$node" --input-type=module - "$origin" "$service" <<'PROBE' || fail 'an answer is not what it should be'
const [origin, service] = process.argv.slice(2);
const get = async (url, accept = '*/*') => {
  const response = await fetch(url, { headers: { accept } });
  if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
  return response;
};
for (const path of ['/healthz', '/readyz', '/metrics']) await get(origin + path);
const [, script] = /src="([^"]+)"/.exec(await (await get(origin + '/')).text());
await get(`${origin}/${script}`);
const studies = await (await get(`${service}/studies`)).json();
const [uid] = studies[0]['0020000D'].Value;
const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const study = Buffer.from(await (await get(`${service}/studies/${uid}`, accept)).arrayBuffer());
if (!study.includes('DICM') || !study.subarray(-4).equals(Buffer.from('--\r\n'))) throw new Error('no whole multipart body');
PROBE

"$node" deploy/load-samples.mjs "$service" | grep -q 'instances are stored' || fail 'the samples cannot be stored'

kill -TERM "$gateway"
wait "$gateway" || fail "it ended with status $?"
gateway=
echo "boot: dist/main.js runs on Node $("$node" --version)"

#!/usr/bin/env bash
# Replays deploy/Dockerfile without a container engine: each stage is a directory, each instruction is carried out in it
# with this machine's Node, and the result is booted, asked for its health and stopped. It shows that the instructions
# work and that what they copy is enough; it shows nothing about the base image, users and permissions.
set -euo pipefail
cd "$(dirname "$0")/.."
context=$PWD
root=$(mktemp -d)
gateway=
cleanup() {
  [ -z "$gateway" ] || kill -9 "$gateway" 2>/dev/null || true
  rm -rf "$root"
}
trap cleanup EXIT

stage='' workdir=/ healthcheck='' entrypoint='' cmd='' user=''
declare -A environment=()

# Absolute paths of the image, inside the directory of the stage.
localise() { sed -E "s#(^|[ =:])(/(app|var))#\1$root/$stage\2#g" <<<"$1"; }
# ["a", "b"] as words.
words() { node -p 'JSON.parse(process.argv[1]).join(" ")' "$1"; }

copy() {
  local from=$context words=("$@")
  if [[ ${words[0]} == --from=* ]]; then
    from=$root/${words[0]#--from=}
    words=("${words[@]:1}")
  fi
  local to=$root/$stage$workdir/${words[-1]}
  for path in "${words[@]:0:${#words[@]}-1}"; do
    # A folder's contents are copied, a file goes into the folder named.
    mkdir -p "$to"
    if [ -d "$from/$path" ]; then cp -a "$from/$path/." "$to/"; else cp -a "$from/$path" "$to/"; fi
  done
}

run() {
  (
    cd "$root/$stage$workdir"
    # There is no user of the image here.
    chown() { :; }
    export -f chown
    for name in "${!environment[@]}"; do export "$name=$(localise "${environment[$name]}")"; done
    bash -euo pipefail -c "$(localise "$1")"
  )
}

while read -r instruction rest; do
  case $instruction in
    '' | '#'*) continue ;;
    FROM)
      [[ $rest =~ ^node:([0-9]+)\.[0-9]+\.[0-9]+-[a-z-]+\ AS\ ([a-z]+)$ ]] || { echo "FROM is not a pinned Node with a name: $rest" >&2; exit 1; }
      stage=${BASH_REMATCH[2]} environment=() ;;
    WORKDIR) workdir=$rest && mkdir -p "$root/$stage$workdir" ;;
    ENV) environment[${rest%%=*}]=${rest#*=} ;;
    COPY)
      read -ra arguments <<<"$rest"
      copy "${arguments[@]}"
      ;;
    RUN)
      echo "replay: $stage: $rest"
      run "$rest"
      ;;
    USER) user=$rest ;;
    VOLUME | EXPOSE) ;;
    HEALTHCHECK) healthcheck=$(words "${rest#*CMD }") ;;
    ENTRYPOINT) entrypoint=$(words "$rest") ;;
    CMD) cmd=$(words "$rest") ;;
    *) echo "The replay does not know $instruction." >&2; exit 1 ;;
  esac
done <deploy/Dockerfile

[ -n "$user" ] && [ "$user" != root ] || { echo 'The image runs as root.' >&2; exit 1; }
cd "$root/runtime/app"
[ ! -e node_modules/typescript ] || { echo 'The image holds development dependencies.' >&2; exit 1; }

for name in "${!environment[@]}"; do export "$name=$(localise "${environment[$name]}")"; done
port=$(node -e 'const server = require("net").createServer().listen(0, () => { console.log(server.address().port); server.close(); })')
export DICOMGW_PEER=NOBODY@127.0.0.1:1

if $entrypoint $cmd >refused.log 2>&1; then echo 'It starts beyond loopback without being told who may use it.' >&2; exit 1; fi
grep -q 'access.anonymous' refused.log || { cat refused.log >&2; exit 1; }

export DICOMGW_HTTP_LISTEN=127.0.0.1:$port
$entrypoint $cmd >gateway.log 2>&1 &
gateway=$!
for _ in $(seq 100); do
  grep -q '"msg":"ready"' gateway.log && break
  kill -0 "$gateway" 2>/dev/null || break
  sleep 0.1
done
grep '"msg":"ready"' gateway.log || { cat gateway.log >&2; exit 1; }
$healthcheck || { echo 'The health check fails.' >&2; exit 1; }
kill -TERM "$gateway"
wait "$gateway" || { echo "It ended with status $?." >&2; exit 1; }
gateway=
if $healthcheck; then echo 'The health check passes without a gateway.' >&2; exit 1; fi
echo "replay: deploy/Dockerfile builds, boots, answers its health check and stops (Node $(node --version))."

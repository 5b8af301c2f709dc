#!/usr/bin/env bash
# How many times the calls of libtirpc's svc_run does a model answer? Loads both in turn with ECHO of 64 bytes, 50 connections with DEPTH
# calls under way on each, the servers on one core and the client on another where there are two; prints each run, the medians and their
# ratio. Needs gcc, rpcgen (package rpcsvc-proto) and libtirpc-dev. The C server is the one that the tests talk to.
#   bench/against-svc-run.sh [MODEL] [DEPTH] [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly model="${1:-poll}" depth="${2:-16}" rounds="${3:-5}" seconds="${4:-2}"
readonly command="${MULTIPLEX_COMMAND:-artifacts/multiplex/multiplex}"
readonly peers=tests/Multiplex.ServerTests/Peers

if [[ ! -x "$command" ]]; then
  echo "bench/against-svc-run.sh: there is no $command: run ./run-all.sh build, or set MULTIPLEX_COMMAND" >&2
  exit 2
fi

# shellcheck source=bench/scratch.sh
source bench/scratch.sh

cp "$peers"/{server.c,peers.c,peers.h} src/Multiplex.Demo/multiplex.x "$work"
(
  cd "$work"
  rpcgen -C -h -o multiplex.h multiplex.x
  rpcgen -C -c -o multiplex_xdr.c multiplex.x
  rpcgen -C -m -o multiplex_svc.c multiplex.x
  gcc -O2 -w -I/usr/include/tirpc -o svc_run server.c peers.c multiplex_svc.c multiplex_xdr.c -ltirpc
)

# CORE COMMAND …: in place of this shell, on that core where there are two.
on_core() {
  if (($(nproc) > 1)); then exec taskset -c "$@"; fi
  shift
  exec "$@"
}

start() { # NAME COMMAND …: a server, whose endpoint goes to NAME.at
  local name="$1"
  shift
  (on_core 0 "$@") >"$work/$name.log" 2>&1 &
  started+=($!)
  until grep -q '^listening' "$work/$name.log"; do
    if ! kill -0 $! 2>/dev/null; then cat "$work/$name.log" >&2 && exit 1; fi
    sleep 0.1
  done
  sed -n 's/^listening \([^ ]*\).*/\1/p' "$work/$name.log" >"$work/$name.at"
}

load() { # NAME: right replies a second
  (on_core 1 "$command" load --connect "$(cat "$work/$1.at")" --protocol rpc --connections 50 --depth "$depth" \
    --warmup 500ms --duration "${seconds}s" --json "$work/load.json") >/dev/null
  sed -n 's/.*"throughput_per_s": *\([0-9]*\).*/\1/p' "$work/load.json" | head -1
}

median() { sort -n "$1" | awk '{ value[NR] = $1 } END { printf "%.0f\n", (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2 }'; }

start svc_run "$work/svc_run" tcp
start "$model" "$command" serve --model "$model" --protocol rpc --listen tcp://127.0.0.1:0

printf '%-8s %14s %14s\n' round svc_run "$model"
for round in $(seq "$rounds"); do
  for name in svc_run "$model"; do load "$name" >>"$work/$name.rates"; done
  printf '%-8s %14s %14s\n' "$round" "$(tail -1 "$work/svc_run.rates")" "$(tail -1 "$work/$model.rates")"
done
a="$(median "$work/svc_run.rates")" b="$(median "$work/$model.rates")"
printf '%-8s %14s %14s   calls/s at depth %s\n' median "$a" "$b" "$depth"
awk -v a="$a" -v b="$b" -v model="$model" 'BEGIN { printf "%s / svc_run: %.2f\n", model, b / a }'

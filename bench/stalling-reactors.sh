#!/usr/bin/env bash
# How long do clients of an NFS server wait while it does disk I/O for another? One client writes a file again and again, and has the server put it
# on the disk (COMMIT, fsync(2)); meanwhile another makes 500 calls a second of the procedure NULL, which needs no disk. Prints the latencies of those
# calls for each model. A reactor does everything in one thread: they wait for the disk too. The files are in TMPDIR, which is to be on a disk.
#   bench/stalling-reactors.sh [MODEL …]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly command="${MULTIPLEX_COMMAND:-artifacts/multiplex/multiplex}" seconds="${SECONDS_EACH:-5}" megabytes="${MEGABYTES:-64}"
models=("$@")
((${#models[@]})) || models=(poll epoll reactors pool threads fork prefork hybrid uring)

if [[ ! -x "$command" ]]; then
  echo "bench/stalling-reactors.sh: there is no $command: run ./run-all.sh build, or set MULTIPLEX_COMMAND" >&2
  exit 2
fi

# shellcheck source=bench/scratch.sh
source bench/scratch.sh

mkdir "$work/tree"
head -c "${megabytes}M" /dev/urandom >"$work/file"

value() { sed -n "/\"latency_us\"/,/}/s/.*\"$1\": *\([0-9.]*\).*/\1/p" "$work/load.json" | head -1; }

write_again_and_again() {
  while "$command" nfs put "$work/file" "$1/file" >/dev/null 2>"$work/put.log"; do echo >>"$work/put.count"; done
}

printf '%-10s %10s %10s %10s %8s   latency of NULL in µs, and files of %s MiB written\n' model p50 p99 max files "$megabytes"
for model in "${models[@]}"; do
  : >"$work/server.log"   # here, and not when the server starts: the loop below reads it at once
  "$command" serve --model "$model" --protocol nfs --export "$work/tree=/x,insecure,no_root_squash" --state "$work/state" \
    --listen tcp://127.0.0.1:0 >>"$work/server.log" 2>&1 &
  server=$!
  started+=("$server")
  until grep -q '^listening' "$work/server.log"; do
    if ! kill -0 "$server" 2>/dev/null; then cat "$work/server.log" >&2 && exit 1; fi
    sleep 0.1
  done
  address="$(sed -n 's/^listening tcp:\/\/\([^ ]*\).*/\1/p' "$work/server.log")"
  : >"$work/put.count"
  write_again_and_again "nfs://$address/x" &
  writer=$!
  started+=("$writer")
  "$command" load --connect "tcp://$address" --program 100003/3 --connections 4 --rate 500 --warmup 1s --duration "${seconds}s" --json "$work/load.json" >/dev/null
  printf '%-10s %10.0f %10.0f %10.0f %8d\n' "$model" "$(value p50)" "$(value p99)" "$(value max)" "$(wc -l <"$work/put.count")"
  kill "$writer" "$server"
  wait "$writer" "$server" 2>/dev/null || true
done

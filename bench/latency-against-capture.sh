#!/usr/bin/env bash
# Do the latencies that `multiplex load` tells agree with those on the wire? Captures a run's packets on the loopback interface, takes the
# time from each request to its reply from the capture, and prints both. Needs root, dumpcap and tshark (package tshark).
#   bench/latency-against-capture.sh [RATE] [SECONDS] ['SERVER COMMAND with {port}']
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly rate="${1:-20000}" seconds="${2:-5}" port=42099
readonly command="${MULTIPLEX_COMMAND:-artifacts/multiplex/multiplex}"
readonly server="${3:-$command serve --model epoll --protocol rpc --listen tcp://127.0.0.1:{port}}"

# shellcheck source=bench/scratch.sh
source bench/scratch.sh

${server//\{port\}/$port} >"$work/server.log" 2>&1 &
started+=($!)
for _ in $(seq 100); do
  if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
  sleep 0.1
done

# Headers are enough: a request and its reply follow each other on a connection that has one call under way.
dumpcap -q -i lo -f "tcp port $port" -s 96 -B 256 -w "$work/run.pcap" 2>"$work/dumpcap.log" &
started+=($!)
readonly capture=$!
until grep -q "^File:" "$work/dumpcap.log" 2>/dev/null; do sleep 0.1; done

"$command" load --connect "tcp://127.0.0.1:$port" --protocol rpc --connections 50 --depth 1 --rate "$rate" \
  --warmup 1s --duration "${seconds}s" --json "$work/load.json" >&2
sleep 0.5
kill -INT "$capture"
wait "$capture" || true
grep -i "dropped" "$work/dumpcap.log" >&2 || true

figure() { # SECTION NAME: a number of the report
  sed -n "/\"$1\": {/,/}/p" "$work/load.json" | grep -m1 "\"$2\":" | sed 's/.*: //; s/,//'
}

# The warm-up's packets are left out, as its requests are in the report.
tshark -r "$work/run.pcap" -T fields -e frame.time_relative -e tcp.stream -e tcp.dstport -e tcp.len 2>/dev/null |
  awk -v port="$port" '
    $4 > 0 && $3 == port { asked[$2] = $1; if (first == "") first = $1 }
    $4 > 0 && $3 != port && ($2 in asked) { if (asked[$2] >= first + 1) printf "%.3f\n", ($1 - asked[$2]) * 1e6; delete asked[$2] }' |
  sort -n >"$work/wire"
count="$(wc -l <"$work/wire")"
wire() { sed -n "$(((count * $1 + 99) / 100))p" "$work/wire"; }

printf '%-34s %10s %10s\n' "" "p50 us" "p99 us"
printf '%-34s %10s %10s\n' "load, from when due" "$(figure latency_us p50)" "$(figure latency_us p99)"
printf '%-34s %10s %10s\n' "load, from sending" "$(figure service_us p50)" "$(figure service_us p99)"
printf '%-34s %10s %10s   (%s pairs)\n' "capture, from request to reply" "$(wire 50)" "$(wire 99)" "$count"
awk -v a="$(figure latency_us p50)" -v b="$(wire 50)" -v c="$(figure latency_us p99)" -v d="$(wire 99)" \
  'BEGIN { printf "%-34s %9.1f%% %9.1f%%\n", "load above the capture by", 100 * (a / b - 1), 100 * (c / d - 1) }'

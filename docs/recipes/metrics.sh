#!/usr/bin/env bash
# A server whose metrics Prometheus scrapes. Needs prometheus, promtool and multiplex on PATH; no privileges.
set -euo pipefail
readonly server=tcp://127.0.0.1:4000 metrics=127.0.0.1:9464 prometheus=http://127.0.0.1:9090
folder="$(mktemp -d)"
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT

until_it() { # COMMAND …: until it succeeds, or for a minute
  local i
  for ((i = 0; i < 600; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$*: still fails" >&2
  exit 1
}

value() { promtool query instant "$prometheus" "$1" | sed -n 's/.*=> \([^ ]*\) .*/\1/p'; }   # of an expression with one series
is() { found="$(value "$1")"; [[ "$found" == "$2" ]]; }   # after a scrape that failed there is no value

multiplex serve --model epoll --listen "$server" --metrics "tcp://$metrics" &
cat >"$folder/prometheus.yml" <<END
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: multiplex
    static_configs: [{targets: ["$metrics"]}]
END
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --web.listen-address=127.0.0.1:9090 2>"$folder/log" &
until_it multiplex call "$server" null
multiplex load "$server" --connections 4 --requests 1000 >/dev/null

until_it is 'multiplex_server_calls_total' 1001
echo "calls: $found"
until_it is 'sum(multiplex_rpc_duration_seconds_count)' 1001
echo "in the histogram: $found"

#!/usr/bin/env bash
# A load from two agents, whose latencies a third measures; all on one machine. Needs nats-server and multiplex on PATH; no privileges.
set -euo pipefail
readonly nats=nats://127.0.0.1:4222 server=tcp://127.0.0.1:4000
folder="$(mktemp -d)"
trap 'kill -TERM $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT

until_it() { # COMMAND …: until it succeeds, or for a minute
  for ((i = 0; i < 600; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$*: still fails" >&2
  exit 1
}

nats-server --addr 127.0.0.1 2>"$folder/nats.log" &
multiplex serve --model epoll --listen "$server" &
until_it multiplex call "$server" null

# On other machines: the same, with the address of NATS.
multiplex agent --nats "$nats" --name one &
multiplex agent --nats "$nats" --name two &
multiplex agent --nats "$nats" --name probe --role measure &

# Figures are those of all agents together. The agents make half of it each. On a machine that does other things too, an agent may not be heard for a while.
multiplex load "$server" --agents 2 --nats "$nats" --agents-timeout 25s --connections 20 --rate 1000 --measure-rate 100 --duration 2s --slo 'p50<10s'

# A closed loop, whose latencies are those of the agents that load.
multiplex load "$server" --agents 2 --nats "$nats" --agents-timeout 25s --connections 20 --requests 2000

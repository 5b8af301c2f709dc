#!/usr/bin/env bash
# Three upgrades of a server under load: another one takes over each time. Needs multiplex on PATH; no privileges.
set -euo pipefail
readonly server=tcp://127.0.0.1:4000
folder="$(mktemp -d)"
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT

serve() { multiplex serve --model "$1" --listen "$server" --takeover unix:@multiplex-upgrade >"$folder/$1.out" 2>&1 & }

until_it() { # COMMAND …: until it succeeds, or for a minute
  local i
  for ((i = 0; i < 600; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$*: still fails" >&2
  exit 1
}

serve epoll
until_it multiplex call "$server" null
before=$!

# A client each time, one after the other; a connection that is refused, or a call that is lost, is exit 1.
(until [[ -e "$folder/stop" ]]; do multiplex call "$server" add 1 >/dev/null || exit 1; echo >>"$folder/calls"; done) &
clients=$!
for model in threads uring poll; do
  serve "$model"
  wait "$before"   # the one before has handed over its sockets, and has drained
  before=$!
done

touch "$folder/stop"
wait "$clients"
calls=$(wc -l <"$folder/calls")
[[ "$(multiplex call "$server" add 0)" == "$calls" ]]
echo "three upgrades: no client was refused, and each call ran once"

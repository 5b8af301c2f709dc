#!/usr/bin/env bash
# Two machines, played by two addresses of this one: each has a name service, and both share an etcd. Needs etcd and multiplex on PATH; no privileges.
set -euo pipefail
readonly etcd=etcd://127.0.0.1:2379 first=tcp://127.0.0.1:4111 second=tcp://127.0.0.2:4111
folder="$(mktemp -d)"
trap 'kill -KILL $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT

until_it() { # COMMAND …: until it succeeds, or for a minute
  for ((i = 0; i < 600; i++)); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  echo "$*: still fails" >&2
  exit 1
}

etcd --data-dir "$folder/etcd" >"$folder/etcd.log" 2>&1 &
multiplex rpcbind --listen "$first" --backend "$etcd" &
multiplex rpcbind --listen "$second" --backend "$etcd" --export-srv "$folder/fleet.zone" &

# A server of the first machine, which knows nothing of etcd; and one that has no name service.
until_it multiplex rpcinfo --rpcbind "$first"
multiplex serve --model epoll --listen tcp://127.0.0.1:0 --rpcbind "$first" &
server=$!
until_it multiplex call "rpc+$etcd/multiplex/1" null
multiplex serve --model epoll --listen tcp://127.0.0.1:0 --register-at "$etcd" &

# Clients of the second machine find both in turn, and so does what asks etcd itself.
until_it multiplex call --rpcbind "$second" rpc://127.0.0.2/multiplex/1 null
multiplex call --rpcbind "$second" rpc://127.0.0.2/multiplex/1 whoami
multiplex call "rpc+$etcd/multiplex/1" whoami
until_it sh -c "test \$(grep -c '_rpc-536888643-1._tcp .* SRV' '$folder/fleet.zone') = 2"
cat "$folder/fleet.zone"

# A server that is killed is gone from all of them.
kill -KILL "$server"
until_it sh -c "test \$(grep -c ' SRV ' '$folder/fleet.zone') = 1"
echo "the killed server is gone"

#!/usr/bin/env bash
# Two servers behind HAProxy, which share in a Redis which calls they have run. Needs haproxy, redis-server and multiplex on PATH; no privileges.
set -euo pipefail
readonly redis=redis://127.0.0.1:6379 proxy=tcp://127.0.0.1:4110
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

# What Redis has acknowledged outlives a crash, and nothing is evicted before its time.
redis-server --bind 127.0.0.1 --dir "$folder" --save '' --appendonly yes --appendfsync always --maxmemory-policy noeviction >"$folder/redis.log" &
until_it redis-cli ping

# HAProxy connects from 127.0.0.2, and names the client of each connection.
for port in 4111 4112; do
  multiplex serve --model epoll --listen "tcp://127.0.0.1:$port" --proxy-protocol 127.0.0.2 --reply-store "$redis" &
done
server=$!
cat >"$folder/haproxy.cfg" <<'END'
defaults
  mode tcp
  timeout connect 1s
  timeout client 10m
  timeout server 10m
  timeout check 30s
  option redispatch 1
listen fleet
  bind 127.0.0.1:4110
  source 127.0.0.2
  balance roundrobin
  server one 127.0.0.1:4111 send-proxy-v2 check inter 200ms check-send-proxy
  server two 127.0.0.1:4112 send-proxy-v2 check inter 200ms check-send-proxy
END
haproxy -f "$folder/haproxy.cfg" &
for port in 4110 4111 4112; do until_it multiplex call "tcp://127.0.0.1:$port" null; done

sum() { multiplex call "tcp://127.0.0.1:$1" add 0; } # PORT: the sum of that server
expect() { # WHAT IS WANTED
  [[ "$2" == "$3" ]] || { echo "$1: $2, not $3" >&2; exit 1; }
}

add() { # ADD 1 by the proxy, once it reaches a server: a call that fails may have run, so it is not repeated
  until_it multiplex call "$proxy" null
  multiplex call --auth sys "$proxy" add 1 >/dev/null
}

# Each call is claimed in Redis, run by one of the servers, and its reply recorded there.
for _ in {1..10}; do add; done
one="$(sum 4111)" two="$(sum 4112)"
replies="$(redis-cli --scan --pattern 'multiplex:20004543.1.4:*' | wc -l)"
expect "sum of the servers" "$((one + two))" 10
expect "replies in Redis" "$replies" 10
echo "sums of the servers: $one and $two; replies in Redis: $replies"

# One call, ADD 100, with the same client (AUTH_SYS, a random stamp) and xid to each server: the other one has the first reply. A client that repeats a call does the same.
repeated='\x80\0\0\x4c'                                                     # one record of 76 bytes
repeated+='\0\0\0\x7\0\0\0\0\0\0\0\x2\x20\0\x45\x43\0\0\0\x1\0\0\0\x4'      # xid 7, CALL, RPC version 2, the program, version 1, ADD
repeated+='\0\0\0\x1\0\0\0\x1c\xc0\0\0\x1\0\0\0\x6recipe\0\0\0\0\0\0\0\0\0\0\0\0\0\0' # AUTH_SYS of 28 bytes: stamp, machine, user, group, no more groups
repeated+='\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x64'                              # no verifier; 100
send() { # PORT: sends it, and writes the number in the reply
  local connection
  exec {connection}<>"/dev/tcp/127.0.0.1/$1"
  printf "$repeated" >&"$connection"
  echo "$((0x$(head -c 36 <&"$connection" | tail -c 8 | od -An -tx1 | tr -d ' \n')))"
  exec {connection}>&-
}
first="$(send 4111)" again="$(send 4112)"
expect "the first reply" "$first" "$((one + 100))"
expect "the reply to the repeat" "$again" "$first"
expect "sum of the servers" "$(($(sum 4111) + $(sum 4112)))" 110
echo "a call and its repeat to the other server: $first and $again"

# After a server is killed, the other one runs all calls.
kill -KILL "$server"
before="$(sum 4111)"
for _ in {1..10}; do add; done
more="$(($(sum 4111) - before))"
expect "calls of the other server" "$more" 10
echo "the other server has run $more more"

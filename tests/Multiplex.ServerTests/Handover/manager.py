"""A service manager of the kind that listens for its service: manager.py RUNS [NAME=]ENDPOINT... -- COMMAND [ARGUMENT...]

It binds the sockets, passes them to the command as sd_listen_fds(3) describes, and starts the command RUNS times, each time when the one
before has ended. The sockets stay open all the time, and so do the descriptors that the command has it store. An endpoint that begins with "connection:" is an accepted connection, "closed:" is a
socket that does not listen, "file:" is no socket.
"""

import os
import socket
import sys

FIRST = 3
TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM, "unix": socket.SOCK_STREAM, "unixpacket": socket.SOCK_SEQPACKET, "unixgram": socket.SOCK_DGRAM}


def bound(endpoint):
    kind, rest = endpoint.split(":", 1)
    if kind in ("tcp", "udp"):
        host, port = rest[2:].rsplit(":", 1)
        made = socket.socket(socket.AF_INET6 if host[0] == "[" else socket.AF_INET, TYPES[kind])
        made.bind((host.strip("[]"), int(port)))
    else:
        made = socket.socket(socket.AF_UNIX, TYPES[kind])
        made.bind("\0" + rest[1:] if rest[0] == "@" else rest)
    return made


def opened(endpoint):
    kind, rest = endpoint.split(":", 1)
    if kind == "file":
        return open(rest, "rb")
    if kind == "connection":
        return socket.socketpair()[0]
    if kind == "closed":
        return bound(rest)
    made = bound(endpoint)
    if TYPES[kind] != socket.SOCK_DGRAM:
        made.listen(128)
    return made


def run(command, sockets, names, notified):
    at = "@" + notified.getsockname()[1:].decode()
    child = os.fork()
    if child == 0:
        above = max([FIRST + len(sockets), *(one.fileno() for one in sockets)]) + 1
        for i, one in enumerate(sockets):
            os.dup2(one.fileno(), above + i)
        for i in range(len(sockets)):
            os.dup2(above + i, FIRST + i)   # inheritable
            os.close(above + i)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=":".join(names), NOTIFY_SOCKET=at)
        os.execvp(command[0], command)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stored(notified):
    """What has been said: of it, the descriptors with their names."""
    while True:
        try:
            said, descriptors, _, _ = socket.recv_fds(notified, 4096, 1)
        except BlockingIOError:
            return
        lines = said.decode().split("\n")
        if "FDSTORE=1" in lines:
            yield os.fdopen(descriptors[0], "rb"), next(line for line in lines if line.startswith("FDNAME="))[len("FDNAME="):]


def main(runs, *words):
    end = words.index("--")
    names, endpoints = zip(*(word.split("=", 1) if "=" in word else ("", word) for word in words[:end]))
    names, sockets = list(names), [opened(endpoint) for endpoint in endpoints]
    for one in sockets:
        os.set_inheritable(one.fileno(), False)
    notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notified.bind("")   # the kernel chooses an abstract name
    notified.setblocking(False)
    for _ in range(int(runs)):
        status = run(words[end + 1:], sockets, names, notified)
        for one, name in stored(notified):
            sockets.append(one)
            names.append(name)
    sys.exit(status)


main(*sys.argv[1:])

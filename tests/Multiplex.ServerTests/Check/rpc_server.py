"""An ONC RPC server, RFC 5531, over TCP and UDP on one port: procedures 0 (NULL) and 1 (ECHO) of the program of multiplex.x.
Sound, unless its second argument is one of the faults below."""

import socket
import socketserver
import struct
import sys
import threading

PROGRAM, VERSION = 0x20004543, 1
FAULTS = (
    "wrong-xid", "one-read", "first-fragment", "program-for-version", "low-high", "any-rpc-version", "trusts-mark", "no-end",
    "answers-once", "ends-on-garbage",
)
FAULT = sys.argv[2] if len(sys.argv) > 2 else ""
assert FAULT in ("",) + FAULTS, FAULT
LAST, LONGEST = 0x80000000, 1 << 20
answered = set()


def answer(call):
    """The reply message; None for what is no call."""
    if len(call) < 40:
        if FAULT == "ends-on-garbage":
            raise ValueError("not a call")
        return None
    xid, kind, rpc, program, version, procedure = struct.unpack_from(">6I", call)
    if kind != 0:
        return None
    if FAULT == "wrong-xid":
        xid ^= 1
    if FAULT == "answers-once":
        if xid in answered:
            return None
        answered.add(xid)
    if rpc != 2 and FAULT != "any-rpc-version":
        return struct.pack(">6I", xid, 1, 1, 0, 2, 2)
    arguments = call[40:]
    results = b""
    if program != PROGRAM or (version != VERSION and FAULT == "program-for-version"):
        status = 1
    elif version != VERSION:
        status, results = 2, struct.pack(">2I", *((0, 0) if FAULT == "low-high" else (VERSION, VERSION)))
    elif procedure > 1:
        status = 3
    elif procedure == 1 and len(arguments) < 4:
        status = 4
    else:
        status, results = 0, arguments
    return struct.pack(">6I", xid, 1, 0, 0, 0, status) + results


class Connection(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while True:
                reply = answer(self.record())
                if reply is not None:
                    self.request.sendall(struct.pack(">I", LAST | len(reply)) + reply)
        except (EOFError, ConnectionError):
            pass
        if FAULT == "no-end":
            threading.Event().wait()

    def record(self):
        if FAULT == "one-read":
            data = self.request.recv(65536)
            if not data:
                raise EOFError
            return data[4:]
        message = b""
        while True:
            (mark,) = struct.unpack(">I", self.bytes(4))
            length = mark & ~LAST
            if FAULT == "trusts-mark":
                room = bytearray(min(length, 128 * LONGEST))
            elif len(message) + length > LONGEST:
                raise EOFError
            message += self.bytes(length)
            if mark & LAST or FAULT == "first-fragment":
                return message

    def bytes(self, count):
        data = b""
        while len(data) < count:
            some = self.request.recv(min(count - len(data), 65536))
            if not some:
                raise EOFError
            data += some
        return data


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def datagrams(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", port))
        while True:
            call, peer = receiver.recvfrom(65536)
            reply = answer(call)
            if reply is not None:
                receiver.sendto(reply, peer)


port = int(sys.argv[1])
threading.Thread(target=datagrams, args=(port,), daemon=True).start()
with Server(("127.0.0.1", port), Connection) as server:
    server.serve_forever()

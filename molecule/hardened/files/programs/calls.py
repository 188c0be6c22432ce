"""calls.py KIND...: a connection of each kind (tcp, udp, unix) ten times a second, for ever; says so now and then."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import time

FAMILIES = {
    "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
    "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
    "unix": (socket.AF_UNIX, socket.SOCK_STREAM, ""),
}


def serve(listener: socket.socket) -> None:
    kept: list[socket.socket] = []
    while True:
        kept = [*kept[-3:], listener.accept()[0]]


def main(kinds: list[str]) -> None:
    servers = {}
    for kind in kinds:
        family, kind_of_socket, address = FAMILIES[kind]
        servers[kind] = socket.socket(family, kind_of_socket)
        servers[kind].bind(address)
        if kind_of_socket == socket.SOCK_STREAM:
            servers[kind].listen()
            threading.Thread(target=serve, args=(servers[kind],), daemon=True).start()
    for number in itertools.count(1):
        clients = []
        for kind, server in servers.items():
            family, kind_of_socket, _address = FAMILIES[kind]
            clients.append(socket.socket(family, kind_of_socket))
            clients[-1].connect(server.getsockname())
            clients[-1].send(b"hello")
        if number % 5 == 0:
            on = [one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for one in clients]
            print("round", number, dict(zip(kinds, on)), flush=True)
        time.sleep(0.1)
        for one in clients:
            one.close()


main(sys.argv[1:])

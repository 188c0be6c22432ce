"""client.py SERVER KIND-PATH: hold one connection, and never set a socket option.

KIND: idle waits for what the server says, which is nothing; sender sends a line on SIGUSR1 and waits for the answer.
PATH: spared is port 7001; anything else is port 7000, which the test cuts off.

What happens to the connection is printed as one JSON object a line: connected, asked, answered, ended (with the name of
the errno), each at its time since boot, which the hosts share because they share the kernel.
"""

from __future__ import annotations

import errno
import json
import signal
import socket
import sys
import time

WAKE = {signal.SIGUSR1}


def report(event: str, **more: str) -> None:
    print(json.dumps({"event": event, "at": time.clock_gettime(time.CLOCK_BOOTTIME), **more}), flush=True)


def connected(server: str, port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection((server, port), timeout=None)
        except OSError as error:
            print(f"{server} port {port}: {error}", file=sys.stderr, flush=True)
            time.sleep(0.2)


def hold(connection: socket.socket, kind: str) -> str:
    """Use the connection until it ends; return the name of its errno, or EOF."""
    try:
        while True:
            if kind == "sender":
                signal.sigwait(WAKE)
                report("asked")
                connection.sendall(b"are you there?\n")
            if not connection.recv(4096):
                return "EOF"
            report("answered")
    except OSError as error:
        return errno.errorcode[error.errno or 0]


def main() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, WAKE)
    server, name = sys.argv[1:]
    kind, path = name.split("-")
    while True:
        with connected(server, 7001 if path == "spared" else 7000) as connection:
            report("connected")
            report("ended", error=hold(connection, kind))


if __name__ == "__main__":
    main()

"""linger.py ADDRESS PORT: sockets that linger for hours, whose owner dies while somebody of root's holds duplicates.

Whoever closes the last of them waits for the lingering. Again and again: a new owner for each new Python of root's.
"""

from __future__ import annotations

import os
import socket
import struct
import time

MOST = 800


def own() -> tuple[int, int]:
    """Start a process that holds lingering sockets with data that nobody reads, and the one that does not read it."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2304)
    server.bind(("127.0.0.1", 0))
    server.listen(1024)
    ready, tell = os.pipe()
    reader = os.fork()
    if reader == 0:
        kept = []
        while True:
            kept.append(server.accept()[0])
    owner = os.fork()
    if owner == 0:
        held = []
        for _number in range(MOST):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4608)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 36000))
            one.connect(server.getsockname())
            one.setblocking(False)
            try:
                while True:
                    one.send(b"x" * 4096)
            except BlockingIOError:
                held.append(one)
        os.write(tell, b"!")
        time.sleep(100000)
    os.read(ready, 1)
    server.close()
    os.close(ready)
    os.close(tell)
    return owner, reader


def pythons_of_root(others: set[str]) -> set[str]:
    """Look at all processes but those that were seen to be others than root's: a crowd of them is looked at once."""
    found = set()
    present = set(filter(str.isdigit, os.listdir("/proc")))
    others &= present
    for pid in present - others:
        try:
            if os.stat(f"/proc/{pid}").st_uid != 0:
                others.add(pid)
                continue
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                if file.read() == "python3\n":
                    found.add(pid)
        except OSError:
            continue
    return found


def main() -> None:
    owner, reader = own()
    open(os.environ["READY"], "w", encoding="ascii").close()
    others: set[str] = set()
    known = pythons_of_root(others)
    while True:
        now = pythons_of_root(others)
        if now - known:
            # It reads process by process: somewhere in these moments it is at ours.
            time.sleep(0.2)
            os.kill(owner, 9)
            os.waitpid(owner, 0)
            before = reader
            owner, reader = own()
            os.kill(before, 9)
            os.waitpid(before, 0)
        known = now
        time.sleep(0.05)  # a fifth of what the shortest of them takes: none is missed


if __name__ == "__main__":
    main()

"""cgroups.py ADDRESS PORT: processes in control groups whose names look like those of other units.

A user may make folders below the control group that systemd has delegated to him, with any character but a slash and a
newline in their names.
"""

from __future__ import annotations

import os
import socket
import sys
import time

SEPARATORS = ("\f", "\v", "\r", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
PASTED = "{{ lookup('pipe', 'touch KEEPALIVE-WAS-HERE') }}: x.service"


def delegated() -> str:
    """Return the topmost control group that belongs to us."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        top = "/sys/fs/cgroup" + file.read().strip().split("::", 1)[1]
    while os.access(os.path.join(os.path.dirname(top), "cgroup.procs"), os.W_OK):
        top = os.path.dirname(top)
    return top


def live_in(folder: str, address: str, port: int) -> None:
    """Hold connections, from a process in that folder."""
    os.makedirs(folder, exist_ok=True)
    ready, tell = os.pipe()
    if os.fork() == 0:
        with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        held = [socket.create_connection((address, port)) for _number in range(3)]
        os.write(tell, b"!")
        time.sleep(100000)
        sys.exit(len(held))
    os.close(tell)
    if os.read(ready, 1) != b"!":
        sys.exit(f"nobody lives in {folder!r}")
    os.close(ready)


def main() -> None:
    top = delegated()
    address, port = sys.argv[1], int(sys.argv[2])
    for separator in SEPARATORS:
        live_in(f"{top}/x{separator}0::/system.slice/courier.service", address, port)
        live_in(f"{top}/x{separator}1:name=systemd:/system.slice/idle.service", address, port)
    live_in(f"{top}/system.slice/courier.service", address, port)
    live_in(f"{top}/0::/system.slice/idle.service", address, port)
    live_in(f"{top}/x\f0::/system.slice/{PASTED}", address, port)
    live_in(f"{top}/x\f0::/system.slice/{PASTED.replace('service', 'socket')}", address, port)
    live_in(f"{top}/\x1b[2J\x1b]0;all is right\x07.service", address, port)


if __name__ == "__main__":
    main()
    open(os.environ["READY"], "w", encoding="ascii").close()
    time.sleep(100000)

"""mounts.py ADDRESS PORT: processes that see other files than the host's, in mount namespaces of their user's own.

Whoever opens these through /proc/PID/root waits for ever, reads without an end, or opens a file of the host's.
"""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18

PLACES = ("/etc/ld.so.preload", "/etc/libkeepalive.conf", "/usr/lib/libkeepalive/libkeepalive.so")


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    if libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None) != 0:
        sys.exit(f"mount {target}: {os.strerror(ctypes.get_errno())}")


def fifo(path: str) -> None:
    os.mkfifo(path, 0o666)


def link_to(target: str):
    return lambda path: os.symlink(target, path)


def endless(path: str) -> None:
    """A file that has no end within anybody's life."""
    with open(path, "wb") as file:
        file.write(b"\x7fELF")
        file.truncate(1 << 45)


def folder(path: str) -> None:
    os.mkdir(path)


def namespace(make, address: str, port: int) -> None:
    """Hold a connection, from a process that sees something else in each place."""
    ready, tell = os.pipe()
    if os.fork() == 0:
        uid, gid = os.getuid(), os.getgid()
        held = socket.create_connection((address, port))
        if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
            sys.exit(f"unshare: {os.strerror(ctypes.get_errno())}")
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        mount("t", "/etc", "tmpfs", 0)
        mount("t", "/usr/lib", "tmpfs", 0)
        os.makedirs("/usr/lib/libkeepalive")
        for path in PLACES:
            make(path)
        os.write(tell, b"!")
        time.sleep(100000)
        held.close()
    os.close(tell)
    if os.read(ready, 1) != b"!":
        sys.exit(f"{make} was not made")
    os.close(ready)


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    for make in (fifo, link_to("/dev/zero"), link_to("/proc/1/fd/0"), link_to("/root/fifo"), endless, folder):
        namespace(make, address, port)


if __name__ == "__main__":
    main()
    open(os.environ["READY"], "w", encoding="ascii").close()
    time.sleep(100000)

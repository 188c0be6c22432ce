"""actor.py ROLE: a service that does one thing with its TCP sockets, and then nothing more."""

from __future__ import annotations

import array
import os
import signal
import socket
import sys

PORT = 9000
HANDOVER = "/run/handover.sock"
FIRST_PASSED = 3
"""The descriptor with which sd_listen_fds(3) begins."""


def connected(port: int = PORT, **options: int) -> socket.socket:
    own = socket.create_connection(("127.0.0.1", port))
    for name, value in options.items():
        own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return own


def told(text: str, *descriptors: int) -> None:
    """sd_notify(3)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.connect(os.environ["NOTIFY_SOCKET"])
        own.sendmsg([text.encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))])


def serve(*_unused: str) -> object:
    """Accept whatever comes, for ever."""
    with socket.create_server(("127.0.0.1", PORT), backlog=100) as listening:
        told("READY=1")
        kept = []
        while True:
            kept.append(listening.accept()[0])


def client(keepidle: str = "") -> object:
    """Connect, and tune the connection afterwards where that is asked for."""
    return connected(**({"TCP_KEEPIDLE": int(keepidle)} if keepidle else {}))


def giver(*_unused: str) -> object:
    """Connect, and hand the connection to who asks for it."""
    given = connected()
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(HANDOVER)
        own.listen()
        told("READY=1")
        while True:
            taker, _address = own.accept()
            taker.sendmsg([b"+"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [given.fileno()]))])


def taker(*_unused: str) -> object:
    """Take over a connection."""
    with socket.socket(socket.AF_UNIX) as own:
        own.connect(HANDOVER)
        _data, ancillary, _flags, _address = own.recvmsg(1, socket.CMSG_SPACE(4))
    return socket.socket(fileno=int.from_bytes(ancillary[0][2][:4], sys.byteorder))


def storer(*_unused: str) -> object:
    """Leave the connection with systemd, and get it back after a restart."""
    if "LISTEN_FDS" in os.environ:
        return socket.socket(fileno=FIRST_PASSED)
    own = connected()
    told("FDSTORE=1", own.fileno())
    return own


def inheritor(*_unused: str) -> object:
    """Accept from systemd's listener."""
    listening = socket.socket(fileno=FIRST_PASSED)
    return listening, listening.accept()


def multipath(*_unused: str) -> object:
    """Listen for Multipath TCP."""
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    own.bind(("127.0.0.1", 9002))
    own.listen()
    return own


def private(*_unused: str) -> object:
    """Connect within a network namespace of one's own, which has other defaults than the host."""
    with open("/proc/sys/net/ipv4/tcp_keepalive_probes", "w", encoding="ascii") as stream:
        stream.write("4")
    listening = socket.create_server(("127.0.0.1", PORT))
    return listening, connected(), listening.accept()


def waiter(*_unused: str) -> object:
    """Connect when told to."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    told("READY=1")
    signal.sigwait([signal.SIGUSR1])
    return connected()


def main() -> None:
    held = globals()[sys.argv[1]](*sys.argv[2:])
    if "NOTIFY_SOCKET" in os.environ:
        told("READY=1")
    signal.pause()
    del held


if __name__ == "__main__":
    main()

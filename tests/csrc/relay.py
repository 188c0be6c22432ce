# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A relay between a real client and its server that looks at the client's own socket while the two talk."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import select
import socket
import threading
import typing as t
from pathlib import Path

PIDFD_GETFD = 438  # the same on every architecture

Options = t.Dict[str, int]


def socket_of(local: int, remote: int) -> socket.socket:
    """A duplicate of the socket that is connected from port to port, whichever process of this machine has it.

    One port alone is no name: other tests have thousands of sockets, to other ports from the same ones.
    """
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            words = line.split()
            if [int(end.rpartition(":")[2], 16) for end in words[1:3]] == [local, remote] and words[9] != "0":
                inodes.add(f"socket:[{words[9]}]")
    libc = ctypes.CDLL(None, use_errno=True)
    for link in map(Path, glob.iglob("/proc/[0-9]*/fd/*")):
        try:
            if os.readlink(link) not in inodes:
                continue
            process = os.pidfd_open(int(link.parts[2]))
        except OSError:
            continue  # gone meanwhile, or not ours
        try:
            fd = libc.syscall(PIDFD_GETFD, process, int(link.name), 0)
        finally:
            os.close(process)
        if fd >= 0:
            return socket.socket(fileno=fd)
    raise AssertionError(f"no process has a socket from port {local} to port {remote}")


def read_options(local: int, remote: int) -> Options:
    """What the socket that is connected from port to port has, as the kernel reads it back."""
    with socket_of(local, remote) as one:
        level = socket.IPPROTO_TCP
        return {
            "SO_KEEPALIVE": one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            "TCP_KEEPIDLE": one.getsockopt(level, socket.TCP_KEEPIDLE),
            "TCP_KEEPINTVL": one.getsockopt(level, socket.TCP_KEEPINTVL),
            "TCP_KEEPCNT": one.getsockopt(level, socket.TCP_KEEPCNT),
            "TCP_USER_TIMEOUT": one.getsockopt(level, socket.TCP_USER_TIMEOUT),
        }


class Relay:
    """Passes everything on; the options of each client are read when its first bytes have come, before they go on."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.seen: list[Options] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                client, address = self.listener.accept()
            except OSError:
                return  # close() has been called
            self.threads.append(threading.Thread(target=self.serve, args=(client, address[1])))
            self.threads[-1].start()

    def serve(self, client: socket.socket, port: int) -> None:
        with client, socket.create_connection(self.server) as server, contextlib.suppress(ConnectionError):
            other = {client: server, server: client}
            talking, known = [client, server], False
            while talking:
                for one in select.select(talking, [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        talking.remove(one)
                        with contextlib.suppress(OSError):  # the other one has gone as well
                            other[one].shutdown(socket.SHUT_WR)
                        continue
                    if one is client and not known:
                        self.seen.append(read_options(port, self.port))
                        known = True
                    other[one].sendall(data)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept()
        for thread in self.threads:
            thread.join(20)
        self.listener.close()

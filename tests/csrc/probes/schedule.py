# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""schedule.py SCENARIO LIMIT, in a network namespace of its own: how long does a connection live that goes nowhere?

Prints the seconds and the error's name, or "alive" when LIMIT (s) is over. The seconds are counted from before the
kernel's own timer has begun, so a busy machine makes them more, never less. The scenarios:
  idle      the peer is gone, the client waits for data        accepted  the client is gone, the server waits
  data      the peer is gone, the client has sent something    window    the peer is there and does not read
  connect   nobody answers the first packet
"""

from __future__ import annotations

import errno
import select
import socket
import subprocess
import sys
import time

ADDRESS = ("127.0.0.1", 4711)


def cut() -> None:
    """From now on every packet is swallowed, without a word."""
    rules = "table inet black {\nchain hole {\ntype filter hook input priority 0; policy drop;\n}\n}\n"
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)


def fill(client: socket.socket) -> float:
    """Send until the peer's window is shut and this side's buffer is full; since when it is."""
    client.setblocking(False)
    last = time.monotonic()
    while (now := time.monotonic()) < last + 0.5:
        try:
            client.send(bytes(65536))
            last = now
        except BlockingIOError:
            time.sleep(0.02)  # what is on its way is acknowledged meanwhile
    return last


def main(scenario: str, limit: float) -> str:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    server, client = socket.socket(), socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(ADDRESS)
    server.listen()
    waiting = client
    if scenario == "connect":
        cut()
        client.setblocking(False)
    begin = time.monotonic()
    error = client.connect_ex(ADDRESS)
    if scenario == "connect":
        assert error == errno.EINPROGRESS, error
    else:
        assert error == 0, error
        accepted = server.accept()[0]
        if scenario != "window":
            cut()
        if scenario == "data":
            begin = time.monotonic()
            client.send(b"x")
        if scenario == "accepted":
            waiting = accepted
        if scenario == "window":
            begin = fill(client)
    poll = select.poll()
    poll.register(waiting, 0)  # errors alone
    if not poll.poll(limit * 1000):
        return "alive"
    seconds = time.monotonic() - begin
    return f"{seconds:.2f} {errno.errorcode[waiting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)]}"


if __name__ == "__main__":
    print(main(sys.argv[1], float(sys.argv[2])))

"""slow_nts.py: take connections on the port of Network Time Security, and never answer, so that they stay open."""

from __future__ import annotations

import socket

with socket.create_server(("127.0.0.1", 4460)) as server:
    taken = []
    while True:
        taken.append(server.accept())

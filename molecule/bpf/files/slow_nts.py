"""slow_nts.py: take connections on the port of Network Time Security, and never answer, so that they stay open."""

from __future__ import annotations

import socket

with socket.create_server(("::", 4460), family=socket.AF_INET6, dualstack_ipv6=True) as server:
    taken = []
    while True:
        taken.append(server.accept())

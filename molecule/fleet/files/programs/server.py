"""server.py PORT: accept connections and keep them."""

from __future__ import annotations

import socket
import sys

kept = []
with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=99) as server:
    while True:
        kept = [*kept[-99:], server.accept()]

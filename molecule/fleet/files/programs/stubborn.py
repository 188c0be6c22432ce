"""stubborn.py ADDRESS PORT: hold a connection, and set its keepalive time to 5 s whatever anybody else has set."""

from __future__ import annotations

import signal
import socket
import sys

held = socket.create_connection((sys.argv[1], int(sys.argv[2])))
held.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
signal.pause()

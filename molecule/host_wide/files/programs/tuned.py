"""tuned.py ADDRESS PORT: hold one connection, with keepalive turned on before it is opened."""

from __future__ import annotations

import socket
import sys

connection = socket.socket()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
connection.connect((sys.argv[1], int(sys.argv[2])))
connection.recv(1)

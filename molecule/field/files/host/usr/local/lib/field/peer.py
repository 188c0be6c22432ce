"""Listen on port 9100 of this host and keep what comes; it never sets a socket option."""

from __future__ import annotations

import selectors
import socket

selector = selectors.DefaultSelector()
server = socket.create_server(("127.0.0.1", 9100))
selector.register(server, selectors.EVENT_READ)
while True:
    for key, _events in selector.select():
        if key.fileobj is server:
            selector.register(server.accept()[0], selectors.EVENT_READ)
            continue
        try:
            alive = bool(key.fileobj.recv(4096))
        except OSError:
            alive = False
        if not alive:
            selector.unregister(key.fileobj)
            key.fileobj.close()

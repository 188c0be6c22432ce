#!/usr/bin/env python3
"""hold.py ADDRESS PORT [CONNECTIONS]: keep connections open and do nothing with them, as a client with a pool does.

It never sets a socket option. A connection that ends is opened again; a server that is not there is tried again.
"""

from __future__ import annotations

import select
import socket
import sys
import time


def connected(address: str, port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection((address, port), timeout=None)
        except OSError as error:
            print(f"{address} port {port}: {error}", file=sys.stderr, flush=True)
            time.sleep(0.2)


def main() -> None:
    address, port = sys.argv[1], int(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    pool = [connected(address, port) for _number in range(count)]
    while True:
        for ended in select.select(pool, [], [])[0]:
            try:
                alive = bool(ended.recv(4096))
            except OSError as error:
                print(f"{address} port {port}: {error}", file=sys.stderr, flush=True)
                alive = False
            if not alive:
                pool.remove(ended)
                ended.close()
                pool.append(connected(address, port))


if __name__ == "__main__":
    main()

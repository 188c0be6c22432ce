"""traffic.py KIND [COUNT]: COUNT clients that are never silent for long, or without COUNT one that comes and goes.

KIND is nginx, redis, postgres, or private: a server of its own, for a unit that nobody outside can reach. What happened
so far is in /run/traffic/KIND.json or KIND-passing.json, written anew every second: requests, failures, the seconds
that they took, and what getsockopt(2) says of the clients' sockets in this process. Nothing here sets a socket option.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import struct
import sys
import time

PORTS = {"nginx": 8080, "redis": 6379, "postgres": 5432, "private": 7}
PATIENCE = 20.0
OPTIONS = ((1, 9), (6, 4), (6, 5), (6, 6), (6, 18))
"""SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT."""


class Client:
    """One connection; speaks as much of a protocol as a request takes."""

    def __init__(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.kind, self.reader, self.writer, self.requests = kind, reader, writer, 0

    @classmethod
    async def connect(cls, kind: str) -> Client:
        client = cls(kind, *await asyncio.open_connection("127.0.0.1", PORTS[kind]))
        if kind == "postgres":
            startup = b"\0\3\0\0user\0postgres\0database\0postgres\0\0"
            client.writer.write(struct.pack("!I", len(startup) + 4) + startup)
            await client.until_ready()
        return client

    async def until_ready(self) -> None:
        while True:
            kind, length = struct.unpack("!cI", await self.reader.readexactly(5))
            body = await self.reader.readexactly(length - 4)
            if kind == b"E":
                raise ConnectionError(body.replace(b"\0", b" ").decode(errors="replace"))
            if kind == b"Z":
                return

    async def request(self) -> None:
        if self.kind == "nginx":
            self.writer.write(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
            head = await self.reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 204 "):
                raise ConnectionError(head.decode(errors="replace"))
        elif self.kind == "postgres":
            query = b"SELECT pg_backend_pid()\0"
            self.writer.write(b"Q" + struct.pack("!I", len(query) + 4) + query)
            await self.until_ready()
        else:
            self.writer.write(b"PING\r\n")
            if await self.reader.readline() != b"+PONG\r\n":
                raise ConnectionError("no PONG")
        self.requests += 1

    async def end(self) -> None:
        """Let the server close, and wait for its FIN."""
        goodbye = {"nginx": b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n", "postgres": b"X\0\0\0\4"}
        self.writer.write(goodbye.get(self.kind, b"QUIT\r\n"))
        while await self.reader.read(65536):
            pass
        self.writer.close()


class Traffic:
    def __init__(self, kind: str, count: int) -> None:
        self.kind, self.count = kind, count
        self.clients: list[Client] = []
        self.failures: list[str] = []
        self.took: dict[str, list[float]] = {"request": [], "end": []}
        self.slowest: list[tuple[float, str, float]] = []
        self.number = {"request": 0, "end": 0}

    async def timed(self, what: str, doing) -> None:
        started = time.monotonic()
        await asyncio.wait_for(doing, PATIENCE)
        seconds = time.monotonic() - started
        self.number[what] += 1
        self.took[what].append(seconds)
        self.slowest = sorted([*self.slowest, (round(seconds, 4), what, round(time.time(), 1))])[-5:]

    async def keep_asking(self, client: Client) -> None:
        while True:
            await self.timed("request", client.request())
            await asyncio.sleep(random.uniform(2, 3) * max(1, self.count / 250))

    async def come_and_go(self) -> None:
        while True:
            client = await Client.connect(self.kind)
            await self.timed("request", client.request())
            await self.timed("end", client.end())
            await asyncio.sleep(0.25)

    async def guarded(self, doing) -> None:
        try:
            await doing
        except Exception as error:  # whatever it was, it must not pass unseen
            self.failures.append(f"{time.time():.1f} {error!r}")

    def report(self) -> None:
        sockets = [client.writer.get_extra_info("socket") for client in self.clients]
        answer = {
            "clients": len(self.clients),
            "fewest": min((client.requests for client in self.clients), default=0),
            "requests": self.number["request"],
            "ends": self.number["end"],
            "failures": self.failures,
            "seconds": {what: percentiles(took) for what, took in self.took.items()},
            "slowest": self.slowest,
            "options": sorted({tuple(s.getsockopt(*option) for option in OPTIONS) for s in sockets}),
        }
        path = f"/run/traffic/{self.kind}{'' if self.count else '-passing'}.json"
        with open(path + ".new", "w", encoding="ascii") as file:
            json.dump(answer, file)
        os.rename(path + ".new", path)

    async def run(self) -> None:
        if self.kind == "private" and self.count:
            self.server = await asyncio.start_server(answer_pings, "127.0.0.1", PORTS[self.kind])
        for _number in range(self.count):
            self.clients.append(await Client.connect(self.kind))
        tasks = [asyncio.ensure_future(self.guarded(self.keep_asking(client))) for client in self.clients]
        if not self.count:
            tasks.append(asyncio.ensure_future(self.guarded(self.come_and_go())))
        while tasks:
            self.report()
            await asyncio.sleep(1)


def percentiles(took: list[float]) -> dict[str, float]:
    ordered = sorted(took) or [0.0]
    return {f"p{part}": round(ordered[(len(ordered) - 1) * part // 100], 4) for part in (50, 99, 100)}


async def answer_pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readline() == b"PING\r\n":
        writer.write(b"+PONG\r\n")
    writer.close()


if __name__ == "__main__":
    asyncio.run(Traffic(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0).run())

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Together with other preload libraries that hosts really have, in every order."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from csrc_support import CONNECT, LIBRARIES, LISTEN, PROBES, SOCKET, Probe, Run, compile_c, stages, tool

ENV = {"TCP_KEEPIDLE": "60"}
TORSOCKS, PROXYCHAINS = "torsocks/libtorsocks.so", "libproxychains.so.4"
# The library's file, and the Debian package that has it.
COMPANY = {
    "libjemalloc.so.2": "libjemalloc2",
    "libtcmalloc.so.4": "google-perftools",
    "libasan.so": "gcc",
    "libkeepalive.so.0": "libkeepalive0",
    "libdontdie.so.0": "libdontdie0",
    "faketime/libfaketime.so.1": "libfaketime",
    TORSOCKS: "torsocks",
    PROXYCHAINS: "proxychains4",
}
# What makes them do their work, and their silence where they would only complain (about leaks at exit).
THEIR_ENV = {
    "KEEPALIVE": "on", "KEEPIDLE": "33", "DD_TCP_KEEPALIVE_TIME": "44", "FAKETIME": "@2001-02-03 04:05:06",
    "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0", "PROXYCHAINS_QUIET_MODE": "1",
}  # fmt: skip


def library(name: str) -> Path:
    """The path of one of COMPANY."""
    ask = "-print-file-name=libasan.so" if name == "libasan.so" else "-print-multiarch"
    answer = subprocess.run([tool("gcc", "gcc"), ask], capture_output=True, text=True, check=True).stdout.strip()
    places = [Path(answer)] if name == "libasan.so" else [Path("/usr/lib", answer, name), Path("/usr/lib", name)]
    for place in places:
        if place.exists():
            return place.resolve()  # a name that is a linker script or a link would not do for the loader
    raise AssertionError(f"{name} not found: install Debian's package {COMPANY[name]}")


class Proxy:
    """A SOCKS5 server that leads every connection to itself and answers with what it was sent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests: list[bytes] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as stream:
            assert stream.read(1) == b"\x05"
            methods = stream.read(stream.read(1)[0])
            if 0 in methods:
                stream.write(b"\x05\x00")
            else:  # torsocks insists on a user's name to keep its circuits apart
                stream.write(b"\x05\x02")
                stream.read(1), stream.read(stream.read(1)[0]), stream.read(stream.read(1)[0])
                stream.write(b"\x01\x00")
            header = stream.read(4)
            length = stream.read(1)[0] if header[3] == 3 else 4  # a name, or an IPv4 address
            self.requests.append(stream.read(length + 2))
            stream.write(b"\x05\x00\x00\x01" + bytes(6))
            stream.write(stream.read(5))


@pytest.fixture
def proxy() -> t.Iterator[Proxy]:
    server = Proxy()
    yield server
    server.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept()
    server.listener.close()


@pytest.fixture
def company(preloaded: Run, tmp_path: Path, proxy: Proxy) -> Run:
    """preloaded(…) in which the other libraries do their work: through the proxy, where they are for that."""
    torsocks = tmp_path / "torsocks.conf"
    torsocks.write_text(f"TorPort {proxy.port}\nAllowOutboundLocalhost 1\nAllowInbound 1\n")
    proxychains = tmp_path / "proxychains.conf"
    proxychains.write_text(f"strict_chain\nlocalnet 127.0.0.0/8\n[ProxyList]\nsocks5 127.0.0.1 {proxy.port}\n")
    files = {"TORSOCKS_CONF_FILE": str(torsocks), "PROXYCHAINS_CONF_FILE": str(proxychains)}

    def go(*command: str | Path, **more: t.Any) -> t.Any:
        more["env"] = THEIR_ENV | files | more.get("env", {})
        return preloaded(*command, **more)

    return go


@pytest.mark.parametrize("name", COMPANY)
def test_it_is_the_library_it_is_taken_for(company: Run, name: str) -> None:
    found = company("/bin/cat", "/proc/self/maps", with_=[library(name)])
    assert (found.status, found.err) == (0, "")
    assert str(library(name)) in found.out


@pytest.mark.parametrize("name", COMPANY)
def test_all_orders(company: Run, probe: Probe, name: str) -> None:
    """Whoever is first: the connections are made, and the options of connect and listen are ours."""
    for order in itertools.permutations([*LIBRARIES, library(name)]):
        found = stages(company(probe("options"), with_=order, env=ENV))
        # torsocks calls libc's socket() and connect() itself: it hides those that stand behind it, but not listen().
        seen = {LISTEN, *(order[: order.index(library(name))] if name == TORSOCKS else order)}
        setters = {"listener": {LISTEN, SOCKET}, "client": {CONNECT, SOCKET}, "accepted": {LISTEN, SOCKET}}
        for stage, names in setters.items():
            assert (found[stage]["TCP_KEEPIDLE"] == 60) == bool(names & seen), (order, stage)


# Those who set options as well, and what they set.
THEIRS = {"libkeepalive.so.0": 33, "libdontdie.so.0": 44}


@pytest.mark.parametrize("name, idle", THEIRS.items())
def test_of_two_socket_libraries_the_first_wins(company: Run, probe: Probe, name: str, idle: int) -> None:
    """The first one in LD_PRELOAD is the outermost, so it sets its options last."""
    for order, expected in (([SOCKET, library(name)], 60), ([library(name), SOCKET], idle)):
        assert stages(company(probe("options"), with_=order, env=ENV))["socket"]["TCP_KEEPIDLE"] == expected


def test_the_libraries_in_company_of_all_at_once(company: Run, probe: Probe) -> None:
    others = [library(name) for name in COMPANY if "malloc" not in name and "asan" not in name and name != TORSOCKS]
    for order in (
        [*LIBRARIES, *others, library(TORSOCKS)],
        [*others, *LIBRARIES],
        [*others[:2], *LIBRARIES, *others[2:]],
    ):
        found = stages(company(probe("options"), with_=order, env=ENV))
        assert found["client"]["TCP_KEEPIDLE"] == found["accepted"]["TCP_KEEPIDLE"] == 60, order


@pytest.mark.parametrize("name", COMPANY)
def test_a_program_that_works_hard_in_company(company: Run, name: str) -> None:
    """Many threads, allocations and connections; the same output as without ours."""
    program = (
        "import socket, threading, time\n"
        "server = socket.create_server(('127.0.0.1', 0), backlog=128)\n"
        "def serve():\n"
        "    for _ in range(80):\n"
        "        with server.accept()[0] as one:\n"
        "            one.sendall(one.recv(100) * 1000)\n"
        "def ask(i):\n"
        "    for _ in range(10):\n"
        "        with socket.create_connection(server.getsockname()) as one:\n"
        "            one.sendall(b'x' * 100)\n"
        "            got[i] += len(one.recv(100000, socket.MSG_WAITALL))\n"
        "got = [0] * 8\n"
        "threads = [threading.Thread(target=serve), *(threading.Thread(target=ask, args=(i,)) for i in range(8))]\n"
        "[one.start() for one in threads]\n"
        "[one.join() for one in threads]\n"
        "print(got, time.gmtime().tm_year)\n"
    )
    real = company(sys.executable, "-I", "-c", program, with_=[library(name)])
    assert real.status == 0 and real.out.startswith("[1000000,"), real
    assert ("2001" in real.out) == ("faketime" in name)
    for order in ([*LIBRARIES, library(name)], [library(name), *LIBRARIES]):
        assert company(sys.executable, "-I", "-c", program, with_=order, env=ENV) == real


FAR = (
    "import socket\n"
    "with socket.create_connection(('192.0.2.1', 80)) as one:\n"
    "    one.sendall(b'hello')\n"
    "    print(one.recv(5).decode(), one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE))\n"
)


@pytest.mark.parametrize(
    "name, ours, position, covered",
    [
        # torsocks calls libc itself: it hides what stands behind it.
        (TORSOCKS, CONNECT, 0, True), (TORSOCKS, CONNECT, 1, False),
        (TORSOCKS, SOCKET, 0, True), (TORSOCKS, SOCKET, 1, False),
        # proxychains replaces the program's socket by one of its own, inside its connect().
        (PROXYCHAINS, CONNECT, 0, False), (PROXYCHAINS, CONNECT, 1, True),
        (PROXYCHAINS, SOCKET, 0, True), (PROXYCHAINS, SOCKET, 1, True),
    ],
)  # fmt: skip
def test_connections_through_a_proxy(
    company: Run, proxy: Proxy, name: str, ours: str, position: int, covered: bool
) -> None:
    real = company(sys.executable, "-I", "-c", FAR, with_=[library(name)])
    assert real.out.startswith("hello ") and real.out != "hello 60\n", real
    order = [library(name), library(name)]
    order[position] = Path(ours)
    found = company(sys.executable, "-I", "-c", FAR, with_=order, env=ENV)
    assert (found.status, found.err) == (real.status, real.err)
    assert found.out == ("hello 60\n" if covered else real.out)
    assert len(proxy.requests) == 2
    assert set(proxy.requests) <= {address + b"\x00\x50" for address in (b"192.0.2.1", b"\xc0\x00\x02\x01")}


@pytest.mark.parametrize("order", list(itertools.permutations(LIBRARIES)), ids="+".join)
def test_a_program_built_with_asan(preloaded: Run, tmp_path: Path, order: tuple[str, ...]) -> None:
    program = compile_c(PROBES / "options.c", tmp_path / "asan", "-fsanitize=address")
    env = ENV | {"ASAN_OPTIONS": "verify_asan_link_order=0"}
    found = preloaded(program, with_=order, env=env)
    assert found.err == ""
    assert {stage: options["TCP_KEEPIDLE"] for stage, options in stages(found).items()} == dict.fromkeys(
        ("socket", "listener", "client", "accepted"), 60
    )

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What docs/limits.md says is not covered: should one of these begin to be covered, the page is out of date."""

from __future__ import annotations

from pathlib import Path

import pytest
from csrc_support import CONNECT, CSRC, LIBRARIES, LISTEN, PROBES, SOCKET, Probe, Run, compile_c, run

ENV = {"TCP_KEEPIDLE": "60"}
COVERED = "connected, TCP_KEEPIDLE=60\n"
WAYS_AROUND = ["direct", "io_uring", "sendto", "sendmsg", "deepbind"]


def way(preloaded: Run, probe: Probe, name: str, library: str | None) -> str:
    """What the probe says of a connection that was opened in this way."""
    arguments = [probe("limits"), name, probe("limits_plugin.so")]
    found = preloaded(*arguments, with_=[library] if library else [], env=ENV)
    if name == "io_uring" and found.out.startswith("io_uring: "):
        pytest.skip(f"not here: {found.out.strip()}")
    assert found.status == 0, found.out
    return found.out


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_what_the_connect_library_does_not_see(preloaded: Run, probe: Probe, name: str) -> None:
    """The connection is made, and its timing is the system's."""
    assert way(preloaded, probe, name, CONNECT) == way(preloaded, probe, name, None) != COVERED


@pytest.mark.parametrize("name", ["connect", "fastopen", "now"])
def test_what_it_does_see(preloaded: Run, probe: Probe, name: str) -> None:
    """The same program and the same plugin, without RTLD_DEEPBIND: what makes the difference is the way."""
    assert way(preloaded, probe, name, CONNECT) == COVERED


@pytest.mark.parametrize("name", WAYS_AROUND)
def test_what_the_socket_library_reaches_all_the_same(preloaded: Run, probe: Probe, name: str) -> None:
    """The program's socket() is an ordinary one here, whatever connects it later."""
    assert way(preloaded, probe, name, SOCKET) == COVERED


def test_static_programs(built: Path, tmp_path: Path) -> None:
    program = compile_c(PROBES / "options.c", tmp_path / "static", "-static")
    libraries = [built / name for name in LIBRARIES]
    without, found = (run(program, preload=preload, env=ENV) for preload in ([], libraries))
    assert found == without and found.status == 0 and "TCP_KEEPIDLE=60" not in found.out
    dynamic = compile_c(PROBES / "options.c", tmp_path / "dynamic")
    assert run(dynamic, preload=libraries, env=ENV).out.count("TCP_KEEPIDLE=60") == 4


def test_a_listener_that_was_handed_over(preloaded: Run) -> None:
    """Whoever receives a socket that listens already, as from systemd, never calls listen(); on its own it does."""
    program = (
        "import os, socket, sys\n"
        "for listener in socket.socket(fileno=int(sys.argv[1])), socket.create_server(('127.0.0.1', 0)):\n"
        "    client = socket.create_connection(listener.getsockname())\n"
        "    print(listener.accept()[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))\n"
    )
    starter = (
        "import os, socket, sys\n"
        "listener = socket.create_server(('127.0.0.1', 0))\n"
        "listener.set_inheritable(True)\n"
        "os.environ['LD_PRELOAD'] = sys.argv[2]\n"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1], str(listener.fileno())])\n"
    )
    library = str(preloaded("/bin/sh", "-c", "echo $LD_PRELOAD", with_=[LISTEN]).out.strip())
    assert run("/usr/bin/python3", "-c", starter, program, library).out == "0\n1\n"


@pytest.mark.parametrize(
    "words", ["io_uring", "direct system calls", "Fast Open", "RTLD_DEEPBIND", "statically linked"]
)
def test_the_page_names_it(words: str) -> None:
    page = CSRC.parent / "docs" / "limits.md"
    assert words in page.read_text(encoding="utf-8")

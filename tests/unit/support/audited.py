# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Audits for tests: processes in the units that a test gives them, and what is said of their sockets."""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import socket
import subprocess
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.portable import PortableReader
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Verdict
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit, unit_from
from ansible_collections.netops.keepalive.plugins.module_utils.units.dropin import MARKER
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Answer, Question
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.inspection import Audit
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import (
    ShadowProc,
)

MUSL = shutil.which("musl-gcc")


CC = shutil.which("cc") or shutil.which("gcc")


needs_compiler = pytest.mark.skipif(CC is None, reason="needs a C compiler")


TUNE = """
def tune(s, idle=60, keepalive=1):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, keepalive)
    s.setsockopt(6, 4, idle)
"""


HOLD = """
#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[argc - 1]))};
    char byte;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to)) return 1;
    return write(1, "+", 1) != 1 || read(0, &byte, 1) != 0;
}
"""


def expecting(name: str = "a.service", libraries: str = "connect", **changes: t.Any) -> Expectation:
    normal = Expectation(name, frozenset(libraries.split()), {"keepidle": 60}, frozenset(), 0)
    return normal._replace(**changes)


def audit(
    proc: ShadowProc,
    *expected: Expectation,
    library_dir: t.Union[str, pathlib.Path] = "/nowhere",
    units: t.Sequence[AskedUnit] = (),
    reader: t.Any = None,
    drop_ins: t.Union[str, pathlib.Path] = "/nowhere",
    ports: t.Iterable[int] = (),
    pids: t.Iterable[int] = (),
    **further: t.Any,
) -> Answer:
    all_units = units or [unit_from(expectation.name, None) for expectation in expected]
    question = Question(tuple(all_units), frozenset(pids), frozenset(ports), expected, **further)
    places = {"proc": proc, "library_dir": str(library_dir), "drop_ins": str(drop_ins)}
    return Audit(question, reader or PortableReader(), **places).run()


def drop_in(folder: pathlib.Path, libraries: pathlib.Path, unit: str = "a.service", **changes: str) -> pathlib.Path:
    """Write what is in force for a unit; returns the file."""
    path = folder / f"{unit}.d" / "zz-keepalive.conf"
    path.parent.mkdir(parents=True)
    variables = {"LD_PRELOAD": str(libraries / LIBRARIES["connect"]), "TCP_KEEPIDLE": "60", **changes}
    lines = "".join(f'Environment="{name}={value}"\n' for name, value in variables.items())
    path.write_text(f"{MARKER}\n[Service]\n{lines}")
    return path


def only(answer: Answer) -> Verdict:
    (verdict,) = (verdict for verdict in answer.verdicts.values() if verdict.relevant)
    return verdict


def connecting(server: socket.socket, tune: str = "tune(s)") -> str:
    return f"{TUNE}\ns = socket.create_connection(('127.0.0.1', {server.getsockname()[1]}))\n{tune}"


def preloaded(folder: pathlib.Path, library: str = "connect", **variables: str) -> t.Dict[str, str]:
    return {"LD_PRELOAD": str(folder / LIBRARIES[library]), "TCP_KEEPIDLE": "60", "PATH": "/bin", **variables}


@contextlib.contextmanager
def holding(program: t.Union[str, pathlib.Path], server: socket.socket, **how: t.Any) -> t.Iterator[int]:
    """Run the C program that connects and waits."""
    command = [str(program), str(server.getsockname()[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how) as process:
        assert process.stdout
        assert process.stdout.read(1) == b"+"
        yield process.pid
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def compile_hold(folder: pathlib.Path, *flags: str, compiler: str = str(CC)) -> pathlib.Path:
    source, program = folder / "hold.c", folder / "hold"
    source.write_text(HOLD)
    subprocess.run([compiler, *flags, "-o", str(program), str(source)], check=True)
    return program


def open_to_all(path: pathlib.Path) -> None:
    """Let every user pass through pytest's own folders, which are root's alone."""
    for folder in (path, *path.parents):
        if folder.stat().st_uid == 0 and "/pytest-of-" in str(folder):
            folder.chmod(folder.stat().st_mode | 0o011)


class Refusing(PortableReader):
    """A reader that is not let near any process."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def read(self, _pid: int, _descriptors: t.Iterable[int], _thread: t.Optional[int] = None) -> t.Iterator[t.Any]:
        raise Unreadable(self._number, "pidfd_getfd")

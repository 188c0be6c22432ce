# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes for tests: a Python child that does what it is told, and a /proc that says what a test wants."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.tests.unit.support import first_process

_LOOP = """
import encodings.idna, threading  # while they may be read: some become another user before they need them
import fcntl, json, os, resource, socket, struct, sys
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a login shell gives 1024, and some tests hold thousands
names = {"fcntl": fcntl, "os": os, "socket": socket, "struct": struct, "sys": sys}
for line in sys.stdin:
    names["answer"] = None
    exec(json.loads(line), names)
    print(json.dumps(names["answer"]), flush=True)
"""


class Child:
    """A process that executes what it is given and ends when the test does."""

    def __init__(
        self,
        code: str = "",
        *,
        env: t.Optional[t.Dict[str, str]] = None,
        pass_fds: t.Sequence[int] = (),
        cwd: t.Optional[str] = None,
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
            pass_fds=pass_fds,
            cwd=cwd,
        )
        self.pid = self._process.pid
        self.run(code)  # once it answers it is up, with its libraries loaded

    def run(self, code: str) -> t.Any:
        """Execute code in the child; what it assigns to answer comes back."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


def has_mptcp() -> bool:
    """Tell whether this kernel makes MPTCP sockets."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).close()
    except OSError:
        return False
    return True


class ShadowProc(Proc):
    """A folder in the place of /proc: the real processes, in the units that a test gives them."""

    def __init__(self, folder: pathlib.Path) -> None:
        super().__init__(str(folder))
        self._folder = folder

    def add(
        self,
        pid: int,
        unit: str,
        *,
        shown_as: t.Optional[int] = None,
        root_folder: t.Optional[pathlib.Path] = None,
        slices: str = "/system.slice",
        program: str = "",
        **files: str,
    ) -> None:
        """Show a process in a unit; files replace what /proc says of it, root_folder is what it takes for /."""
        if shown_as == 1:
            first_process.show(pid)
        shadow = self._folder / str(shown_as or pid)
        shadow.mkdir()
        (shadow / "exe").symlink_to(program or os.readlink(f"/proc/{pid}/exe"))
        for name in (
            "auxv",
            "cmdline",
            "comm",
            "environ",
            "fd",
            "maps",
            "mountinfo",
            "net",
            "ns",
            "root",
            "stat",
            "status",
            "task",
        ):
            if name == "root" and root_folder:
                (shadow / name).symlink_to(root_folder)
            elif name not in files:
                (shadow / name).symlink_to(f"/proc/{pid}/{name}")
        for name, text in files.items():
            (shadow / name).write_text(text, encoding="ascii")
        path = f"/{unit}" if unit == "init.scope" else f"{slices}/{unit}"
        (shadow / "cgroup").write_text(f"0::{path}\n", encoding="ascii")

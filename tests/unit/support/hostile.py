# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of an ordinary user, with names that are meant for the operator's terminal, or for Ansible."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import typing as t

NOBODY = 65534
ESCAPES = "\x1b[2J\x1b]52;c;cm0K\x07\r\n  x\n\u202e\u2028\x85\x9b1m\u200b"
"""Clears the screen, fills the clipboard, begins lines, and turns the direction of writing."""

TEMPLATE = "{{ lookup('pipe', 'touch executed') }}{% set x = lookup('pipe', 'touch executed') %}"


@contextlib.contextmanager
def process(name: str, *arguments: str, program: str = "/bin/sleep") -> t.Iterator[t.Tuple[int, int]]:
    """Run a copy of a program under a name, as nobody where we are root, with one end of a TCP connection.

    Yields its PID and the port that its connection goes to.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix="keepalive-hostile-"))
    try:
        folder.chmod(0o755)
        path = os.fsencode(folder) + b"/" + os.fsencode(name)
        shutil.copy(os.path.realpath(program), path)
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            connection = socket.create_connection(("127.0.0.1", port))
            with server.accept()[0]:
                with connection:
                    child = subprocess.Popen(
                        [path, *(arguments or ("3600",))],
                        pass_fds=[connection.fileno()],
                        stdin=subprocess.PIPE,
                        cwd=folder,
                        **_as_nobody(),
                    )
                try:
                    yield child.pid, port
                finally:
                    child.kill()
                    child.communicate()
    finally:
        shutil.rmtree(folder)


def _as_nobody() -> t.Dict[str, t.Any]:
    """What Popen is told. Python 3.8 cannot do it by itself, and 3.12 warns of code that runs before the program."""
    if os.geteuid():
        return {}
    if sys.version_info >= (3, 9):
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def become_nobody() -> None:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)

    return {"preexec_fn": become_nobody}


def visible(text: str) -> bool:
    """Tell whether a text is lines of characters that can be seen, and nothing that a terminal obeys."""
    return all(line.isprintable() for line in text.split("\n"))

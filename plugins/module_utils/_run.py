# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program to its end, and nothing of it longer than allowed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import typing as t

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ended(t.NamedTuple):
    """How a program ended."""

    status: int
    """Exit status, or minus the number of the signal that ended it."""
    stdout: str
    stderr: str

    def __str__(self) -> str:
        """In words that fit after "it" or a program's name."""
        if self.status < 0:
            return f"was ended by {_signal_name(-self.status)}"
        return f"ended with status {self.status}"


class TimedOut(Exception):
    """The program was still running after the time it had, and was killed with all its children."""


def run(
    command: t.Sequence[str],
    timeout: float,
    directory: str = "/",
    environment: t.Optional[t.Mapping[str, str]] = None,
    stdin: str = "",
) -> Ended:
    """Run a program in the C locale with an environment of its own: nothing of the caller's changes what it does.

    :param timeout: seconds.
    :raises TimedOut: it was still running then.
    :raises OSError: it cannot be started.
    """
    clean = {"PATH": SEARCH_PATH, "LC_ALL": "C", **(environment or {})}
    with subprocess.Popen(
        command,
        cwd=directory,
        env=clean,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"{command[0]} was still running after {timeout:g} s") from error
        finally:
            if process.returncode is None:  # on a signal to us as well: no compiler is left running
                os.killpg(process.pid, signal.SIGKILL)
    return Ended(process.returncode, stdout, stderr)


def find_program(name: str) -> t.Optional[str]:
    """The path of a program, looked for where root's programs are and nowhere else."""
    return shutil.which(name, path=SEARCH_PATH)


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"

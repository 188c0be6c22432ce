# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether programs of this host start as it is now: the last word on a new /etc/ld.so.preload."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..libraries import loaders
from ..linux.command import TimedOut, find_program, run
from .trial import said

_SECONDS = 15


def programs_start(known: t.Collection[str] = ()) -> str:
    """Say what goes wrong when programs are started as they are now; empty where nothing does.

    :param known: Lines that every program printed before already, for instance on a foreign entry that is broken.
    """
    commands = [[find_program("true") or "/bin/true"], ["/bin/sh", "-c", ":"], [_python(), "-c", "pass"]]
    for command in [*commands, *(loader.program for loader in loaders.find_loaders())]:
        try:
            ended = run(command, _SECONDS)
        except (OSError, TimedOut) as error:
            return f"{command[0]}: {error}"
        new = [line for line in ended.stderr.splitlines() if line not in known]
        if ended.status != 0 or new:
            return f"{command[0]} {ended}{said(ended._replace(stderr=os.linesep.join(new)))}"
    return ""


def noise() -> t.List[str]:
    """The lines that the loaders print for every program of their kind before anything is changed."""
    lines: t.List[str] = []
    for command in ([find_program("true") or "/bin/true"], *(loader.program for loader in loaders.find_loaders())):
        with contextlib.suppress(OSError, TimedOut):
            lines += run(command, _SECONDS).stderr.splitlines()
    return lines


def _python() -> str:
    return os.path.realpath("/proc/self/exe")

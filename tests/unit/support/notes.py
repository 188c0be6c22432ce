# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What earlier runs noted of a file, at moments that a test chooses: no clock is waited for, and none is set."""

from __future__ import annotations

import os
import pathlib
import time
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux import in_force

Path = t.Union[str, pathlib.Path]

NEVER = 1e9
"""Seconds since boot, after every process of a test."""


def noted(path: Path, *versions: t.Tuple[float, t.Optional[str]], read: bool = True) -> None:
    """Note what a file said, each text from its moment on (s since boot); the last is read or not."""
    *earlier, last = (in_force.Version(*version) for version in versions)
    in_force._write(str(path), [*earlier, last._replace(read=read)])


def newer(path: Path, before: t.Optional[str] = None) -> None:
    """Note that what a file says is newer than every process of the test."""
    noted(path, (0.0, before), (NEVER, pathlib.Path(path).read_text(encoding="utf-8")))


def dated(path: Path, hours: float) -> None:
    """Give a file a date so many hours from now, as the wall clock of a host gives it that is wrong or was turned."""
    moment = time.time() + hours * 3600
    os.utime(path, (moment, moment))

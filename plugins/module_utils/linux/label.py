# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Give a file the security label that the host's policy has for its place, without a module of Ansible's around."""

from __future__ import annotations

import contextlib
import os

from .command import TimedOut, find_program, run

SELINUX = "/sys/fs/selinux/enforce"
"""There where SELinux is at work."""

_LIMIT = 15.0


def relabel(path: str) -> None:
    """Have the system's own program do it, where there is one; what it cannot do is no reason to fail."""
    if os.path.exists(SELINUX) and find_program("restorecon"):
        with contextlib.suppress(OSError, TimedOut):
            run(["restorecon", path], _LIMIT)


def relabel_as(path: str, place: str) -> None:
    """Give a file the label of another place, where it is going to be; what cannot be done is no reason to fail."""
    if os.path.exists(SELINUX) and find_program("matchpathcon") and find_program("chcon"):
        with contextlib.suppress(OSError, TimedOut):
            found = run(["matchpathcon", "-n", place], _LIMIT)
            if found.status == 0 and found.stdout.strip():
                run(["chcon", "-h", found.stdout.strip(), path], _LIMIT)

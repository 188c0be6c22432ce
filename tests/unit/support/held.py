# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process has open, for tests that want it to be no more than before.

What is gone says nothing: an object of an earlier test may be collected at any moment, and its descriptors with it.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.polling import poll_until
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import HOST


def open_in(process: t.Union[int, str] = "self") -> t.Set[t.Tuple[int, str]]:
    """Return the descriptors of a process, each with what it is: a number that is used again is another descriptor."""
    found = set()
    for name in os.listdir(f"/proc/{process}/fd"):
        with contextlib.suppress(FileNotFoundError):  # that of the list itself, or closed meanwhile
            found.add((int(name), os.readlink(f"/proc/{process}/fd/{name}")))
    return found


@contextlib.contextmanager
def nothing_left_open() -> t.Iterator[None]:
    before = open_in()
    yield
    assert open_in() - before == set(), "every descriptor is let go of"


def wait_until_nobody_holds(inodes: t.Iterable[int]) -> None:
    """Wait for tests beside this one: who reads the sockets of the machine has a copy of each for a moment."""
    wanted = {f"socket:[{inode}]" for inode in inodes}

    def holders() -> t.List[int]:
        found = []
        for pid in HOST.pids():
            with contextlib.suppress(OSError):  # it has ended, or is another user's
                if not wanted.isdisjoint(name for _number, name in open_in(pid)):
                    found.append(pid)
        return found

    assert poll_until(holders, 30, 0.01, enough=lambda found: not found) == [], "somebody keeps it"

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Process 1 as a test shows it: what its sockets are must not depend on whose machine, or container, runs the tests.

Root may read those of systemd; those of what is process 1 elsewhere perhaps not, or they are the test runner's own.
"""

from __future__ import annotations

import errno
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import native, portable

Open = t.Callable[[int, t.Optional[int]], t.Optional[int]]

_shown: t.List[int] = []


def show(pid: int) -> None:
    """Have this process opened by who opens process 1, until the test ends."""
    _shown.append(pid)


def play(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to open process 1, as the kernel does where we may not, unless a test shows one in its place."""
    _shown.clear()

    def instead(pid: int, thread: t.Optional[int], really: Open) -> t.Optional[int]:
        if pid != 1:
            return really(pid, thread)
        if not _shown:
            raise Unreadable(errno.EPERM, "pidfd_getfd")
        return really(_shown[-1], thread)

    open_process, open_in_library = portable._open_process, native.Library.open
    monkeypatch.setattr(portable, "_open_process", lambda pid, thread: instead(pid, thread, open_process))
    monkeypatch.setattr(
        native.Library,
        "open",
        lambda self, pid, thread: instead(pid, thread, lambda *who: open_in_library(self, *who)),
    )

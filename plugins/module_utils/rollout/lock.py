# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One change at a time on a host: who changes something there holds flock(2) on a file, in one process.

The lock ends with its process, however that ends. The file only says whose it is: what stands in it counts for nothing
where nobody holds the lock. A transaction (rollout/detached.py) also says there which unit it is.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
import typing as t

from ..linux import boot_clock
from ..linux.file_lock import FOLDER, NotLocked, open_file
from ..linux.state_file import Damaged, parse_json

NAME = "rollout.lock"

_SAME_RUN = 300
"""Seconds that another module of the same run has to end: several tasks may be delegated to one host."""

_BEING_WRITTEN, _POLL = 1, 0.1
_LIMIT = 65536
"""Bytes of the file."""

LockHolder = t.Dict[str, t.Any]
"""Who has the lock: what its action said of the run, V(since) in seconds since boot, and its V(process) on the host."""


class Held(NotLocked):
    """Another run has the lock; the text says whose, since when, and what to do."""

    def __init__(self, holder: LockHolder) -> None:
        since = boot_clock.on_the_wall(holder.get("since", boot_clock.now()))
        begin = f"another run is changing this host: {holder.get('owner', 'unknown')}, since {since}"
        if holder.get("unit"):
            text = (
                f"{begin}, as the unit {holder['unit']} of the host, which comes to its end whatever becomes of that "
                "run; nothing was done here; wait until it has ended ('keepalive-sockets --rollout' shows it), then "
                "run again"
            )
        else:
            process = f", as process {holder['process']} of the host" if "process" in holder else ""
            text = f"{begin}{process}; nothing was done here; wait until it has ended, then run again"
        super().__init__(text)
        self.holder = holder


class Lock:
    """The lock of a host, for as long as one process changes something there.

    :param run: Who asks, as the task's action says it (C(id), C(owner)). None: nobody, who keeps nobody out.
    """

    def __init__(self, run: t.Optional[t.Mapping[str, t.Any]], folder: t.Optional[str] = None) -> None:
        self._run = dict(run or {})
        self._folder = folder or FOLDER
        self._descriptor: t.Optional[int] = None

    def take(self) -> None:
        """Take the lock; once is enough.

        :raises Held: another run has it.
        :raises NotLocked: somebody else than root could have it.
        """
        if not self._run or self._descriptor is not None:
            return
        descriptor = open_file(NAME, self._folder)
        try:
            self._wait(descriptor)
        except Held:
            os.close(descriptor)
            raise
        text = json.dumps({**self._run, "since": boot_clock.now(), "process": os.getpid()}).encode("utf-8")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text, 0)
        self._descriptor = descriptor

    def _wait(self, descriptor: int) -> None:
        """Get the kernel's lock on the file, after another module of this run."""
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                holder = _read(descriptor)
                patience = _SAME_RUN if holder.get("id") == self._run["id"] else 0
                if time.monotonic() - started >= max(patience, 0 if holder else _BEING_WRITTEN):
                    raise Held(holder) from None
            time.sleep(_POLL)

    def leave(self) -> None:
        """Let others in."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def _read(descriptor: int) -> LockHolder:
    """Return whose lock it is; {} where the file holds nothing that a run writes."""
    try:
        holder = parse_json(os.pread(descriptor, _LIMIT, 0))
    except Damaged:
        return {}
    return holder if isinstance(holder, dict) and _names_a_run(holder) else {}


def _names_a_run(holder: LockHolder) -> bool:
    """Tell whether a run has written this. What it says of the time must be a time: it is shown."""
    since = holder.get("since")
    return (
        all(isinstance(text, str) and text for text in (holder.get("id"), holder.get("owner")))
        and isinstance(since, (int, float))
        and not isinstance(since, bool)
        and 0 <= since < 1e11
    )

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes let themselves be read: one may make everybody wait, root too, who opens a file below its /proc/PID.

execve(2) closes what is marked so while it keeps a lock that nearly all of /proc/PID needs, and close() of a file on a
user's own file system (FUSE) lasts until his program answers. Mapping memory over such a file keeps another lock. Who
waits there wakes up for SIGKILL alone. So before a sweep all processes are asked, by a child of ours that is killed:
in a thread, and each time that one waits in others more. Who has not answered when nobody else does any more is silent.

A process may also fall silent after it was asked; see linux/stuck.py for that.
"""

from __future__ import annotations

import collections
import contextlib
import errno
import os
import resource
import threading
import time
import typing as t

from .accounts import Account, account_of
from .apart import ask_once
from .procfs import HOST, Proc, parse_maps
from .stuck import real_user_of

PATIENCE = 5.0
"""Seconds in which no process answers, after which none is waited for any more: thousands of times what it takes."""

BUDGET = 15.0
"""Seconds of that for all sweeps of a run; then the patience is short."""

_SHORT = 0.2
LIMIT = 20.0
"""Seconds for asking all, however slowly they answer."""

_STALLED = 0.05
"""Seconds without an answer after which the others are asked by more threads."""
_MOST_AT_ONCE = 64
_MOST_OF_ONE = 20
"""Silent ones of one user, or of one user's sessions; then his others are taken for silent too, and not asked."""
_MOST = 2000
"""Threads that wait: who wants more of them needs a hundred users."""
_STACK = 256 << 10
_BLOCK = 64 << 10

SILENT: t.Dict[int, str] = {}
"""pid → what is told of it; those that were found silent in this run. They are asked again, and not waited for."""

_spent = [0.0]


def answering(proc: Proc = HOST) -> t.List[int]:
    """List the processes that let themselves be read, in ascending order; the others are in SILENT."""
    pids = proc.pids()
    silent = find_silent(pids, proc)
    return [pid for pid in pids if pid not in silent]


def mapping(wanted: t.Callable[[str], bool], proc: Proc = HOST) -> t.Iterator[t.Tuple[int, t.Dict[str, bool]]]:
    """Yield each process that maps a wanted file, with those files → whether it has since been replaced or removed."""
    for pid in answering(proc):
        found = {path: gone for path, gone in parse_maps(proc.bytes_of(pid, "maps")).items() if wanted(path)}
        if found:
            yield pid, found


def find_silent(pids: t.Iterable[int], proc: Proc = HOST) -> t.Dict[int, str]:
    """Ask processes to let themselves be read; returns those that do not, and what is to be told of each.

    :raises OSError: not all could be asked, because too many users have too many silent ones.
    """
    pids = set(pids)
    if not pids:
        return {}
    known = set(SILENT)
    asked = sorted(pids, key=lambda pid: (pid in known, pid))
    patience = PATIENCE if _spent[0] < BUDGET else _SHORT
    started = time.monotonic()
    found, unasked = ask_once(lambda _pid: (_Round(asked, known, patience, proc).run(), True), LIMIT + 5)
    if unasked:
        raise OSError(errno.EBUSY, f"{len(found)} processes do not let themselves be read; {_told(found[0], proc)}")
    if not known.issuperset(found):
        _spent[0] += time.monotonic() - started
    for pid in known.intersection(asked).difference(found):
        del SILENT[pid]
    silent = {pid: _told(pid, proc) for pid in found}
    SILENT.update(silent)
    return silent


def _told(pid: int, proc: Proc) -> str:
    user = real_user_of(pid, proc.root)
    whose = "an unknown user" if user is None else f"user {user}"
    return (
        f"process {pid} of {whose} does not let itself be read (it hangs"
        " in execve(2) or mmap(2), in a file system of its own): nothing is known of its sockets and libraries"
    )


class _Round:
    """Asks all processes once, in the child."""

    def __init__(self, pids: t.Sequence[int], known: t.Set[int], patience: float, proc: Proc) -> None:
        self._rest = collections.deque(pids)
        self._known = known
        self._patience = patience
        self._proc = proc
        self._waiting: t.Set[int] = set()
        self._unasked: t.Set[int] = set()
        self._done = threading.Event()
        self._users: t.Dict[int, t.Union[Account, int, None]] = {}

    def run(self) -> t.Tuple[t.List[int], bool]:
        """Return who has not answered, and whether some were not even asked."""
        with contextlib.suppress(OSError, ValueError):  # each that waits has a descriptor
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        threading.stack_size(_STACK)
        self._start(1)
        last, more = (len(self._rest), len(self._waiting)), 1
        now = time.monotonic()
        quiet_since, end = now, now + LIMIT
        while not self._done.wait(_STALLED) and now < end:
            now = time.monotonic()
            state = len(self._rest), len(self._waiting)
            if state != last:
                last, quiet_since = state, now
            elif self._rest:
                self._leave_out_crowds()
                self._start(min(more, _MOST - len(self._waiting)))
                more = min(2 * more, _MOST_AT_ONCE)
            if not self._rest and (now - quiet_since >= self._patience or self._known.issuperset(self._waiting)):
                break
            if len(self._waiting) >= _MOST:
                break
        return sorted(self._waiting | self._unasked), bool(self._rest)

    def _start(self, count: int) -> None:
        for _time in range(count):
            try:
                threading.Thread(target=self._ask_some, daemon=True).start()
            except RuntimeError:  # there may be no more of them
                break

    def _ask_some(self) -> None:
        while True:
            try:
                pid = self._rest.popleft()
            except IndexError:
                break
            self._waiting.add(pid)
            ask(pid, self._proc)
            self._waiting.discard(pid)
        if not self._waiting:
            self._done.set()

    def _leave_out_crowds(self) -> None:
        """Do not ask whose others are silent in masses: a user may have more processes than we may have threads."""
        if len(self._waiting) < _MOST_OF_ONE:
            return
        counts = collections.Counter(map(self._whose, list(self._waiting)))
        crowds = {user for user, count in counts.items() if count >= _MOST_OF_ONE and user}  # root's is none
        for pid in list(self._rest) if crowds else ():
            if self._whose(pid) in crowds:
                with contextlib.suppress(ValueError):  # a thread has taken it meanwhile
                    self._rest.remove(pid)
                    self._unasked.add(pid)

    def _whose(self, pid: int) -> t.Union[Account, int, None]:
        """Return whose a process is, by what its user cannot choose: the slice of his sessions, else his number."""
        if pid not in self._users:
            account = account_of(pid, "", self._proc)
            self._users[pid] = account if account.of_sessions and account.user else real_user_of(pid, self._proc.root)
        return self._users[pid]


def ask(pid: int, proc: Proc) -> None:
    """Wait until a process lets itself be read.

    Opening either file takes the one lock. Reading any of the environment takes the other, which the user may avoid by
    having none; newer kernels read parts of the maps without it, but not all.
    """
    for name in ("environ", "maps"):
        try:
            descriptor = os.open(f"{proc.root}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if name == "environ" and os.read(descriptor, 1):
                return
            while os.read(descriptor, _BLOCK):
                pass
        except OSError:
            pass
        finally:
            os.close(descriptor)

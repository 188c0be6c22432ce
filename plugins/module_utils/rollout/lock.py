# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One rollout at a time on a host, from its first change to its end, over all the modules that it calls in between.

A file says whose run it is. While a module works it also holds flock(2) on the file, which ends with its process
however that ends. Between two modules nothing of the run is on the host, so a run that was killed leaves the file
behind: it counts for nothing after a reboot, when its controller says that the run is gone (the task's action looks),
and when nothing was heard of it for a while, by a clock that nobody can set.

A transaction (rollout/detached.py) holds flock(2) from its beginning to its end, in one process, and says in the file
which unit it is. So who gets at the file of one knows that it is gone.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
import typing as t

from ..linux import boot_clock
from ..linux.file_lock import FOLDER, NotLocked, open_file
from ..linux.state_file import Damaged, parse_json

NAME = "rollout.lock"

SILENCE = 15 * 60
"""Seconds after the last change of a run, beyond which its lock counts for nothing."""

_LAST_MODULE = 300
"""Seconds that another module of the same run, or the last one of a run that was killed, has to end."""

_BEING_WRITTEN, _POLL = 1, 0.1
_LIMIT = 65536
"""Bytes of the file."""

ARGUMENTS: t.Dict[str, t.Dict[str, t.Any]] = {
    "rollout": {"type": "bool", "default": False},
    "run": {"type": "dict"},
}
"""What the modules take that change something in a rollout; V(run) is from the task's action."""

LockHolder = t.Dict[str, t.Any]
"""Who has the lock: what its action said of the run, V(since) and V(last) in seconds since boot, and V(boot)."""


class Held(NotLocked):
    """Another run has the lock; the text says whose, since when, and what to do."""

    def __init__(self, holder: LockHolder) -> None:
        now = boot_clock.now()
        since = boot_clock.on_the_wall(holder.get("since", now))
        begin = f"another run is changing this host: {holder.get('owner', 'unknown')}, since {since}"
        if holder.get("unit"):
            text = (
                f"{begin}, as the unit {holder['unit']} of the host, which comes to its end whatever becomes of that "
                "run; nothing was done here; wait until it has ended ('keepalive-sockets --rollout' shows it), then "
                "run again"
            )
        else:
            text = (
                f"{begin}, last heard of {max(0, int(now - holder.get('last', now)))} s ago; nothing was done here; "
                "wait until it has ended, then run again. If you know that it is dead: "
                "'ansible HOST -b -m netops.keepalive.rollout_end -a force=true' "
                f"(else after {SILENCE // 60} minutes without a sign of it its lock counts for nothing)"
            )
        super().__init__(text)
        self.holder = holder


class Lock:
    """The lock of a host, for one call of a module.

    :param run: Who asks, as the task's action says it (C(id), C(owner) and what tells whether it is gone;
        C(takes_over), the id of a run that is known to be gone). None: nobody is kept out, and nobody keeps out.
    :param rollout: The lock stays when the module ends, until the rollout does; otherwise it goes, unless it was there.
    """

    def __init__(self, run: t.Optional[t.Mapping[str, t.Any]], rollout: bool, folder: t.Optional[str] = None) -> None:
        self._run = dict(run or {})
        self._takes_over = self._run.pop("takes_over", None)
        self._rollout = rollout
        self._folder = folder or FOLDER
        self._descriptor: t.Optional[int] = None
        self._holder: LockHolder = {}
        self._stays = rollout
        self.note = ""
        """What is to be told of a lock that was taken over; else empty."""

    @property
    def held(self) -> bool:
        """Whether the lock stays with this run when the module ends."""
        return self._descriptor is not None and self._stays

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
        now = boot_clock.now()
        holder = _read(descriptor)
        since = now
        if holder and holder["id"] == self._run["id"]:
            since, self._stays = holder["since"], self._stays or not holder.get("unit") or bool(holder.get("stays"))
        elif holder and holder.get("unit"):
            self.note = f"took over the lock of a transaction that was killed on this host: {holder['owner']}"
        elif holder and self._takes_over == holder["id"]:
            self.note = f"took over the lock of a run that was killed: {holder['owner']}"
        elif holder and now - holder["last"] > SILENCE:
            self.note = (
                f"took over the lock of a run that was not heard of for {SILENCE // 60} minutes: {holder['owner']}"
            )
        elif holder:
            _write(descriptor, holder)  # as it was read: one of release 0.1.0 gets the times of this boot
            os.close(descriptor)
            raise Held(holder)
        elif _is_damaged(descriptor):
            path = os.path.join(self._folder, NAME)
            self.note = f"{path} is damaged and was not believed: whether another run is under way is not known"
        self._holder = {**self._run, "since": since, "last": now, "boot": boot_clock.boot()}
        _write(descriptor, {**self._holder, "stays": self._stays} if self._run.get("unit") else self._holder)
        self._descriptor = descriptor

    def _wait(self, descriptor: int) -> None:
        """Get the kernel's lock on the file, after another module of this run or the last of one that is gone."""
        started = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                holder = _read(descriptor)
                own = holder.get("id") in (self._run["id"], self._takes_over or self._run["id"])
                patience = _LAST_MODULE if own else 0
                if time.monotonic() - started >= max(patience, 0 if holder else _BEING_WRITTEN):
                    raise Held(holder) from None
            time.sleep(_POLL)

    def leave(self) -> None:
        """Let others in at the end of the module, unless the rollout goes on."""
        if self._descriptor is not None:
            if not self._stays:
                os.ftruncate(self._descriptor, 0)
            elif self._holder.pop("unit", None):  # the transaction ends, and the run that it was of goes on
                _write(self._descriptor, self._holder)
            os.close(self._descriptor)
            self._descriptor = None

    def end(self, force: bool = False) -> t.Optional[LockHolder]:
        """Let others in at the end of the rollout; return whose lock it was, None where there was none.

        :param force: Also where it is the lock of another run.
        :raises Held: it is, and it must not be taken away.
        """
        try:
            descriptor = open_file(NAME, self._folder, create=False)
        except FileNotFoundError:
            return None
        try:
            holder = _read(descriptor)
            if holder and holder["id"] != self._run.get("id") and not force:
                raise Held(holder)
            os.ftruncate(descriptor, 0)
            return holder or None
        finally:
            os.close(descriptor)


def _read(descriptor: int) -> LockHolder:
    """Return whose lock it is; {} where it is nobody's, of another boot, never finished, or damaged."""
    holder = _parsed(descriptor) or {}
    if holder and "boot" not in holder:  # release 0.1.0 wrote the wall clock's time: its silence is counted from now
        now = boot_clock.now()
        holder.update(since=now, last=now, boot=boot_clock.boot())
    return holder if holder.get("boot") == boot_clock.boot() else {}


def _is_damaged(descriptor: int) -> bool:
    return os.fstat(descriptor).st_size > 0 and _parsed(descriptor) is None


def _parsed(descriptor: int) -> t.Optional[LockHolder]:
    """Return what a run has written; None where the file holds nothing that a run writes."""
    try:
        holder = parse_json(os.pread(descriptor, _LIMIT, 0))
    except Damaged:
        return None
    return holder if isinstance(holder, dict) and _names_a_run(holder) else None


def _names_a_run(holder: LockHolder) -> bool:
    """Tell whether a run has written this. What it says of times must be times: they are compared and shown."""
    texts, times = (holder.get("id"), holder.get("owner")), (holder.get("since"), holder.get("last"))
    return all(isinstance(text, str) and text for text in texts) and all(
        isinstance(time_, (int, float)) and not isinstance(time_, bool) and math.isfinite(time_) and 0 <= time_ < 1e11
        for time_ in times
    )


def _write(descriptor: int, holder: LockHolder) -> None:
    text = json.dumps(holder).encode("utf-8")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)

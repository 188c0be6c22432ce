# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start a transaction as a unit of systemd's, and wait for its answer.

The unit lives on when the module, its connection, sudo's terminal or the controller end; its name is the lock, because
systemd has no two units of one name; and systemd starts it again where it is killed. Whoever waits only reads a file.
"""

from __future__ import annotations

import secrets
import sys
import time
import typing as t

from ..linux import boot_clock, file_lock, job, systemd
from ..linux.command import absence
from ..linux.polling import poll_until
from ..linux.printable import printable, quoted
from . import lock
from .detached_main import run_detached
from .own_code import NoSource, zipped_code
from .transaction import Assignment, assignment_of
from .transaction_files import CODE, FOLDER, UNIT, Paper, TransactionFiles

_START = 30.0
"""Seconds for systemd to start it."""
_PAUSE = 0.05
_LOOK = 1.0
"""Seconds between two questions whether the unit is still there."""
_GONE = 10.0
"""Seconds for systemd to forget a unit that has ended."""
_ANSWERED = 120.0
"""Seconds for what is not counted one by one: reading files, looking at processes."""

_PROPERTIES = (
    "Restart=on-failure",  # killed, it goes on, and comes to its end without another run
    "RestartSec=200ms",
    "KillMode=process",  # who hangs in the kernel for another process is left behind, and holds the name no longer
    "TimeoutStopSec=10s",
)


class NotStarted(Exception):
    """The transaction cannot be started; nothing was done. The text says why."""


class NoOutcome(Exception):
    """It was started, and how it ended is not known; the text says what is."""


class Detached:
    """The one transaction that a host can have.

    :param folder: of its files.
    :param ask: runs a command.
    """

    def __init__(self, folder: str = FOLDER, ask: t.Optional[systemd.Run] = None) -> None:
        self._files = TransactionFiles(folder)
        self._folder = folder
        self._ask = ask or systemd.ask_systemd
        self.earlier: t.Optional[Paper] = None
        """The answer of a transaction that came to its end when nobody waited for it any more."""

    def start(self, assignment: Assignment) -> str:
        """Start it, and return its name.

        :raises Held: one is under way.
        :raises NotLocked: its folder could be somebody else's.
        :raises NotStarted: it cannot be.
        """
        missing = absence("systemd-run", "systemctl")
        if missing:
            raise NotStarted(f"{missing}; a rollout runs as a unit of systemd's")
        name = secrets.token_hex(8)
        with file_lock.locked("start-of-a-rollout", self._folder):
            self.refuse_second()
            self.earlier = self._files.read("answer")
            try:
                self._files.make()
                self._files.write_code(zipped_code(run_detached))
                self._files.write("assignment", {**assignment_of(assignment), "id": name})
                self._run()
            except (OSError, NoSource) as error:
                self._files.remove("assignment", CODE)
                why = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
                raise NotStarted(f"the transaction cannot be prepared in {self._folder}: {why}") from error
            except (systemd.SystemdError, NotStarted):
                self._files.remove("assignment", CODE)
                raise
        return name

    def _run(self) -> None:
        options = [f"--property={one}" for one in _PROPERTIES]
        status, _out, err = self._ask(
            ["systemd-run", "--quiet", "--collect", f"--unit={UNIT}", "--service-type=exec",
             "--description=Rollout of TCP keepalive settings (netops.keepalive)", *options,
             "--", sys.executable, "-I", self._files.path(CODE), self._folder],
            _START,
        )  # fmt: skip
        if status != 0:
            raise NotStarted(f"'systemd-run --unit={UNIT}' failed: {quoted(err)}")

    def refuse_second(self) -> None:
        """See that none is under way; one that has answered already is waited for, it is about to end.

        :raises Held: one is.
        """
        limit = _GONE if self._files.read("answer") else 0.0
        if poll_until(lambda: not self._is_there(), limit, _PAUSE):
            return
        progress = self._files.read("progress") or {}
        since = progress.get("since", boot_clock.now())
        step = f" (now: {progress['step']})" if progress.get("step") else ""
        run = (self._files.read("assignment") or {}).get("run") or {}
        owner = f"{progress.get('owner') or run.get('owner', 'unknown')}{step}"
        raise lock.Held({"id": "unknown", **run, "owner": owner, "since": since, "unit": UNIT})

    def _is_there(self) -> bool:
        status, out, err = self._ask(["systemctl", "show", "--property=ActiveState", UNIT])
        if status != 0:
            raise systemd.SystemdError(f"systemctl show failed ({status}): {quoted(err)}")
        return out.strip() not in ("ActiveState=inactive", "ActiveState=failed")

    def take_earlier(self) -> t.Optional[Paper]:
        """Return the answer that nobody has waited for, if there is one, and remove it: it is told once."""
        self.earlier = self._files.read("answer")
        self._files.remove("answer")
        return self.earlier

    def wait(self, name: str, limit: float, confirmed: str = "") -> Paper:
        """Return the answer of a transaction; or C(armed), the name of a trial that waits to be confirmed.

        :param limit: seconds.
        :param confirmed: a trial that has been seen to already.
        :raises NoOutcome: there is none, or not by then.
        """
        deadline, look = time.monotonic() + limit, 0.0
        while True:
            answer = self._files.read("answer")
            if answer is not None and answer["id"] == name:
                break
            armed = (self._files.read("progress") or {}).get("armed", "")
            if armed not in ("", confirmed):
                return {"id": name, "armed": armed}
            now = time.monotonic()
            if now >= look:
                look = now + _LOOK
                gone = not self._is_there()
                answer = self._files.read("answer")
                if answer is not None and answer["id"] == name:
                    break
                if gone:
                    raise NoOutcome(self._end(name, answer))
            if now >= deadline:
                raise NoOutcome(
                    f"{UNIT} has not ended within {limit:g} s; it goes on by itself, and the host ends verified or as "
                    "it was: 'keepalive-sockets --rollout' on the host shows it, and the next run says how it ended"
                )
            time.sleep(_PAUSE)
        poll_until(lambda: not self._is_there(), _GONE, _PAUSE)
        self._files.remove("answer")
        return answer

    def _end(self, name: str, answer: t.Optional[Paper]) -> str:
        """Say what is known of one that is gone without an answer."""
        if answer is not None:
            return f"{UNIT} has ended, and another run has taken its answer away: see 'journalctl --unit={UNIT}'"
        said = quoted(job.last_lines(self._ask, UNIT))
        progress = self._files.read("progress") or {}
        step = f", at the step '{printable(str(progress['step']))}'" if progress.get("id") == name else ""
        return (
            f"{UNIT} was ended from outside before it had an answer{step}: what the host had before is kept there, and "
            f"the next run puts it right{f'; it said: {said}' if said else ''}"
        )


def patience(assignment: Assignment) -> float:
    """Return how long a transaction may take, in seconds: each unit's restart and the way back, as long as jobs may."""
    task = assignment_of(assignment)
    units = len(task["services"]) + len(task["units"])
    each = task["settle"] + task["verify_wait"] if task["one_at_a_time"] else 0.0
    trial = 2 * (task["host_wide"] or {}).get("watchdog", 0)
    seconds: float = (
        _ANSWERED + trial + 2 * task["settle"] + task["verify_wait"] + units * (2 * task["job_timeout"] + each)
    )
    return seconds

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have systemd do something with units, wait for it no longer than allowed, and see what a unit logged last.

C(systemctl restart) waits for its job, and a job for its unit: for ever where a program says never that it is ready
(Type=notify, TimeoutStartSec=infinity), does not stop (TimeoutStopSec=infinity), or stands behind another job that does
not end. A job that is given up is cancelled, so that it does not come into the way back, which acts on the same unit.
The last messages help whoever reads of a failure, and are never a reason to fail or to wait long.
"""

from __future__ import annotations

import json
import re
import typing as t

from . import systemd

TIMEOUT = 300
"""Seconds that a job may take whose units have no limits of their own."""

_MARGIN = 10.0
_PHASES = {"TimeoutStartUSec": 2, "TimeoutStopUSec": 3}
"""How often a unit's limit may pass in one job: commands before the start, and the start; commands that stop, SIGTERM,
SIGKILL."""
_DOING = {
    "activating": "it is still being started by systemd",
    "deactivating": "it is still being stopped by systemd",
    "reloading": "it is still being reloaded by systemd",
}


class Unfinished(Exception):
    """The job had not ended when its time was over; the text says what is still going on."""

    def __init__(self, unit: str, seen: str) -> None:
        super().__init__(seen)
        self.unit = unit


def wait_for(run: systemd.Run, verb: str, units: t.Sequence[str], timeout: float) -> t.Tuple[int, str]:
    """Have systemd do something with units; return the exit status and standard error of C(systemctl).

    :param timeout: seconds that it may take where not all units have limits of their own.
    :raises Unfinished: it was still going on then.
    """
    limit = limit_of(systemd.show(run, units).values(), timeout)
    try:
        status, _unused_out, err = run(["systemctl", verb, "--", *units], limit)
        return status, err
    except systemd.NoAnswer as error:
        unit, doing = _give_up(run, units)
        raise Unfinished(unit, f"'systemctl {verb}' did not end within {limit:g} s, {doing}") from error


def limit_of(units: t.Iterable[systemd.Properties], timeout: float) -> float:
    """Return how long a job of these units may take, in seconds: their own time, where all of it has an end."""
    longest = 0.0
    for properties in units:
        own = _MARGIN
        for name, phases in _PHASES.items():
            span = systemd.seconds(properties.get(name, "infinity"))  # None for "infinity" as well
            if span is None:
                return timeout
            own += span * phases
        longest = max(longest, own)
    return longest or timeout


def _give_up(run: systemd.Run, units: t.Sequence[str]) -> t.Tuple[str, str]:
    """Cancel what is left of the job; return the unit that it hung at, and what is going on with it."""
    try:
        shown = systemd.show(run, units)
        waiting = {name: shown[name] for name in units if shown[name].get("Job", "0") != "0"}
        for properties in waiting.values():
            job = re.match(r"[0-9]+", properties["Job"])  # of a few releases with the path of its object behind it
            if job:
                run(["systemctl", "cancel", "--", job[0]])
    except systemd.NoAnswer:
        return units[0], "and nobody is there to cancel its job"
    for name, properties in (waiting or shown).items():
        doing = _DOING.get(properties.get("ActiveState", ""))
        if doing:
            return name, f"{doing}; its job was cancelled" if waiting else doing
    if waiting:
        return next(
            iter(waiting)
        ), "its job waited for those of other units (see 'systemctl list-jobs'), and was cancelled"
    return units[0], "although systemd has no job for it any more"


LIMIT = 15.0
"""Seconds: a journal may be huge, or damaged."""

_LINES = 5
_COMMAND = ("journalctl", "--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE", f"--lines={_LINES}")
"""As JSON journalctl leaves out what is longer than 4 KiB; as text it would print a message of any length."""


def last_lines(run: systemd.Run, unit: str) -> str:
    """Return the last messages of a unit, one a line; nothing where there are none, or they cannot be had."""
    try:
        status, out, _unused_err = run([*_COMMAND, f"--unit={unit}"], LIMIT)
    except systemd.SystemdError:
        return ""
    if status != 0:
        return ""
    return "\n".join(filter(None, map(_message, out.split("\n")[:_LINES])))


def _message(line: str) -> str:
    try:
        message = json.loads(line)["MESSAGE"]
        return message if isinstance(message, str) else bytes(message).decode("utf-8", "replace") if message else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""

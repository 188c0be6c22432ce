# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sockets have in the place of what is asked of them, and when a dead peer is noticed with that."""

from __future__ import annotations

import os
import typing as t

from ..settings.options import DERIVE, TIMING
from .noticed import noticed_after
from .units import Said

OFF = "keepalive"
"""As an option: whether probes are sent at all."""
_OF_TIME = (OFF, *TIMING, "user_timeout")
"""The options that decide when something is noticed."""


class FoundAlike(t.NamedTuple):
    """Sockets of which the same is asked, and that have the same instead."""

    others: t.Tuple[t.Tuple[str, t.Any, t.Any], ...]
    """Option, what it is, and what it should be; none where some of it could not be read."""
    sockets: int
    hosts: int
    units: t.Tuple[str, ...]
    """By how many of their sockets, the most first."""
    reasons: t.Tuple[str, ...]


def noticed_instead(asked: Said, others: t.Iterable[t.Tuple[str, t.Any, t.Any]]) -> t.Dict[str, t.Any]:
    """Return what report/noticed.py says of what is asked, with some of it otherwise.

    With keepalive off nothing is sent on an idle connection: a dead peer is never noticed there. Data that is under way
    is waited for as long as the user timeout says, or as the kernel does without one.

    A derived user timeout that is not among the others can be that of the values that are asked, or that of those that
    were found: C(or_after) is the shorter one then, and C(unacknowledged) the longer one.
    """
    found = {option: value for option, value, _asked in others}
    values = {**asked, **{name: value for name, value in found.items() if name != OFF}}
    times = noticed_after(values)
    meant, or_after = noticed_after(asked).unacknowledged, None
    if values.get("user_timeout") == DERIVE and meant and times.unacknowledged != meant:
        longer = max(meant, times.unacknowledged or 0)
        or_after = min(meant, times.unacknowledged or 0)
        times = noticed_after({**values, "user_timeout": int(longer * 1000)})
    said = {**times._asdict(), "or_after": or_after, "off": found.get(OFF) is False}
    if said["off"]:
        said.update(idle=None, probes=0, survives=None)
    return said


def found_alike(hosts: t.Iterable[Said]) -> t.Dict[str, t.List[FoundAlike]]:
    """Return what was found instead, the most frequent first, by the text of what is asked (see key_of)."""
    alike: t.Dict[str, t.Dict[t.Tuple[t.Any, ...], _Counted]] = {}
    for host in hosts:
        for unit, entry in host["units"].items():
            asked = entry["expected"]
            for finding in entry["found"] if asked else ():
                others = _others(finding["values"])
                if others is not None:
                    counted = alike.setdefault(key_of(asked["tcp"]), {}).setdefault(others, _Counted())
                    counted.add(host, unit, finding)
    return {
        key: sorted((each.told(others) for others, each in found.items()), key=lambda each: -each.sockets)
        for key, found in alike.items()
    }


def found_by_audit(hosts: t.Iterable[Said]) -> t.List[FoundAlike]:
    """Return what connections that are not right have, the most frequent first.

    Of the user timeout an audit says nothing. Of each program it names three sets of values at most.
    """
    alike: t.Dict[t.Tuple[t.Any, ...], _Counted] = {}
    for host in hosts:
        for group in host["audit"]["groups"] if host["audit"] else ():
            name = group["unit"] or os.path.basename(group["program"]) or "no unit"
            seen: t.List[t.Tuple[t.Tuple[t.Any, ...], int, str]] = [
                (((OFF, False, True),), group["without"], "without keepalive")
            ]
            for each in group.get("found_values", ()):
                seen.append((tuple((key, each[key], None) for key in TIMING), each.get("connections", 0), ""))
            for others, count, reason in seen:
                if count:
                    finding = {"sockets": count, "reason": reason}
                    alike.setdefault(others, _Counted()).add(host, name, finding)
    return sorted((each.told(others) for others, each in alike.items()), key=lambda each: -each.sockets)


def key_of(asked: Said) -> str:
    """Return a text that is the same for the same values."""
    return repr(sorted(asked.items()))


def _others(values: t.Sequence[Said]) -> t.Optional[t.Tuple[t.Tuple[str, t.Any, t.Any], ...]]:
    """Return what of the values decides when something is noticed; None where it is all as asked."""
    found = tuple((each["option"], each["found"], each["expected"]) for each in values if each["option"] in _OF_TIME)
    return () if not all(_is_known(option, value) for option, value, _asked in found) else found or None


def _is_known(option: str, value: t.Any) -> bool:
    if option == OFF:
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


class _Counted:
    def __init__(self) -> None:
        self._sockets = 0
        self._hosts: t.Set[int] = set()
        self._units: t.Dict[str, int] = {}
        self._reasons: t.Dict[str, None] = {}

    def add(self, host: Said, unit: str, finding: Said) -> None:
        self._sockets += finding["sockets"]
        self._hosts.add(id(host))
        self._units[unit] = self._units.get(unit, 0) + finding["sockets"]
        if finding["reason"]:
            self._reasons[finding["reason"]] = None

    def told(self, others: t.Tuple[t.Tuple[str, t.Any, t.Any], ...]) -> FoundAlike:
        units = sorted(self._units, key=lambda unit: (-self._units[unit], unit))
        return FoundAlike(others, self._sockets, len(self._hosts), tuple(units), tuple(self._reasons))

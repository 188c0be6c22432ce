# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry of keepalive_services that is advised for a unit: it gives what is missing, and takes nothing away.

A library sets its values over what the program has set before it connects or listens. So what is better already has to
stand in the entry, or be left alone by it: shorter times, a user timeout of the program's own, and the libraries and
options that the unit has from an earlier entry.
"""

from __future__ import annotations

import os
import typing as t

from ..linux.unit_files import directives_in
from ..settings.jitter import without_effect
from ..settings.options import (
    DERIVE,
    LIBRARIES,
    OPTIONS,
    SWITCHES,
    SYSTEM,
    TIMING,
    as_integer,
    derived_user_timeout,
    problem_with_user_timeout,
    problem_with_value,
    user_timeout_from,
)
from ..settings.service import ResolvedService
from ..sockets.record import Record
from ..units import dropin
from .idle import KeepaliveTimes, probes_in_force

LIBRARY_OF = {"outgoing": "connect", "accepted": "listen"}
"""Direction → the library that sets the options of such connections."""

OVERRIDDEN = "overridden_by_application"
"""The word of C(accept) for values that a program sets after the library."""


class AsFound(t.NamedTuple):
    """What a unit has already."""

    libraries: t.FrozenSet[str] = frozenset()
    """Of this collection: what is loaded, what the unit's drop-in names, and what its other connections need."""
    times: t.FrozenSet[KeepaliveTimes] = frozenset()
    """What somebody has chosen for sockets of the unit; the host's own times are nobody's choice."""
    user_timeouts: t.FrozenSet[int] = frozenset()
    """In ms; 0 for sockets that have none, or one that is derived."""
    right: int = 0
    """How many connections survive the idle timeout by times that somebody has chosen."""
    all_off: bool = False
    """Whether keepalive is off on all that do not survive it."""
    said: t.Mapping[str, int] = {}
    """What the unit's drop-in says besides the times."""
    asked: t.FrozenSet[str] = frozenset()
    """The libraries that the drop-in names, whether or not a process has them."""
    ours: bool = False
    """Whether one of the libraries is loaded or in the drop-in: then what is right may be its work."""
    by_program: bool = False
    """Whether the drop-in has a BPF program set the options, and loads no library."""
    jitter: int = 0
    """Of the entry that the drop-in was made from, in percent."""
    latest_keepidle: int = 0
    """What that entry says, where a jitter made it less."""

    @property
    def times_said(self) -> t.FrozenSet[KeepaliveTimes]:
        """Return the times as an entry would say them: what a jitter took off one host's is not for others."""
        latest = self.latest_keepidle
        least = latest - latest * self.jitter // 100
        return frozenset(
            each._replace(keepidle=latest) if least <= each.keepidle < latest else each for each in self.times
        )


class SocketsFound:
    """The sockets of one direction of a unit, those that do not leave the host as well: an entry is for all of them."""

    def __init__(self) -> None:
        self._times: t.Set[KeepaliveTimes] = set()
        self._user_timeouts: t.Set[int] = set()
        self._verdicts: t.Set[str] = set()
        self._right = 0

    def add(self, record: Record, verdict: str, system_keepidle: int, alike: int = 1) -> None:
        """Take a connection or a listener in.

        :param alike: How many there are that have the same options and verdict.
        """
        if record.state != "LISTEN":
            self._verdicts.add(verdict)
        times = times_in_force(record)
        if record.keepalive and times and times.keepidle != system_keepidle:
            self._times.add(times)
            if verdict == "right" and record.state != "LISTEN":
                self._right += alike
        user_timeout = record.options.get("user_timeout")
        if user_timeout is not None:
            derived = user_timeout_from(record.options)
            self._user_timeouts.add(SYSTEM if user_timeout == derived else user_timeout)

    def as_found(self) -> AsFound:
        """Return what counts of them."""
        return AsFound(
            times=frozenset(self._times),
            user_timeouts=frozenset(self._user_timeouts),
            right=self._right,
            all_off=self._verdicts <= {"right", "without"},
        )


def times_in_force(record: Record) -> t.Optional[KeepaliveTimes]:
    """Return the times that are in force on a socket once keepalive is on, None where they cannot be read."""
    idle, interval, count = (record.options.get(name) for name in KeepaliveTimes._fields)
    return None if idle is None or interval is None or count is None else KeepaliveTimes(idle, interval, count)


def together(parts: t.Iterable[AsFound]) -> AsFound:
    """Make one of what was found of a unit in several places."""
    libraries: t.FrozenSet[str] = frozenset()
    times: t.FrozenSet[KeepaliveTimes] = frozenset()
    user_timeouts: t.FrozenSet[int] = frozenset()
    said: t.Dict[str, int] = {}
    asked: t.FrozenSet[str] = frozenset()
    right, all_off, ours, by_program, jitter, latest = 0, True, False, False, 0, 0
    for part in parts:
        libraries |= part.libraries
        times |= part.times
        user_timeouts |= part.user_timeouts
        right += part.right
        all_off = all_off and part.all_off
        said.update(part.said)
        asked |= part.asked
        ours = ours or part.ours
        by_program = by_program or part.by_program
        jitter, latest = max(jitter, part.jitter), max(latest, part.latest_keepidle)
    return AsFound(libraries, times, user_timeouts, right, all_off, said, asked, ours, by_program, jitter, latest)


def loaded_libraries(paths: t.Iterable[str]) -> t.FrozenSet[str]:
    """Return which of this collection's libraries are among files, by the names that an entry has for them."""
    files = {os.path.basename(path) for path in paths}
    return frozenset(name for name, file in LIBRARIES.items() if file in files)


def found_in_drop_in(
    environment: t.Mapping[str, str],
    attached: t.Optional[t.Sequence[str]] = None,
    comment: t.Optional[t.Mapping[str, t.Any]] = None,
) -> AsFound:
    """Return what a unit's drop-in of ours gives to it.

    :param attached: What it gives to keepalive-bpf, None where it has no program attached.
    :param comment: What it says in its comment (settings/entry_comment.py).
    """
    said = {}
    for name, option in OPTIONS.items():
        value = as_integer(environment.get(option.variable, ""))
        if name in TIMING or value in (None, option.default) or problem_with_value(option, value):
            continue
        said[name] = value
    said.update({key: 1 for key, variable in SWITCHES.items() if environment.get(variable) == "1"})
    entries = environment.get("LD_PRELOAD", "").split(":")
    libraries = loaded_libraries(filter(dropin.is_own_library, entries))
    libraries |= {name for name in attached or () if name in LIBRARIES}
    found = AsFound(
        libraries, all_off=True, said=said, asked=libraries, ours=bool(libraries), by_program=attached is not None
    )
    return _with_jitter(found, comment)


def found_in_socket_drop_in(text: str, comment: t.Optional[t.Mapping[str, t.Any]] = None) -> AsFound:
    """Return what a .socket unit's drop-in of ours says besides the times."""
    option = OPTIONS["defer_accept"]
    value = as_integer(dict(directives_in(text, "Socket")).get("DeferAcceptSec", ""))
    said = {option.name: value} if value and not problem_with_value(option, value) else {}
    return _with_jitter(AsFound(all_off=True, said=said), comment)


def _with_jitter(found: AsFound, comment: t.Optional[t.Mapping[str, t.Any]]) -> AsFound:
    said = comment or {}
    return found._replace(jitter=said.get("jitter", 0), latest_keepidle=said.get("latest_keepidle", 0))


def entry_for(
    unit: str, side: str, values: KeepaliveTimes, found: AsFound, says_user_timeout: bool = False
) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Return the entry for connections of one direction of a unit, and what one has to know about it.

    :param says_user_timeout: The program itself sets TCP_USER_TIMEOUT, to 0 where its configuration says nothing.
    """
    if unit.endswith(".socket"):  # systemd sets it on the listener itself, which nobody else has opened
        return _keeping_jitter({"name": unit, "tcp": {**values._asdict(), **found.said}}, found), []
    notes: t.List[str] = []
    libraries = found.libraries | {LIBRARY_OF[side]}
    entry: t.Dict[str, t.Any] = {"name": unit, "libraries": [name for name in LIBRARIES if name in libraries]}
    if len(libraries) > 1:
        others = " and ".join(name for name in LIBRARIES if name in libraries - {LIBRARY_OF[side]})
        notes.append(f"the entry names {others} too: loaded already, or for other sockets of the unit")
    respect = found.right > 0 and found.all_off and not found.ours
    if respect:
        notes.append(f"respect: true leaves alone those that the program itself has set right ({found.right})")
    else:
        values, kept = _with_shorter(values, found.times_said)
        if kept:
            notes.append(f"{' and '.join(kept)}: some of the unit's sockets have that already, and keep it")
    tcp = {**values._asdict(), **{name: value for name, value in found.said.items() if name in OPTIONS}}
    if "user_timeout" not in tcp:
        user_timeout, accept, note = _user_timeout(found, says_user_timeout, values)
        if user_timeout != DERIVE:
            tcp["user_timeout"] = user_timeout
            notes.append(note)
        if accept and not respect:
            entry["accept"] = [OVERRIDDEN]
    entry["tcp"] = tcp
    if problem_with_user_timeout({"user_timeout": DERIVE, **tcp}):  # the program's own, or what an entry has said
        entry["short_user_timeout"] = True
    entry.update({name: True for name in SWITCHES if name in found.said or (respect and name == "respect")})
    return _keeping_jitter(entry, found), notes


def _keeping_jitter(entry: t.Dict[str, t.Any], found: AsFound) -> t.Dict[str, t.Any]:
    if found.jitter and not without_effect(entry["tcp"]["keepidle"], found.jitter):
        entry["jitter"] = found.jitter
    return entry


def _with_shorter(values: KeepaliveTimes, others: t.Iterable[KeepaliveTimes]) -> t.Tuple[KeepaliveTimes, t.List[str]]:
    """Return the values with what is shorter in others, and what that is."""
    shortest = {name: min(getattr(each, name) for each in (values, *others)) for name in ("keepidle", "keepintvl")}
    kept = [f"{name} {value} s" for name, value in shortest.items() if value < getattr(values, name)]
    return values._replace(**shortest), kept


def _user_timeout(found: AsFound, says_user_timeout: bool, values: KeepaliveTimes) -> t.Tuple[int, bool, str]:
    """Return the entry's user timeout, whether another one has to be accepted on sockets, and why that is so."""
    own = sorted(found.user_timeouts - {SYSTEM})
    shown = " and ".join(f"{each} ms" for each in own[:3]) + (" and others" if len(own) > 3 else "")
    if says_user_timeout:
        return SYSTEM, bool(own), (
            "user_timeout: 0 in the entry: the program sets that option itself, to 0 where its configuration says "
            "nothing"
        )  # fmt: skip
    if not own:
        return DERIVE, False, ""
    if len(found.user_timeouts) > 1:
        return SYSTEM, True, (
            f"some of its sockets have a user timeout already ({shown}): user_timeout: 0 leaves that to the program"
        )  # fmt: skip
    note = f"its user timeout of {shown} stays; {derived_user_timeout(*values)} ms would be derived"
    if probes_in_force(values, own[0]) < 2:
        note += "; with it, one lost probe ends an idle connection"
    return own[0], False, note


def variables_of(entry: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """Return the variables that an entry would give to a service."""
    tcp = {name: entry["tcp"].get(name, option.default) for name, option in OPTIONS.items()}
    service = ResolvedService(
        entry["name"], entry["libraries"], tcp, debug="debug" in entry, respect="respect" in entry
    )
    return dropin.environment(service.libraries, service.variables, ())

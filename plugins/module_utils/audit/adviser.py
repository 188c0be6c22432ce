# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the advice for a host's findings is made of: their processes, their units' other sockets, and their drop-ins."""

from __future__ import annotations

import itertools
import os
import typing as t

from ..linux import answering
from ..linux.accounts import THE_UNITS_OWN, label_of
from ..linux.procfs import Proc
from ..processes.facts import ProcessFacts, drop_in_of, gather_facts
from ..settings.entry_comment import NotUnderstood, entry_said
from ..settings.options import LIBRARIES
from ..sockets.record import Record
from ..units.attach_line import attach_words
from ..units.wrappers import is_told_elsewhere, lost_on_the_way
from .advice import Advice, Program, advise, client_libraries, is_service, settings_for
from .entry import (
    LIBRARY_OF,
    AsFound,
    SocketsFound,
    found_in_drop_in,
    found_in_socket_drop_in,
    loaded_libraries,
    together,
)
from .group import Group, Key
from .idle import KeepaliveTimes

_SYSTEM_KEEPIDLE = 7200
"""Where the sysctl cannot be read: the kernel's own default."""


class Whereabouts(t.NamedTuple):
    """Where a host is looked at."""

    proc: Proc
    library_dir: str
    drop_ins: str


class Adviser:
    """Remembers all sockets of a host by unit, and advises for the groups that are listed."""

    def __init__(
        self,
        values: KeepaliveTimes,
        places: Whereabouts,
        systemd_version: t.Callable[[], int],
        given_preload: t.Callable[[str], t.Optional[str]] = lambda unit: None,
        can_attach: t.Callable[[t.Mapping[str, t.Any]], bool] = lambda entry: False,
    ) -> None:
        """Begin with nothing.

        :param values: what is recommended.
        :param systemd_version: called once at most, where a service shows its environment.
        :param given_preload: called where that has an LD_PRELOAD: what systemd gives to the unit, None for not known.
        :param can_attach: called where no library gets in: whether a BPF program can set what an entry says.
        """
        self._can_attach = can_attach
        self._values = values
        self._places = places
        self._ask_version = systemd_version
        self._given_preload = given_preload
        self._version: t.Optional[int] = None
        self._system_keepidle = _system_keepidle(places.proc)
        self._facts: t.Dict[int, ProcessFacts] = {}
        self._labels: t.Dict[str, str] = {}
        self._sockets: t.Dict[t.Tuple[str, str, int], SocketsFound] = {}
        """By unit, direction and user: what one person has set says nothing of what others run in a unit."""

    def add(self, record: Record, side: str, verdict: str, times: int = 1) -> None:
        """Remember a connection or a listener, and how many like it there are; one that is not judged as well."""
        if record.unit not in self._labels:
            self._labels[record.unit] = label_of(record.unit)
        place = self._labels[record.unit], side, record.account.user
        found = self._sockets.get(place)
        if found is None:
            found = self._sockets[place] = SocketsFound()
        found.add(record, verdict, self._system_keepidle, times)

    def turns_it_on(self, record: Record) -> bool:
        """Tell whether a listener's program turns keepalive on on all that it accepts, and leaves the times alone."""
        program = Program(record.program, unit=label_of(record.unit))
        return any(setting.on for setting in settings_for(program, "accepted", ()))

    def sets_times(self, record: Record) -> bool:
        """Tell whether a listener is a Go program's, which has keepalive (15 s / 15 s) on all that it accepts."""
        elf = self._facts_of(record.owner[0]).elf
        return elf is not None and elf.go

    def advise_all(self, groups: t.Iterable[t.Tuple[Key, Group]]) -> t.Dict[Key, Advice]:
        """Advise for the groups that are not right; the entries of one unit agree with each other."""
        by_unit: t.Dict[str, t.List[t.Tuple[Key, Group]]] = {}
        for key, group in groups:
            by_unit.setdefault(key.unit, []).append((key, group))
        advice: t.Dict[Key, Advice] = {}
        for unit, members in by_unit.items():
            if any(group.rank == 0 for _key, group in members):
                advice.update(self._of_unit(unit, members))
        return advice

    def _of_unit(self, unit: str, members: t.Sequence[t.Tuple[Key, Group]]) -> t.Iterator[t.Tuple[Key, Advice]]:
        programs = {key: self._program_of(key, group) for key, group in members}
        wrong = [(key, group) for key, group in members if group.rank == 0]
        asked = self._in_drop_in(unit)
        libraries = set(asked.libraries)
        for program in programs.values():
            libraries |= loaded_libraries(program.loaded)
        ours = bool(libraries)
        for key, group in wrong:
            if self._advise(programs[key], key.side, group).kind in ("preload", "program"):
                libraries.add(LIBRARY_OF[key.side])
        for key, group in wrong:
            given = libraries | {LIBRARY_OF[key.side]}
            sides = [side for side, library in LIBRARY_OF.items() if given & {library, "socket"}]
            found = together([asked, *self._sockets_of(unit, sides, {key.account.user, THE_UNITS_OWN})])
            found = found._replace(libraries=frozenset(libraries), ours=ours)
            yield key, self._advise(programs[key], key.side, group, found)

    def _sockets_of(self, unit: str, sides: t.Iterable[str], users: t.Iterable[int]) -> t.Iterator[AsFound]:
        for place in itertools.product((unit,), sides, users):
            if place in self._sockets:
                yield self._sockets[place].as_found()

    def _advise(self, program: Program, side: str, group: Group, found: t.Optional[AsFound] = None) -> Advice:
        system = self._system_keepidle
        return advise(
            program,
            side,
            self._values,
            ports={port for _address, port in group.peers},
            by_default=any(values.keepidle == system for values in group.values),
            own=next((values for values, _count in group.values.most_common() if values.keepidle != system), None),
            found=found,
            ended_by=tuple(sorted(group.ended_by)),
            all_ended=sum(group.ended_by.values()) == group.findings and not group.listeners,
            can_attach=self._can_attach,
        )

    def _program_of(self, key: Key, group: Group) -> Program:
        facts = self._facts_of(min(group.pids))
        leader = self._leader_of(key.unit, min(group.pids)) if is_service(key.unit) else ""
        mapped = facts.mapped or {}
        elf = facts.elf
        return Program(
            path=key.program,
            script=key.script,
            unit=key.unit,
            libraries=client_libraries(mapped),
            loaded=tuple(name for name in LIBRARIES.values() if os.path.join(self._places.library_dir, name) in mapped),
            # A program that was started through the loader has the loader as its executable.
            static=elf is not None and elf.interpreter is None and not os.path.basename(key.program).startswith("ld-"),
            go=elf is not None and elf.go,
            musl=elf is not None and "ld-musl" in (elf.interpreter or ""),
            secure=bool(facts.secure),
            lost=self._lost_by(key, min(group.units), min(group.pids)) if is_service(key.unit) else "",
            told=any(is_told_elsewhere(path, min(group.units)) for path in (key.program, leader)),
            instance=min(group.units),
            leader=leader,
        )

    def _facts_of(self, pid: int) -> ProcessFacts:
        if pid not in self._facts:
            self._facts[pid] = gather_facts(pid, self._places.proc)
        return self._facts[pid]

    def _lost_by(self, key: Key, unit: str, pid: int) -> str:
        """Say what shows that a program does not get what systemd gives to its unit; '' where nothing does.

        Of a process that may have overwritten its environment, the one that started it tells: what did not reach that
        one did not reach those that it starts.
        """
        if self._places.proc.program_of(pid) != key.program:  # it runs another one by now
            return ""
        while self._is_in(key.unit, pid):
            environment = self._facts_of(pid).environment
            if environment is not None:
                own = environment.get("LD_PRELOAD", "")
                given = self._given_preload(unit) if own else None
                should = {"LD_PRELOAD": own if given is None else given}
                return lost_on_the_way(should, environment, self._version_of_systemd()) or ""
            pid = self._places.proc.parent_of(pid)
        return ""

    def _leader_of(self, unit: str, pid: int) -> str:
        """Return the program of the first process of the unit on the way that leads to this one."""
        proc = self._places.proc
        first = pid
        while self._is_in(unit, pid):
            first, pid = pid, proc.parent_of(pid)
        return proc.program_of(first)

    def _is_in(self, unit: str, pid: int) -> bool:
        """Tell whether a process belongs to a unit and lets itself be read; who started one has not been read yet."""
        return pid > 1 and pid not in answering.SILENT and label_of(self._places.proc.unit_of(pid)) == unit

    def _version_of_systemd(self) -> int:
        if self._version is None:
            self._version = self._ask_version()
        return self._version

    def _in_drop_in(self, unit: str) -> AsFound:
        drop_in = drop_in_of(unit, self._places.drop_ins)
        if not drop_in:
            return found_in_drop_in({})
        text = drop_in.texts[drop_in.path] or ""
        if unit.endswith(".socket"):
            return found_in_socket_drop_in(text, _commented(text))
        return found_in_drop_in(drop_in.environment, attach_words(text), _commented(text))


def _commented(text: str) -> t.Dict[str, t.Any]:
    """Return what a drop-in says in its comment; nothing where it is none that we have written."""
    try:
        return entry_said(text)
    except NotUnderstood:
        return {}


def _system_keepidle(proc: Proc) -> int:
    try:
        with open(os.path.join(proc.root, "sys", "net", "ipv4", "tcp_keepalive_time"), encoding="ascii") as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return _SYSTEM_KEEPIDLE

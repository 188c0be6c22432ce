# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is known of a host's units before and after a change: what systemd says, what their files say, who runs.

Shared by service_units_info, which reports it, and the restarts of a rollout, which act on it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import typing as t

from ..host_wide import state
from ..linux import answering, boot_clock, in_force, procfs, systemd
from ..linux.executable import Executable, describe_executable, env_program
from ..linux.procfs import HOST, Proc
from ..linux.quoting import shown_words
from ..linux.systemd import environment_of
from ..linux.unit_files import Assignments, assignments, preload_entries
from ..linux.unit_names import instances_pattern, is_template, template_of
from . import dropin, mounts, preflight
from .attach_line import attach_words
from .leaders import leaders_of
from .listeners import listener_differences
from .staleness import Live, stale_reasons
from .together import together_with


class Unit(t.NamedTuple):
    """One unit that can run: a service, an instance of a template, or a socket."""

    name: str
    properties: systemd.Properties
    drop_in: t.Optional[str]
    """The path of the drop-in of ours that is in force for it: its own, else its template's; None without one."""
    stale: t.List[str]
    """Why a restart is due for it to run with that drop-in, or without one; empty where none is."""
    unread: t.FrozenSet[str] = frozenset()
    """The drop-ins that it has, or had, which systemd has not read as they are now."""
    damage: str = ""
    """Why that could not be found out; else empty."""
    pids: t.Tuple[int, ...] = ()
    """The processes by which it is judged, see leaders.py."""
    together: t.Tuple[str, ...] = ()
    """The services and sockets that systemd restarts with it, where they run."""
    left_alone: str = ""
    """Why it is not restarted although that is due, '' where nothing speaks against it."""
    by_program: bool = False
    """Whether its drop-in has a program attached to its cgroup: no restart is due for its settings."""
    unattached: t.Sequence[str] = ()
    """How its cgroup differs from that while it runs."""
    libraries: t.Tuple[str, ...] = ()
    """The libraries of ours that its processes map, as they are now, by path."""


class UnitsOfHost:
    """The units of a host, asked for together."""

    def __init__(
        self,
        run: systemd.Run,
        unfinished: t.Container[str],
        directory: str = dropin.DIRECTORY,
        proc: Proc = HOST,
    ) -> None:
        """Take what is known beforehand.

        :param unfinished: the units whose drop-ins a rollout that did not come to its end has changed.
        """
        self._run = run
        self._directory = directory
        self._proc = proc
        self._host_wide = state.look_at_host_wide()
        self._unfinished = unfinished
        self._leaders: t.Mapping[str, t.Tuple[int, ...]] = {}
        self._together: t.Mapping[str, t.Mapping[str, systemd.Properties]] = {}
        self._connections: t.Container[str] = ()

    def units(self, names: t.Sequence[str]) -> t.Dict[str, Unit]:
        """Return each unit by name; a template stands for its loaded instances."""
        asked = [instances_pattern(name) if is_template(name) else name for name in names]
        shown = systemd.show(self._run, asked)
        self._leaders = leaders_of(shown.values(), self._proc)
        answering.find_silent({pid for pids in self._leaders.values() for pid in pids}, self._proc)
        self._together = together_with(self._run, shown)
        self._connections = _of_one_connection(self._run, shown)
        return {
            name: self._unit_or_damage(name, properties)
            for name, properties in shown.items()
            if properties["Id"] == name or name in names
        }

    def _unit_or_damage(self, name: str, properties: systemd.Properties) -> Unit:
        """Look at one unit; what cannot be read of it is not the others' matter."""
        try:
            return self._unit(name, properties)
        except OSError as error:
            why = f"{error.filename} cannot be read: {error.strerror}" if error.filename else str(error.strerror)
            return Unit(name, properties, None, [], damage=why)

    def _unit(self, name: str, properties: systemd.Properties) -> Unit:
        drop_in = self.drop_in_of(name) or self.drop_in_of(properties["Id"])
        unread = self._unread(name, properties, drop_in)
        if unread:
            # systemd 247 and 252 say "no" here as long as they do not know the new .d folder, and all of them where a
            # file has got an older date than it had, by a clock that was set back.
            properties = {**properties, "NeedDaemonReload": "yes"}
        stale: t.List[str] = []
        libraries: t.Tuple[str, ...] = ()
        text = dropin.read_drop_in(drop_in) if drop_in else None
        by_program = text is not None and attach_words(text) is not None
        missing: t.Sequence[str] = ()
        if by_program and systemd.is_active(properties):
            from .program import unattached  # most hosts have none, and it brings all that loads programs

            missing = unattached(properties, text or "")
        elif systemd.is_active(properties) and not (drop_in is None and self._had_a_program(name, properties)):
            if name.endswith(".socket"):
                differences = listener_differences(properties)
                stale = self._by_age(name, properties, drop_in, unread) if differences is None else differences
            else:
                stale, libraries = self._stale(name, properties, drop_in, unread)
        return Unit(
            name,
            properties,
            drop_in,
            stale,
            unread,
            pids=self._leaders.get(properties["Id"], ()),
            together=tuple(self._together.get(name, ())),
            left_alone=self._left_alone(name, properties),
            by_program=by_program,
            unattached=missing,
            libraries=libraries,
        )

    def _left_alone(self, name: str, properties: systemd.Properties) -> str:
        """Say what a restart would destroy; the next start has the settings by itself."""
        if systemd.is_running_job(properties):
            return "it is a job (Type=oneshot) that is at work; its next start has the settings"
        if properties["Id"] in self._connections:
            return "it serves one connection (Accept=yes), which a restart would end; the next one has the settings"
        jobs = [one for one, shown in self._together.get(name, {}).items() if systemd.is_running_job(shown)]
        if jobs:
            return f"a restart would end {jobs[0]} as well, a job (Type=oneshot) that is at work"
        return ""

    def path_of(self, name: str) -> str:
        """Return where a unit's own drop-in of ours stands, or would."""
        return dropin.path_of(name, self._directory)

    def drop_in_of(self, name: str) -> t.Optional[str]:
        """Return the drop-in of ours that systemd applies to a unit: an instance's hides its template's."""
        for path in dropin.paths_for(name, self._directory):
            content = dropin.read_drop_in(path)
            if content is not None:
                return path if dropin.is_ours(content) else None
        return None

    def unread(self, names: t.Iterable[str]) -> t.Set[str]:
        """Return the drop-ins of units that a run has changed since systemd read them, whether the units run or not."""
        found = set()
        for path in {path for name in names for path in self._paths(name)}:
            with contextlib.suppress(OSError):  # the unit's damage, and told of it
                if in_force.history(path).unread(dropin.read_drop_in(path)):
                    found.add(path)
        return found

    def _paths(self, *names: str) -> t.List[str]:
        """Return where drop-ins of ours for a unit can stand, the one that counts first."""
        return list(dict.fromkeys(path for name in names for path in dropin.paths_for(name, self._directory)))

    def _unread(self, name: str, properties: systemd.Properties, drop_in: t.Optional[str]) -> t.FrozenSet[str]:
        """Return the drop-ins that systemd has not read as they are now: whatever runs was started without them."""
        unread = self.unread((name, properties["Id"]))
        if drop_in and properties["LoadState"] == "loaded" and not in_force.history(drop_in).versions:
            # systemd shows them without links: a .d folder may be one.
            missing = os.path.realpath(drop_in) not in shown_words(properties.get("DropInPaths", ""))
            changed = properties.get("NeedDaemonReload") == "yes"  # it, or another of the unit's files
            if missing or (changed and not _is_in(properties, drop_in)):
                unread.add(drop_in)
        return frozenset(unread)

    def _had_a_program(self, name: str, properties: systemd.Properties) -> bool:
        """Tell whether a .socket unit's last drop-in of ours had a program attached, which goes without a restart.

        Its listener has values that its unit does not say, and keeps them until it is opened anew, like any other.
        """
        paths = self._paths(name, properties["Id"]) if name.endswith(".socket") else []
        texts = [one.text for path in paths for one in in_force.history(path).versions if one.text is not None]
        return bool(texts) and attach_words(texts[-1]) is not None

    def _older(
        self, name: str, properties: systemd.Properties, drop_in: str, unread: t.Container[str], started: float
    ) -> bool:
        """Tell whether a unit is shown to have been started before its drop-in came into force."""
        paths = self._paths(name, properties["Id"])
        return drop_in in unread or in_force.changed_since({path: dropin.read_drop_in(path) for path in paths}, started)

    def _by_age(
        self, name: str, properties: systemd.Properties, drop_in: t.Optional[str], unread: t.Container[str]
    ) -> t.List[str]:
        """Judge a socket whose listener cannot be read."""
        started = boot_clock.of_monotonic(int(properties.get("ActiveEnterTimestampMonotonic", "0")))
        if drop_in and self._older(name, properties, drop_in, unread, started):
            return ["was started before its drop-in was last changed"]
        return []

    def _stale(
        self, name: str, properties: systemd.Properties, drop_in: t.Optional[str], unread: t.Container[str]
    ) -> t.Tuple[t.List[str], t.Tuple[str, ...]]:
        """Return why its processes are stale, and which libraries of ours they map as these are now."""
        reasons: t.List[str] = []
        libraries: t.Set[str] = set()
        for pid in self._leaders.get(properties["Id"], ()):
            live = live_process(pid, self._proc) if pid not in answering.SILENT else None
            if live is not None:
                reasons += self._stale_process(name, properties, drop_in, unread, pid, live)
                libraries.update(path for path, current in live.libraries.items() if current)
        return list(dict.fromkeys(reasons)), tuple(sorted(libraries))

    def _stale_process(
        self,
        name: str,
        properties: systemd.Properties,
        drop_in: t.Optional[str],
        unread: t.Container[str],
        pid: int,
        live: Live,
    ) -> t.List[str]:
        wanted: t.Mapping[str, str] = {}
        older = None
        if drop_in:
            wanted = dropin.environment_in(dropin.read_drop_in(drop_in) or "")
            if drop_in not in unread:  # systemd has it, and shows its specifiers expanded
                has = environment_of(properties)
                wanted = {variable: has.get(variable, text) for variable, text in wanted.items()}
            older = self._older(name, properties, drop_in, unread, live.started)
            # A rollout that did not come to its end has changed it, and nobody noted when: the environment alone tells.
            # One that is overwritten tells nothing, and what is not known is not due.
            noted = in_force.history(drop_in).versions
            older = older or (not noted and live.environ is not None and dropin.unit_of(drop_in) in self._unfinished)
        host, program = self._host_wide, self._proc.program_of(pid)
        return stale_reasons(wanted, live, older, host.names) + state.host_stale_reasons(
            host,
            properties["Id"],
            program,
            live.libraries,
            live.started,
            lambda: state.can_load(pid, host, self._proc),
        )


def _of_one_connection(run: systemd.Run, shown: t.Mapping[str, systemd.Properties]) -> t.Set[str]:
    """Return the instances that systemd has started for one connection each, for a socket with V(Accept=yes).

    After a daemon-reload nothing but their names tells that: chat@3-10.0.0.1:80-10.0.0.2:4711.service of chat.socket.
    """
    sockets: t.Dict[str, t.Set[str]] = {}
    for properties in shown.values():
        name = properties["Id"]
        template = template_of(name) or ""
        if re.match(r"[^@]*@[0-9]+-", name) and name.endswith(".service"):
            sockets.setdefault(template.replace("@.service", ".socket"), set()).add(name)
    answers = systemd.show(run, sorted(sockets))
    return {unit for name, units in sockets.items() for unit in units if answers.get(name, {}).get("Accept") == "yes"}


def _is_in(properties: systemd.Properties, drop_in: str) -> bool:
    """Tell whether systemd shows for a service what its drop-in says; of a socket it does not show that."""
    has, wanted = environment_of(properties), dropin.environment_in(dropin.read_drop_in(drop_in) or "")
    return (
        bool(wanted)
        and all(has.get(name) == wanted.get(name) for name in dropin.OWN_VARIABLES)
        and dropin.is_expanded(wanted.get("LD_PRELOAD", ""), has.get("LD_PRELOAD", ""))
    )


def live_process(pid: int, proc: Proc = HOST) -> t.Optional[Live]:
    """Look at one process; None where it has gone."""
    started = proc.started_at(pid)
    if started is None:
        return None
    try:
        environ = proc.environment_of(pid)
        libraries = own_libraries(pid, proc)
    except OSError:
        return None
    return Live(environ, libraries, started)


def own_libraries(pid: int, proc: Proc = HOST) -> t.Dict[str, bool]:
    """Return the libraries of ours that a process maps, False for a file that has been replaced since."""
    mapped = procfs.parse_maps(proc.bytes_of(pid, "maps"))
    return {path: not gone for path, gone in mapped.items() if dropin.is_preloaded_library(path)}


def foreign_assignments(fragment: str, drop_ins: t.Sequence[str]) -> Assignments:
    """Read what a unit's files say of the environment, our own drop-in left out."""
    files, unread = [], []
    for path in [fragment, *list(drop_ins)]:
        try:
            content = dropin.read_drop_in(path) if path else None
        except OSError as error:
            unread.append(f"{path} cannot be read ({error.strerror})")
            continue
        if content is not None and not (os.path.basename(path) == dropin.FILE_NAME and dropin.is_ours(content)):
            files.append((path, content))
    return assignments(files)._replace(unread=tuple(unread), fragment=fragment)


def executable_of(properties: systemd.Properties, pids: t.Sequence[int] = ()) -> t.Optional[Executable]:
    """Return the program of a service: the one that runs, else the one that would be started."""
    path = systemd.exec_path(properties.get("ExecStart", ""))
    for pid in [pid for pid in pids if pid not in answering.SILENT][:1]:
        running = HOST.program_of(pid)
        path = running if running.startswith("/") and os.path.exists(running) else path
    if path and "/" not in path:  # systemd looks for it, as Debian 13's postfix.service has it done
        path = env_program(path) or ""
    return describe_executable(path) if path else None


def problems_of(
    name: str,
    load_state: str,
    properties: systemd.Properties,
    foreign: Assignments,
    drop_in: str,
    mode: str = "services",
    pids: t.Sequence[int] = (),
    by_program: bool = False,
) -> t.List[preflight.Obstacle]:
    """Return all that stands in the way of a unit's settings, be they its drop-in's or the host's.

    :param pids: The processes that show what it runs with.
    :param by_program: Whether a program of the kernel is to set the options.
    """
    problems = preflight.unit_problems(name, load_state)
    if problems or (name.endswith(".socket") and not by_program):
        return problems
    problems = [
        preflight.Obstacle(None, f"{name}: {text}: make it a regular file of root's") for text in foreign.unread
    ]
    if by_program:  # whatever its processes execute
        return problems + preflight.program_problems(name, drop_in, foreign, properties)
    executable = executable_of(properties, pids)
    if mode == "host":
        return problems + preflight.host_wide_problems(name, executable, foreign, properties)
    return (
        problems
        + (preflight.executable_problems(name, executable) if executable else [])
        + preflight.environment_problems(name, drop_in, foreign)
        + mounts.mount_problems(name, properties)
    )


def has_no_process(unit: Unit) -> bool:
    """Tell a service that is active and has no process: it stands for others, or has done its work."""
    return systemd.is_active(unit.properties) and not unit.pids and not unit.properties.get("ControlGroup")


def newer_than(pid: int, unit: Unit) -> bool:
    """Tell whether a file of a unit may be newer than a process: what systemd shows of it is not what it was given."""
    started = HOST.started_at(pid)
    files = [unit.properties.get("FragmentPath", ""), *shown_words(unit.properties.get("DropInPaths", ""))]
    if started is None or unit.unread or unit.properties.get("NeedDaemonReload") == "yes":
        return True
    try:
        changed = max((os.stat(path).st_mtime for path in files if path), default=0.0)
    except OSError:
        return True
    return changed >= started + time.time() - boot_clock.now()


def overruled(units: t.Iterable[Unit]) -> t.List[str]:
    """Say of which units the drop-in is there but something else wins, and what systemd makes of it."""
    return [text for text in map(_overruled, units) if text]


def _overruled(unit: Unit) -> str:
    if not unit.drop_in or unit.name.endswith(".socket"):
        return ""
    wanted = dropin.environment_in(dropin.read_drop_in(unit.drop_in) or "")
    has = environment_of(unit.properties)
    ours = [entry for entry in preload_entries(wanted.get("LD_PRELOAD", "")) if dropin.is_own_library(entry)]
    lost = [name for name in wanted if name != "LD_PRELOAD" and has.get(name) != wanted[name]]
    if any(entry not in preload_entries(has.get("LD_PRELOAD", "")) for entry in ours):
        lost.insert(0, "LD_PRELOAD")
    if not lost:
        return ""
    shown = ", ".join(f"{name}={has.get(name, '')}" for name in lost)
    return (
        f"{unit.name}: {unit.drop_in} is overruled: systemd says {shown}; "
        f"the unit's drop-ins in order: {unit.properties.get('DropInPaths', '')}"
    )

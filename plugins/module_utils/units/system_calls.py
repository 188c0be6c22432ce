# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may be killed for a system call of the libraries, because a list of allowed calls (seccomp) is in force.

The lists that systemd installs can be read in a unit's properties, those that a program installs itself cannot be read
at all. But the kernel counts them: a process that has more than systemd gives to what it starts has lists of its own.
How many systemd gives depends on its release and on the processor, so systemd is asked: it starts C(cat) with the same
settings. Well-known programs with a list of their own are a table: the host-wide mode leaves them alone by default,
with the role's C(keepalive_host_opt_outs), and a test compares the two. Whoever has such a list and allows setsockopt
on it (ntpsec, for one) is not in it.
"""

from __future__ import annotations

import os
import re
import typing as t

from ..linux import answering, systemd
from ..linux.printable import printable
from ..linux.procfs import HOST, Proc
from .preflight import Obstacle

REASON = "system_call_filter"

_CALLS = ("getsockopt", "setsockopt")
"""What the libraries call before the real connect(), listen() or socket()."""
_HOOKED = ("connect", "listen", "socket")

_KILL = ("", "0", "2147483646", "kill")
"""V(SystemCallErrorNumber) where no error was set: the process is killed."""

_HARMLESS = {
    "SystemCallFilter": "~@obsolete",
    "SystemCallLog": "@obsolete",
    "SystemCallArchitectures": "native",
    "RestrictAddressFamilies": "AF_UNIX",
}
"""Settings of which systemd makes as many filters whatever they say. C(cat) has to live with them."""

_SECONDS = 30


class Filtered(t.NamedTuple):
    """One process whose system calls are filtered."""

    pid: int
    program: str
    filters: t.Optional[int]
    """How many filters are in force, in that of its threads that has the most; None before Linux 5.9."""


class SystemCalls:
    """The filtered processes of a host, and how many filters systemd gives to a unit."""

    def __init__(self, run: systemd.Run, proc: Proc = HOST) -> None:
        self._run = run
        self._proc = proc
        self._by_unit: t.Optional[t.Dict[str, t.List[Filtered]]] = None
        self._asked: t.Dict[t.Tuple[str, ...], t.Optional[int]] = {}

    def problems(self, name: str, properties: systemd.Properties) -> t.List[Obstacle]:
        """Say who would be killed once a unit's processes have the libraries; empty where nothing shows it."""
        forbidden = forbidden_calls(properties)
        if forbidden:
            return [Obstacle(REASON, _systemds_list(name, forbidden), "unit")]
        processes = self._processes(properties["Id"])
        for process in processes:
            systemds = self._started_with(processes, properties)
            if _is_above(process, systemds) or (systemds is None and own_list(process.program)):
                return [Obstacle(REASON, _own_list(name, process, systemds), "unit")]
        return []

    def doubts(self, name: str, properties: systemd.Properties, program: str) -> t.List[str]:
        """Say what may be so and was not seen."""
        known = own_list(program)
        if known and not systemd.is_active(properties):
            return [
                f"{name}: does not run, so whether {printable(program)} has a list of system calls of its own was not "
                f"seen: it installs one {known.when}, and would be killed for calls of the library; {known.instead}"
            ]
        processes = self._processes(properties["Id"])
        for process in processes:
            if not known and self._started_with(processes, properties) is None:
                return [
                    f"{name}: the system calls of process {process.pid} ({printable(process.program)}) are filtered, "
                    "and whether by a list of its own cannot be told on this host; if setsockopt is not on that list, "
                    "the library gets it killed"
                ]
        return []

    def elsewhere(self, listed: t.Container[str]) -> t.List[t.Dict[str, t.Any]]:
        """Return the processes of all other services that have lists of their own, one for each unit and program."""
        usual = self._of_manager()
        suspects = {
            unit: [process for process in processes if usual is not None and _is_above(process, usual)]
            for unit, processes in self._swept().items()
            if unit.endswith(".service") and not unit.startswith("user@") and unit not in listed
        }
        shown = systemd.show(self._run, sorted(unit for unit, processes in suspects.items() if processes))
        found: t.Dict[t.Tuple[str, str], t.Dict[str, t.Any]] = {}
        for unit, properties in sorted(shown.items()):
            for process in suspects.get(unit, []):
                if _is_above(process, self._started_with(suspects[unit], properties)):
                    found.setdefault(
                        (unit, process.program), {"pid": process.pid, "unit": unit, "program": process.program}
                    )
        return list(found.values())

    def _processes(self, unit: str) -> t.List[Filtered]:
        return self._swept().get(unit, [])

    def _swept(self) -> t.Dict[str, t.List[Filtered]]:
        if self._by_unit is None:
            self._by_unit = filtered_processes(self._proc)
        return self._by_unit

    def _started_with(self, processes: t.List[Filtered], properties: systemd.Properties) -> t.Optional[int]:
        """Return how many filters a unit's processes had at first; None where that cannot be told.

        No process gets rid of one, so the one with the fewest tells it too, where systemd has other settings by now.
        """
        given = self._given_by_systemd(properties)
        counts = [process.filters for process in processes if process.filters is not None]
        if given is None:
            return min(counts) if len(set(counts)) > 1 else None
        return min([given, *counts])

    def _given_by_systemd(self, properties: systemd.Properties) -> t.Optional[int]:
        """Return how many filters a process of a unit starts with; None where that cannot be told."""
        settings = filtering_settings(properties)
        if not settings:
            return self._of_manager()
        if settings not in self._asked:
            command = [
                "systemd-run",
                "--quiet",
                "--pipe",
                "--wait",
                "--collect",
                f"--property=RuntimeMaxSec={_SECONDS}",
            ]
            command += [f"--property={setting}" for setting in settings]
            status, out, _unused_err = self._run([*command, "/bin/cat", "/proc/self/status"])
            self._asked[settings] = _count(os.fsencode(out)) if status == 0 else None
        return self._asked[settings]

    def _of_manager(self) -> t.Optional[int]:
        """Return how many filters process 1 has, which all that it starts inherits: none, outside of containers."""
        return _count(_status(1, self._proc))


def filtered_processes(proc: Proc = HOST) -> t.Dict[str, t.List[Filtered]]:
    """Return the filtered processes of every unit, by one sweep."""
    found: t.Dict[str, t.List[Filtered]] = {}
    for pid in answering.answering(proc):
        statuses = [text for text in _statuses(pid, proc) if re.search(rb"^Seccomp:\t2$", text, re.MULTILINE)]
        if not statuses:
            continue
        counts = [_count(text) for text in statuses]
        most = None if None in counts else max(t.cast("t.List[int]", counts))
        unit = proc.unit_of(pid)
        found.setdefault(unit, []).append(Filtered(pid, proc.program_of(pid), most))
    return found


def _statuses(pid: int, proc: Proc) -> t.List[bytes]:
    """Read the status of a process and of each of its threads: a thread may filter its own calls alone."""
    try:
        threads = os.listdir(os.path.join(proc.root, str(pid), "task"))
    except OSError:
        threads = []
    return [_status(pid, proc)] + [_status(pid, proc, f"task/{thread}/") for thread in threads if int(thread) != pid]


def _status(pid: int, proc: Proc, folder: str = "") -> bytes:
    try:
        return proc.content_of(pid, folder + "status")
    except OSError:
        return b""


def _count(status: bytes) -> t.Optional[int]:
    if re.search(rb"^Seccomp:\t0$", status, re.MULTILINE):
        return 0
    found = re.search(rb"^Seccomp_filters:\t(\d+)$", status, re.MULTILINE)
    return int(found[1]) if found else None


def _is_above(process: Filtered, usual: t.Optional[int]) -> bool:
    """Tell whether it is known that a process has more filters than usual; where none is, one is enough."""
    return usual is not None and (usual == 0 or (process.filters is not None and process.filters > usual))


def filtering_settings(properties: t.Mapping[str, str]) -> t.Tuple[str, ...]:
    """Return the settings, for C(systemd-run --property=), with which a process starts with as many filters."""
    settings = []
    for name in systemd.FILTERING:
        value = properties.get(name, "")
        if value not in ("", "no", "~"):
            settings.append(f"{name}={_HARMLESS.get(name, 'yes')}")
    return tuple(settings)


def forbidden_calls(properties: t.Mapping[str, str]) -> t.List[str]:
    """Return the libraries' calls for which C(SystemCallFilter=) kills, though it lets the program use sockets.

    systemctl shows the list with its groups resolved: V(accept bind …), or V(~mount setsockopt:EPERM …) of what is
    forbidden. An error behind a call, or in C(SystemCallErrorNumber=), is what the call returns instead of the death.
    """
    text = properties.get("SystemCallFilter", "")
    listed = {call: error for call, _colon, error in (word.partition(":") for word in text.lstrip("~").split())}
    if not listed:
        return []
    allows = not text.startswith("~")

    def refused(call: str) -> bool:
        return (call not in listed or listed[call] != "") if allows else call in listed

    def kills(call: str) -> bool:
        return refused(call) and (listed.get(call) or properties.get("SystemCallErrorNumber", "")) in _KILL

    if all(refused(call) for call in _HOOKED):
        return []
    return [call for call in _CALLS if kills(call)]


_DEATH = "the kernel kills the process (SIGSYS) at its first TCP connection, which may be long after the rollout"
_ACCEPT = f"or add 'accept: [{REASON}]'"


def _systemds_list(name: str, forbidden: t.Sequence[str]) -> str:
    calls = " and ".join(forbidden)
    return (
        f"{name}: SystemCallFilter= of the unit does not allow {calls}, which the library calls: {_DEATH}; allow it "
        f"with 'SystemCallFilter={' '.join(forbidden)}', have it refused with 'SystemCallErrorNumber=EPERM', take the "
        f"entry out, {_ACCEPT} where the unit has no TCP connections"
    )


def _own_list(name: str, process: Filtered, systemds: t.Optional[int]) -> str:
    seen = "Seccomp: 2"
    if process.filters is not None and systemds is not None:
        seen += f", with {process.filters} filters where systemd installs {systemds}"
    known = own_list(process.program)
    return (
        f"{name}: {printable(process.program)} (process {process.pid}) has a list of system calls of its own ({seen}"
        + (f"; it installs one {known.when}" if known else "")
        + f"): where the library's setsockopt is not on it, {_DEATH}; "
        + (f"{known.instead}, " if known else "use the program's own setting, ")
        + f"take the entry out, {_ACCEPT} where it is known to allow that"
    )


class OwnList(t.NamedTuple):
    """One program."""

    when: str
    """What makes it install the list."""
    instead: str
    """What an operator can do about it."""


OWN_LISTS: t.Dict[str, OwnList] = {
    "chronyd": OwnList(
        "with -F, as Debian starts it; it opens a TCP connection for a source with 'nts'",
        "start it with -F 0 (Debian: DAEMON_OPTS in /etc/default/chrony)",
    ),
    "dhcpcd": OwnList("where it drops its privileges", "it opens no TCP connection: it needs no keepalive"),
    "tor": OwnList("with 'Sandbox 1' in torrc", "it has a setting of its own (KeepalivePeriod)"),
    "vsftpd": OwnList(
        "unless vsftpd.conf says seccomp_sandbox=NO",
        "it turns keepalive on by itself, so net.ipv4.tcp_keepalive_time of the host counts",
    ),
}


def own_list(program: str) -> t.Optional[OwnList]:
    """Return what is known of the program with this path, None where nothing is."""
    return OWN_LISTS.get(os.path.basename(program))

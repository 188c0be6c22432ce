# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in the way of a service's settings on this host, found before anything is written."""

from __future__ import annotations

import glob
import os
import typing as t

from ..host_wide import settings_file
from ..linux.executable import Executable
from ..linux.printable import printable
from ..linux.systemd import Properties, is_crashing
from ..linux.unit_files import Assignments, environment_file_names
from ..linux.unit_names import template_of
from . import dropin, wrappers
from .attach_line import HELPER

_ANY_LIBC = ("x86_64", "aarch64", "riscv64")
"""Machines for which the libraries need no libc, so that a program may have another one (KEEPALIVE_DIRECT in sys.h)."""

_CONTESTED = ("LD_PRELOAD", *dropin.OWN_VARIABLES)


class Obstacle(t.NamedTuple):
    """One obstacle."""

    reason: t.Optional[str]
    """The word of C(accept) that lets the rollout go on in spite of it; None where nothing does."""
    text: str
    cure: str = ""
    """Where a program of the kernel gets past it: V(unit) of the unit's cgroup, V(slice) only of its slice's."""


def unit_problems(name: str, load_state: str) -> t.List[Obstacle]:
    """Return what is wrong with a unit that is not there, or masked."""
    if load_state == "not-found":
        return [
            Obstacle(
                None, f"{name}: there is no such unit on this host; install its software first, or correct the name"
            )
        ]
    if load_state == "merged":
        text = f"{name}: this is another name of a template; list that one by its own ('systemctl cat {name}' shows it)"
        return [Obstacle(None, text)]
    if load_state == "masked":
        return [Obstacle(None, f"{name}: the unit is masked; 'systemctl unmask {name}', or take the entry out")]
    if load_state != "loaded":
        text = f"{name}: systemd could not load the unit ({load_state}); see 'systemctl status {name}'"
        return [Obstacle(None, text)]
    return []


def wrapper_problem(name: str, starts: str, program: str, lost: str, environment: t.Mapping[str, str]) -> Obstacle:
    """Return what is wrong with a process that was started with another environment than systemd gave."""
    by = f"{starts}, which systemd starts," if starts and starts != program else "what starts it"
    way = wrappers.way_of(program, name, environment)
    return Obstacle(
        wrappers.REASON,
        f"{name}: {by} gives {program} an environment of its own ({lost}), so the drop-in would not reach it; {way}; "
        f"or add 'accept: [{wrappers.REASON}]' to write the drop-in all the same",
        "unit",
    )


def state_problems(name: str, properties: Properties, with_process: t.Sequence[str] = ()) -> t.List[Obstacle]:
    """Return what is wrong with a unit as it runs now: its settings could not come to anything.

    :param with_process: The units that have the processes, where this one is active, stands for them and has none.
    """
    if is_crashing(properties):
        result, count = properties.get("Result"), properties.get("NRestarts", "some")
        text = (
            f"{name}: it does not stay up (result {result}), and systemd starts it again and again "
            f"({count} restarts until now); see 'journalctl -u {name}' and put that right first, or take the entry out"
        )
        return [Obstacle(None, text)]
    if with_process:
        text = (
            f"{name}: it is active and has no process, so its settings would reach nobody; name {_listed(with_process)}"
        )
        return [Obstacle(None, text)]
    return []


def _listed(units: t.Sequence[str]) -> str:
    """Name units to list instead, and the template that stands for all of them where there is one."""
    templates = sorted({template_of(unit) or "" for unit in units})
    others = f", or {templates[0]} for all of them" if len(templates) == 1 and templates[0] else ""
    return f"{' and '.join(sorted(units))} instead{others}"


def executable_problems(name: str, executable: Executable) -> t.List[Obstacle]:
    """Return what is wrong with a program into which the loader puts no preloaded library."""
    runs = executable.runs
    if runs.kind == "static" or runs.go:
        kind = "a Go program, which makes its system calls itself" if runs.go else "statically linked"
        return [
            Obstacle(
                "static_executable",
                f"{name}: {runs.path} is {kind}: a preloaded library never sees its sockets; "
                "take the entry out, or add 'accept: [static_executable]' to write the drop-in all the same",
                "unit",
            )
        ]
    if runs.kind in ("missing", "foreign"):
        return [
            Obstacle(
                None,
                f"{name}: {runs.path}: {runs.detail or runs.kind}; the library of this host cannot be loaded into it",
                "unit" if runs.kind == "foreign" else "",
            )
        ]
    if runs.libc == "musl" and os.uname().machine not in _ANY_LIBC:
        return [
            Obstacle(
                None,
                f"{name}: {runs.path} uses musl; on {os.uname().machine} the library of this host needs glibc",
                "unit",
            )
        ]
    if runs.setuid or runs.capabilities:
        kind = "is setuid or setgid" if runs.setuid else "has file capabilities"
        return [
            Obstacle(
                "secure_exec",
                f"{name}: {runs.path} {kind}: the loader drops LD_PRELOAD for it; give the service its rights with "
                "AmbientCapabilities= (systemd.exec(5)) instead, or add 'accept: [secure_exec]'",
                "unit",
            )
        ]
    return []


def program_problems(
    name: str,
    drop_in: str,
    foreign: Assignments,
    properties: Properties,
    read: t.Callable[[str], t.Optional[str]] = dropin.read_drop_in,
) -> t.List[Obstacle]:
    """Return what stands in the way of a program of the kernel: its values come from the unit's environment as well."""
    return environment_problems(name, drop_in, foreign, read, dropin.OWN_VARIABLES) + [
        Obstacle(
            None,
            f"{name}: {key}={properties[key]} gives the unit a root of its own, in which {HELPER} is not, and the unit "
            "would start without its program; give the slice that it is in an entry instead",
        )
        for key in ("RootDirectory", "RootImage")
        if properties.get(key, "").strip("/")
    ]


def environment_problems(
    name: str,
    drop_in: str,
    foreign: Assignments,
    read: t.Callable[[str], t.Optional[str]] = dropin.read_drop_in,
    contested: t.Sequence[str] = _CONTESTED,
) -> t.List[Obstacle]:
    """Nothing may beat our drop-in: an EnvironmentFile, an UnsetEnvironment, a drop-in that sorts behind ours."""
    files, problems = _environment_files(name, foreign, read)
    for entry, path, names in files:
        for variable in sorted(names & set(contested)):
            problems.append(
                Obstacle(
                    None,
                    f"{name}: EnvironmentFile={entry} sets {variable}, which beats every drop-in; "
                    f"take {variable} out of {path}",
                )
            )
    for word in foreign.unset:
        if word.split("=")[0] in contested:
            problems.append(
                Obstacle(None, f"{name}: UnsetEnvironment={word} removes the variable again; take it out of the unit")
            )
    if _sorts_behind(foreign.emptied, drop_in, foreign.fragment):
        problems.append(
            Obstacle(
                None,
                f"{name}: {foreign.emptied} empties Environment= and sorts behind {drop_in}, so it wins; rename it",
            )
        )
    preload = foreign.environment.get("LD_PRELOAD", "") if "LD_PRELOAD" in contested else ""
    if printable(preload) != preload:  # it would not come back from the controller as it went there
        problems.append(
            Obstacle(
                None,
                f"{name}: {foreign.origin['LD_PRELOAD']} sets LD_PRELOAD to '{printable(preload)}': what is invisible "
                "is not taken over into a drop-in; rename that library",
            )
        )
    for variable in contested:
        origin = foreign.origin.get(variable) if variable in foreign.environment else None
        if origin and _sorts_behind(origin, drop_in, foreign.fragment):
            problems.append(
                Obstacle(None, f"{name}: {origin} sets {variable} and sorts behind {drop_in}, so it wins; rename it")
            )
    return problems


def host_wide_problems(
    name: str,
    executable: t.Optional[Executable],
    foreign: Assignments,
    properties: t.Mapping[str, str],
    read: t.Callable[[str], t.Optional[str]] = dropin.read_drop_in,
) -> t.List[Obstacle]:
    """Return what stands in the way of the host's file: the environment still wins; word sizes are none."""
    problems: t.List[Obstacle] = []
    if executable and not _is_of_another_word_size(executable.runs):
        problems += [p for p in executable_problems(name, executable) if p.reason != "secure_exec"]
    origins = [
        (variable, foreign.origin[variable]) for variable in dropin.OWN_VARIABLES if variable in foreign.environment
    ]
    files, unread = _environment_files(name, foreign, read)
    for _entry, path, names in files:
        origins += [(variable, path) for variable in dropin.OWN_VARIABLES if variable in names]
    problems += unread
    problems += [
        Obstacle(
            None, f"{name}: {path} sets {variable}, which beats {settings_file.PATH}; take {variable} out of there"
        )
        for variable, path in origins
    ]
    problems += [
        Obstacle(
            None,
            f"{name}: {key}={properties[key]} gives the service a root of its own, in which another /etc/ld.so.preload "
            "counts; take the entry out",
            "slice",
        )
        for key in ("RootDirectory", "RootImage")
        if properties.get(key)
    ]
    return problems


def set_by_file(foreign: Assignments, read: t.Callable[[str], t.Optional[str]] = dropin.read_drop_in) -> t.Set[str]:
    """Return the variables that a unit's files of V(EnvironmentFile=) set, as far as they can be read."""
    return {name for _entry, _path, names in _environment_files("", foreign, read)[0] for name in names}


def _environment_files(
    name: str, foreign: Assignments, read: t.Callable[[str], t.Optional[str]]
) -> t.Tuple[t.List[t.Tuple[str, str, t.Set[str]]], t.List[Obstacle]]:
    """Return (entry, path, variables) of each file of EnvironmentFile=; whoever owns it may have put anything there."""
    files, problems = [], []
    for entry in foreign.files:
        for path in sorted(glob.glob(entry.lstrip("-"))):
            try:
                files.append((entry, path, set(environment_file_names(read(path) or ""))))
            except OSError as error:
                problems.append(
                    Obstacle(
                        None,
                        f"{name}: EnvironmentFile={entry}: {path} cannot be read ({error.strerror}), so nobody knows "
                        "what it sets; make it a regular file of at most 1 MiB",
                    )
                )
    return files, problems


def _is_of_another_word_size(runs: Executable) -> bool:
    return runs.kind == "foreign" and runs.detail.startswith("a 32 bit ")


def _sorts_behind(path: str, drop_in: str, fragment: str) -> bool:
    """Compare as systemd does: by file name, whatever the folder; a unit's own file comes before all drop-ins."""
    return path not in ("", fragment) and os.path.basename(path) > os.path.basename(drop_in)

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes of a host use our libraries, still use them after a removal, or would use them once started again."""

from __future__ import annotations

import functools
import os
import typing as t

from ..host_wide import state
from ..linux import answering
from ..linux.printable import printable
from ..linux.procfs import HOST, Proc
from ..linux.unit_files import preload_entries
from ..linux.unit_names import instances_pattern
from ..settings.pattern import fits
from ..units.dropin import is_own_library, is_preloaded_library
from ..units.unit import own_libraries


class _Preload(t.NamedTuple):
    """What a process was told of our libraries when it was started."""

    named: t.List[str]
    """Those in its LD_PRELOAD."""
    by: str
    """V(environment), V(host) (/etc/ld.so.preload), or V(unknown): it has overwritten its environment."""


def library_users(proc: Proc = HOST) -> t.List[t.Dict[str, t.Any]]:
    """Return every process of the host that maps a library of ours, with its unit, and who told the loader to."""
    users = []
    for pid, libraries in answering.mapping(is_preloaded_library, proc):
        told = _preload_of(pid, proc)
        users.append(
            {
                **_named(pid, proc),
                "libraries": sorted(libraries),
                "replaced": any(libraries.values()),
                "loaded_by": told.by if told else "unknown",
            }
        )
    return _settled(users, "loaded_by")


def remains(patterns: t.Sequence[str], proc: Proc = HOST) -> t.List[t.Dict[str, t.Any]]:
    """Return each process of the units that maps a library of ours, or was started with one in its LD_PRELOAD.

    :param patterns: units or patterns of them; a template stands for its instances, V(*) for every process.
    """
    wanted = [instances_pattern(pattern) for pattern in patterns]
    if not wanted:
        return []
    left = []
    for pid in answering.answering(proc):
        shown = _named(pid, proc)
        if any(fits(pattern, shown["unit"]) for pattern in wanted):
            has, by = _what(pid, proc)
            if has:
                left.append({**shown, "has": has, "by": by})
    return _settled(left, "by")


def mapped_by(folder: str, proc: Proc = HOST) -> t.List[t.Dict[str, t.Any]]:
    """Return the processes that have a file of the folder mapped, be it replaced or removed since.

    Those of this very connection are left out, because they are gone before anybody reads the result.
    """
    start = os.path.realpath(folder) + "/"
    own = proc.ancestors(os.getpid())
    found = answering.mapping(lambda path: path.startswith(start), proc)
    return [_named(pid, proc) for pid, _files in found if pid not in own]


def without_libraries(host: state.HostWide, proc: Proc = HOST) -> t.List[t.Dict[str, t.Any]]:
    """Return every process that would load the host's libraries, and do something with them, if it were started now."""
    if not host.entries:
        return []
    found = []
    for pid in answering.answering(proc):
        started, shown = proc.started_at(pid), _named(pid, proc)
        if started is None or not shown["program"].startswith("/"):
            continue  # gone, or a thread of the kernel
        who = shown["unit"], shown["program"]
        can_load = functools.partial(state.can_load, pid, host, proc)
        reasons = state.host_stale_reasons(host, *who, own_libraries(pid, proc), started, can_load)
        if reasons and not state.is_left_alone(host, *who):
            found.append({**shown, "why": reasons[0]})
    return found


def _named(pid: int, proc: Proc) -> t.Dict[str, t.Any]:
    return {"pid": pid, "unit": proc.unit_of(pid), "program": proc.program_of(pid)}


def _preload_of(pid: int, proc: Proc) -> t.Optional[_Preload]:
    """Look at the environment that a process was started with; None where it is not for us to see."""
    try:
        environ = proc.environment_of(pid)
    except OSError:
        return None
    named = [entry for entry in preload_entries((environ or {}).get("LD_PRELOAD", "")) if is_own_library(entry)]
    return _Preload(named, "environment" if named else "unknown" if environ is None else "host")


def _what(pid: int, proc: Proc) -> t.Tuple[str, str]:
    """Say what a process has of ours ('' for nothing), and who told it."""
    mapped, told = own_libraries(pid, proc), _preload_of(pid, proc)
    if told is None:
        return "", ""
    if mapped:
        return f"maps {printable(', '.join(sorted(mapped)), 200)}", told.by
    return (f"was started with LD_PRELOAD={printable(':'.join(told.named), 200)}" if told.named else ""), told.by


def _settled(rows: t.List[t.Dict[str, t.Any]], by: str) -> t.List[t.Dict[str, t.Any]]:
    """Judge those that have overwritten their environment by the others: what the host does is done to all."""
    if any(row[by] == "host" for row in rows):
        for row in rows:
            row[by] = "environment" if row[by] == "environment" else "host"
    return rows

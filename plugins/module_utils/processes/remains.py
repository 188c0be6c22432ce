# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which processes still have something of ours, after it was taken away from their units or from the host."""

from __future__ import annotations

import os
import typing as t

from ..linux import answering, procfs
from ..linux.printable import printable
from ..linux.procfs import HOST, Proc
from ..linux.unit_files import preload_entries
from ..settings.pattern import fits
from ..units.dropin import is_own_library
from ..units.unit import own_libraries


def remains(patterns: t.Sequence[str]) -> t.List[t.Dict[str, t.Any]]:
    """Return each process of the units that maps a library of ours, or was started with one in its LD_PRELOAD.

    :param patterns: units or patterns of them; a template stands for its instances, V(*) for every process.
    """
    wanted = [pattern.replace("@.", "@*.", 1) for pattern in patterns]
    if not wanted:
        return []
    left = []
    for pid in answering.answering():
        unit = HOST.unit_of(pid)
        if any(fits(pattern, unit) for pattern in wanted):
            has, by = _what(pid)
            if has:
                left.append({"pid": pid, "unit": unit, "program": HOST.program_of(pid), "has": has, "by": by})
    if any(row["by"] == "host" for row in left):
        for row in left:  # those that have overwritten their environment: what others show is true of them too
            row["by"] = "environment" if row["by"] == "environment" else "host"
    return left


def _what(pid: int) -> t.Tuple[str, str]:
    """Say what a process has of ours ('' for nothing), and whether its environment or the host gave it that."""
    mapped = own_libraries(pid)
    try:
        environ = procfs.parse_environ(HOST.content_of(pid, "environ"))
    except OSError:
        return "", ""
    entries = preload_entries((environ or {}).get("LD_PRELOAD", ""))
    named = [entry for entry in entries if is_own_library(entry)]
    by = "environment" if named else "unknown" if environ is None else "host"
    if mapped:
        return f"maps {printable(', '.join(sorted(mapped)), 200)}", by
    return (f"was started with LD_PRELOAD={printable(':'.join(named), 200)}" if named else ""), by


def mapped_by(folder: str, proc: Proc = HOST) -> t.List[t.Dict[str, t.Any]]:
    """The processes that have a file of the folder mapped, be it replaced or removed since.

    Those of this very connection are left out, because they are gone before anybody reads the result.
    """
    start = os.path.realpath(folder) + "/"
    found = []
    own = _ancestors(proc)
    for pid in answering.answering(proc):
        mapped = procfs.parse_maps(proc.bytes_of(pid, "maps"))
        if pid not in own and any(path.startswith(start) for path in mapped):
            unit = proc.unit_of(pid)
            found.append({"pid": pid, "unit": unit, "program": proc.program_of(pid)})
    return found


def _ancestors(proc: Proc) -> t.Set[int]:
    found: t.Set[int] = set()
    pid = os.getpid()
    while pid > 1 and pid not in found:
        found.add(pid)
        lines = proc.bytes_of(pid, "status").split(b"\n")
        pid = next((int(line.split()[1]) for line in lines if line.startswith(b"PPid:")), 0)
    return found

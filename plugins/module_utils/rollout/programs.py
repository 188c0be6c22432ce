# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the cgroups of units the programs that their drop-ins say, while the units run.

The one way for forward and back: the drop-ins are noted before they are changed and put back first, and the programs
follow them. So nothing more has to be kept, and a transaction that was killed anywhere ends with what the drop-ins say.
"""

from __future__ import annotations

import os
import typing as t

from ..bpf.attach import attach, detach, is_right
from ..bpf.cgroup2 import find_root
from ..bpf.enforce import Enforcement
from ..bpf.program import BpfProgram
from ..bpf.system_call import FOR_SETTING, FOR_SOCKETS, BpfRefused
from ..bpf.tree import walk_cgroups
from ..linux import systemd
from ..linux.cgroup import CgroupPlace, unit_in
from ..linux.procfs import HOST
from ..linux.unit_names import is_unit_name, template_of
from ..units import dropin
from ..units.program import WantedProgram, cgroup_of, ours_at, wanted_program
from ..units.unit import Unit, own_libraries

ATTACHED, REPLACED, DETACHED = "attached", "replaced", "detached"

Texts = t.Mapping[str, t.Optional[str]]
"""By unit: what its drop-in is going to say, in check mode; None: it is to have none."""

Diffs = t.List[t.Dict[str, t.Any]]


def see_to(unit: Unit, *, texts: Texts, back: bool, check: bool, diffs: Diffs) -> t.Dict[str, t.Any]:
    """Have one unit's cgroup what its drop-in says; return C(done) and C(library), empty where all was right.

    :param back: Whether this is the way back: then no cgroup keeps a program that its drop-in does not say.
    :raises BpfRefused: It cannot be; the program that was there still is.
    """
    text = _text_of(unit, texts)
    wanted = wanted_program(text) if text is not None else None
    try:
        folder = cgroup_of(unit.properties) if systemd.is_active(unit.properties) else ""
    except BpfRefused:
        if wanted:
            raise
        return {}  # where there can be none, none is left
    if not folder or (wanted and is_right(folder, *wanted)):
        return {}
    ours = ours_at(folder)
    if wanted is None:
        waits = text is not None and (bool(unit.stale) or check)  # for a restart, after which it has the library
        if not ours or (waits and not back):
            return {}
        if not check:
            detach(folder)
    elif not check:
        attach(folder, *wanted)
    before = _found(ours)
    diffs.append({
        "before_header": f"program of {unit.name}", "after_header": f"program of {unit.name}",
        "before": str(before or ""), "after": str(wanted or ""),
    })  # fmt: skip
    library = [pid for pid in unit.pids if wanted and _has_library(pid)]
    return {"done": DETACHED if wanted is None else REPLACED if ours else ATTACHED, "library": library}


def remove_all(check: bool, diffs: Diffs) -> t.Dict[str, t.Dict[str, t.Any]]:
    """Take every program of ours away from this host's units and slices; return C(done) by unit.

    What lies below a unit belongs to whoever the unit is delegated to: in a container, its own systemd.

    :raises BpfRefused: One cannot be taken away.
    """
    done: t.Dict[str, t.Dict[str, t.Any]] = {}
    for folder in own_folders():
        before = _found(ours_at(folder))
        if not check:
            detach(folder)
        name = os.path.basename(folder)
        diffs.append({"before_header": f"program of {name}", "after_header": f"program of {name}",
                      "before": str(before or ""), "after": ""})  # fmt: skip
        done[name] = {"done": DETACHED, "library": []}
    return done


def own_folders() -> t.List[str]:
    """Return the cgroups of this host's units and slices that have a program of ours; none where nobody may ask."""
    try:
        root = find_root()
        found = [folder for kind in (FOR_SOCKETS, FOR_SETTING) for folder in walk_cgroups(root, kind).ours]
    except BpfRefused:
        return []
    return [folder for folder in dict.fromkeys(found) if _is_of_this_host(folder, root)]


def _is_of_this_host(folder: str, root: str) -> bool:
    path = folder[len(root) :]
    name = os.path.basename(path)
    if is_unit_name(name, ("slice",)):
        return all(is_unit_name(part, ("slice",)) for part in path.strip("/").split("/"))
    return bool(name) and unit_in(CgroupPlace(path, True)) == name


def _text_of(unit: Unit, texts: Texts) -> t.Optional[str]:
    """Return the drop-in that counts for a unit: an instance's own comes before its template's."""
    for name in filter(None, (unit.name, template_of(unit.name))):
        text = texts[name] if name in texts else dropin.read_drop_in(dropin.path_of(name))
        if text is not None:
            return text if dropin.is_ours(text) else None
    return None


def _found(ours: t.Sequence[t.Any]) -> t.Optional[WantedProgram]:
    programs = [one.program for one in ours if isinstance(one.program, BpfProgram)]
    enforced = any(isinstance(one.program, Enforcement) for one in ours)
    return WantedProgram(programs[0], enforced) if programs else None


def _has_library(pid: int) -> bool:
    try:
        return bool(own_libraries(pid, HOST))
    except OSError:
        return False

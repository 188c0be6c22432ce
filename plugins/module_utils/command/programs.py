# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The BPF programs of cgroups that run for the sockets that are shown, and whose they are."""

from __future__ import annotations

import typing as t

from ..bpf.as_expected import described, line_of
from ..bpf.reaching import PlacedProgram
from ..bpf.system_call import FOR_SETTING
from ..verdicts.unit_programs import UnitPrograms


class ProgramsShown(t.NamedTuple):
    """What is said of them."""

    programs: t.Sequence[PlacedProgram]
    """Each once, by the cgroup that it is attached to."""
    unknown: t.Sequence[str]
    """Why it is not known of some units; each reason once."""

    @property
    def lines(self) -> t.List[str]:
        """Return what stands below the table; nothing where there is none."""
        heading = ["", "BPF programs that run for these units' sockets:"]
        return [*heading, *(f"  {line_of(one)}" for one in self.programs)] if self.programs else []

    def as_dicts(self) -> t.List[t.Dict[str, t.Any]]:
        """Return them for JSON."""
        return [
            {
                "cgroup": one.folder,
                "name": one.program.name,
                "id": one.program.id,
                "ours": one.program.ours,
                "enforces": one.kind == FOR_SETTING,
                "sets": described(one.program.program) if one.program.program else None,
            }
            for one in self.programs
        ]


def programs_for(units: t.Iterable[str], programs: UnitPrograms) -> ProgramsShown:
    """Ask for units; a host without cgroups of version 2 has none, and nothing is said of that."""
    found: t.Dict[t.Tuple[str, int], PlacedProgram] = {}
    unknown: t.List[str] = []
    for unit in sorted(set(filter(None, units))) if programs.possible else ():
        there = programs.of(unit)
        found.update(((one.folder, one.program.id), one) for one in there.programs)
        unknown += [there.unknown] if there.unknown and there.unknown not in unknown else []
    return ProgramsShown([found[key] for key in sorted(found)], unknown)

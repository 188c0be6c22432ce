# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The programs that run for the sockets of a host's units, each unit asked for once."""

from __future__ import annotations

import typing as t

from ..bpf.cgroup2 import cgroup_folder, find_root, unit_control_group
from ..bpf.reaching import Reaching, reaching
from ..bpf.system_call import BpfRefused
from ..linux.procfs import HOST, Proc
from ..processes.facts import drop_in_of
from ..settings.expectation import Expectation
from ..units.asked import AskedUnit
from ..units.attach_line import attach_words
from .causes_program import problem_with_programs, whose_programs
from .summary import ProgramsFound, ProgramWrong


class UnitPrograms:
    """Answers by the name of a unit, which a process of it or systemd leads to its cgroup."""

    def __init__(self, unit_of: t.Mapping[int, str], units: t.Sequence[AskedUnit], proc: Proc = HOST) -> None:
        self._pid_of = {unit: pid for pid, unit in sorted(unit_of.items(), reverse=True)}
        self._told = {unit.name: unit.control_group for unit in units}
        self._proc = proc
        self._found: t.Dict[str, Reaching] = {}

    @property
    def possible(self) -> bool:
        """Tell whether this host has cgroups that programs can be attached to."""
        try:
            return bool(find_root())
        except BpfRefused:
            return False

    def of(self, unit: str) -> Reaching:
        """Return the programs that run for the sockets of a unit."""
        if unit not in self._found:
            self._found[unit] = self._ask(unit)
        return self._found[unit]

    def _ask(self, unit: str) -> Reaching:
        try:
            root = find_root()
            group = self._told.get(unit) or self._group_of_process(unit)
            return reaching(cgroup_folder(group, root), root)
        except BpfRefused as error:
            return Reaching(unit, unknown=str(error))

    def _group_of_process(self, unit: str) -> str:
        pid = self._pid_of.get(unit)
        if pid is None:
            raise BpfRefused("no process leads to its cgroup")
        return unit_control_group(self._proc.bytes_of(pid, "cgroup"), unit)


def decide_backend(expectation: Expectation, drop_ins: str, programs: UnitPrograms) -> Expectation:
    """Decide for one whose entry leaves to the host what sets the options: by what a rollout has set up there.

    :param drop_ins: Where drop-ins stand.
    """
    drop_in = drop_in_of(expectation.name, drop_ins)
    if drop_in:
        by_program = attach_words(drop_in.texts.get(drop_in.path) or "") is not None
    else:
        by_program = bool(programs.of(expectation.name).ours())
    return expectation._replace(backend="bpf" if by_program else "preload")


def look_at_programs(expectation: Expectation, units: t.Iterable[str], programs: UnitPrograms) -> ProgramsFound:
    """Say whose programs run for units, each once, and what is wrong with those of ours."""
    lines: t.List[str] = []
    wrong: t.List[ProgramWrong] = []
    for name in units:
        found = programs.of(name)
        lines += [line for line in whose_programs(found) if line not in lines]
        problem = problem_with_programs(expectation, found)
        if problem:
            wrong.append(ProgramWrong(name, problem.reason, problem.candidates or (problem.reason,), problem.detail))
    return ProgramsFound(lines, wrong)

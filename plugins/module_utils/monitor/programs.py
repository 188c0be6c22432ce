# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sockets of programs that the settings file of the host-wide mode names, in whichever units they run."""

from __future__ import annotations

import os
import typing as t

from ..host_wide.settings_file import PATH
from ..linux import below_root
from ..linux.procfs import Proc
from ..settings.expectation import Expectation
from ..sockets.access import Reader
from ..sockets.record import Record
from ..verdicts.answer import Answer, Question
from ..verdicts.inspection import Audit
from ..verdicts.summary import summarize
from .found import OK, SOCKET_STATES, UNKNOWN, WORST_LAST, UnitFound, unit_found
from .sections import ProgramSections


class _Group(t.NamedTuple):
    """The processes that are told the same."""

    expectation: Expectation
    pids: t.Set[int]


def find_programs(
    asked: ProgramSections, of_a_unit: t.Callable[[str], bool], proc: Proc, reader: Reader, path: str = PATH
) -> t.Tuple[t.List[UnitFound], t.Optional[Answer]]:
    """Compare the sockets of the programs' processes with what the file says to each; one of them may be told else.

    :param of_a_unit: whether a unit's processes are judged by what is asked of the unit.
    :param path: where the settings file of this host is, for tests.
    :returns: each section, and what was seen besides; None where none of the programs runs.
    """
    groups, unseen = _groups(asked, of_a_unit, proc, path)
    pids = frozenset(pid for group in groups for pid in group.pids)
    parts: t.Dict[str, t.List[UnitFound]] = {name: [] for name in asked.names}
    answer = None
    if pids:
        audit = Audit(Question((), pids, frozenset(), ()), reader, proc=proc)
        answer = audit.run()
        for expectation, members in groups:
            records = [record for record in answer.records if not members.isdisjoint(_holders(record, pids))]
            verdicts = list(audit.judge(records, expectation).values())
            hidden = sorted(members.intersection(answer.unreadable))
            summary = summarize(verdicts, sorted(members), hidden, None, expectation, 0)
            parts[expectation.name].append(unit_found(expectation.name, summary, verdicts, expectation))
    if unseen:
        why = f"of {unseen} process{'es' if unseen > 1 else ''} it cannot be seen which program runs there"
        for name, found in parts.items():
            found.append(UnitFound(name, UNKNOWN, why))
    return [_together(name, found) for name, found in parts.items()], answer


def _groups(
    asked: ProgramSections, of_a_unit: t.Callable[[str], bool], proc: Proc, path: str
) -> t.Tuple[t.List[_Group], int]:
    """Return who is asked for what, and how many processes may be one of them, and nobody can tell."""
    groups: t.Dict[str, _Group] = {}
    unseen = 0
    try:
        file = _identity(os.stat(path))
    except OSError:
        return [], 0  # it went away meanwhile: then nothing is asked
    for pid in sorted(proc.pids()):
        unit = proc.unit_of(pid)
        if of_a_unit(unit):
            continue
        if _hides_its_program(pid, proc):
            unseen += 1
            continue
        expectation = asked.asks(unit, proc.program_of(pid))
        if expectation is not None and _sees(pid, file, proc):
            groups.setdefault(repr(expectation), _Group(expectation, set())).pids.add(pid)
    return list(groups.values()), unseen


def _hides_its_program(pid: int, proc: Proc) -> bool:
    """Tell whether we have not the right to see what a process runs; a thread of the kernel runs nothing."""
    try:
        os.readlink(os.path.join(proc.root, str(pid), "exe"))
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _sees(pid: int, file: t.Tuple[int, int], proc: Proc) -> bool:
    """Tell whether it is this file that a process sees, and not another one, or none, as in a container."""
    try:
        with below_root.find(PATH, pid, proc) as found:
            return _identity(found.status) == file
    except FileNotFoundError:
        return False
    except OSError:
        return True  # not for us to see: so its sockets will be unknown


def _identity(status: os.stat_result) -> t.Tuple[int, int]:
    return status.st_dev, status.st_ino


def _holders(record: Record, pids: t.FrozenSet[int]) -> t.AbstractSet[int]:
    """Return who stands for a socket; where that is none of ours, those of ours that hold it."""
    owner = record.owner[0]
    return {owner} if owner in pids else pids.intersection(record.pids)


def _together(name: str, parts: t.Sequence[UnitFound]) -> UnitFound:
    if not parts:
        return UnitFound(name, OK, "", False, dict.fromkeys(SOCKET_STATES, 0))
    sockets, reasons = dict.fromkeys(SOCKET_STATES, 0), t.cast(t.Dict[str, int], {})
    for part in parts:
        for key, count in part.sockets.items():
            sockets[key] += count
        for reason, count in part.reasons.items():
            reasons[reason] = reasons.get(reason, 0) + count
    worst = max((part.state for part in parts), key=WORST_LAST.index)
    why = "; ".join(part.why for part in parts if part.why)
    if not any(part.running for part in parts):
        return UnitFound(name, worst, why)
    return UnitFound(name, worst, why, True, sockets, reasons)

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a socket of a unit is wrong that gets its values from a program of its cgroup, and what is wrong with that.

As everywhere, a reason is given where it is shown to be true. What shows it: what is attached and since when, what the
unit was told before, and which values on the socket are the program's, or still the system's.
"""

from __future__ import annotations

import typing as t

from ..bpf.as_expected import differences, enforcement_differs, line_of
from ..bpf.attached import Attached
from ..bpf.enforce import Enforcement
from ..bpf.program import BpfProgram
from ..bpf.reaching import Reaching
from ..bpf.system_call import ALLOW_MULTI, FOR_SETTING
from ..linux.printable import printable
from ..settings.expectation import Expectation
from ..settings.options import ALWAYS, DERIVE, SYSTEM, user_timeout_from
from ..sockets.compare import LINUX_DEFAULTS, compare, unsupported
from .case import Case, Cause
from .causes import describe

_EITHER = ("overridden_by_application", "opened_before_attach")


def explain_by_program(case: Case) -> Cause:
    """Explain a wrong socket of a unit that gets its values from a program."""
    subject, evidence, expectation = case.subject, case.evidence, case.expectation
    values = describe(case.wrong)
    if subject.protocol == "mptcp":
        return Cause(
            "not_supported_by_protocol",
            "A multipath connection (MPTCP) has the options on its parts, which 'ss -tno' shows; itself it has none.",
        )
    if all(unsupported(item, subject) for item in case.wrong):
        return Cause("not_supported_by_protocol", f"{subject.protocol.upper()} has no such option.")
    if evidence.inherited:
        return Cause("inherited_listener", evidence.inherited)
    programs = evidence.programs or Reaching("", unknown="its unit has no cgroup")
    problem = problem_with_programs(expectation, programs)
    if problem:
        return problem._replace(detail=f"{problem.detail} {values}.")
    if evidence.handed_over:
        return Cause(
            "opened_before_attach",
            "systemd handed this connection over, already open (file descriptor store, or Accept=yes): it belongs to "
            "another cgroup, and the program was never asked about it.",
        )
    if evidence.older_than_program:
        return Cause("opened_before_attach", f"The connection carried data before the program was attached: {values}.")
    if evidence.unit_older and _is_as_before(case):
        return Cause("opened_before_attach", f"It still has what the unit was told before: {values}.")
    beside = _beside(programs)
    if shows_program(case) or (evidence.through_right_listener and evidence.unit_older is False):
        if expectation.enforce:
            return Cause("undetermined", f"What the application sets is not let through, and yet {values}.", _EITHER)
        return Cause("overridden_by_application", f"The application itself set other values: {values}.{beside}")
    if expectation.respect and subject.keepalive:
        return Cause(
            "undetermined", f"The program leaves a socket alone on which keepalive is on already: {values}.", _EITHER
        )
    if evidence.unit_older and _is_the_systems(case):
        return Cause(
            "opened_before_attach",
            f"It is older than the program, which was attached while the unit ran: {values}. 'live: true' sets it.",
        )
    return Cause(
        "undetermined",
        f"The program is right, and yet {values}: the application set all of it itself, or the socket was opened in "
        f"another cgroup or before the program was attached.{beside}",
        _EITHER,
    )


def problem_with_programs(expectation: Expectation, programs: Reaching) -> t.Optional[Cause]:
    """Say what is wrong with what is attached to a unit's cgroup; None: nothing, as far as the kernel tells."""
    place = printable(programs.folder)
    if programs.unknown:
        return Cause(
            "undetermined",
            f"Which program runs for its sockets is not known: {programs.unknown}.",
            ("program_not_attached", "program_replaced", *_EITHER),
        )
    ours = programs.ours()
    if not ours:
        return _without_program(programs, place)
    found = [*_said_wrong(ours, expectation), *_enforced_wrong(programs, ours[0], expectation)]
    if found:
        return Cause("program_replaced", f"What is attached to {place} is another one: {'; '.join(found)}.")
    if expectation.enforce and not programs.ours(FOR_SETTING):
        return Cause("program_not_attached", f"The program that enforces the values is not attached to {place}.")
    return None


def shows_program(case: Case) -> bool:
    """Tell whether a socket has a value of the program's that no socket has by itself."""
    program = _read(case)
    wanted = program.values if program else case.expectation.tcp
    options, by_itself = case.record.options, case.kernel.defaults or LINUX_DEFAULTS
    for name in ALWAYS:
        value: t.Optional[int] = wanted.get(name, SYSTEM)
        if value == DERIVE:
            value = user_timeout_from(wanted, below=options)
        if value not in (SYSTEM, None) and value == options.get(name) != by_itself.get(name):
            return True
    return False


def whose_programs(programs: Reaching) -> t.List[str]:
    """Say which programs run for a unit's sockets, and whose they are."""
    if programs.unknown:
        return [f"which programs run for {printable(programs.folder)} is not known: {programs.unknown}"]
    return list(map(line_of, programs.programs))


def _without_program(programs: Reaching, place: str) -> Cause:
    alone = [one for one in programs.foreign if one.folder == programs.folder and not one.flags & ALLOW_MULTI]
    if alone:
        return Cause("program_replaced", f"In the place of ours there is {alone[0]}, which allows no other beside it.")
    above = "".join(f" One of a cgroup above runs instead, {line_of(one)}." for one in programs.ours_above[:1])
    return Cause(
        "program_not_attached",
        f"No program of ours is attached to {place}: roll the entry out again.{above}{_beside(programs)}",
    )


def _said_wrong(ours: t.Sequence[Attached], expectation: Expectation) -> t.List[str]:
    found = [f"there are {len(ours)} of ours, and each runs"] if len(ours) > 1 else []
    program = ours[0].program
    return found + (differences(program, expectation) if isinstance(program, BpfProgram) else [])


def _enforced_wrong(programs: Reaching, ours: Attached, expectation: Expectation) -> t.List[str]:
    enforcing = programs.ours(FOR_SETTING)
    if enforcing and not expectation.enforce:
        return ["a second one enforces the values, and that was not asked for"]
    for one in enforcing:
        known = isinstance(one.program, Enforcement) and isinstance(ours.program, BpfProgram)
        if known and enforcement_differs(t.cast(Enforcement, one.program), t.cast(BpfProgram, ours.program)):
            return ["a second one enforces other values"]
    return []


def _read(case: Case) -> t.Optional[BpfProgram]:
    ours = case.evidence.programs.ours() if case.evidence.programs else []
    program = ours[0].program if ours else None
    return program if isinstance(program, BpfProgram) else None


def _is_as_before(case: Case) -> bool:
    """Tell whether a socket is as an earlier drop-in of its unit said, or as a slice's program says."""
    kernel = case.kernel._replace(defaults=None)
    above = case.evidence.programs.ours_above if case.evidence.programs else []
    slices = [one.program.program.values for one in above if isinstance(one.program.program, BpfProgram)]
    for said in (*case.evidence.said_before, *slices):
        tcp = {name: said.get(name, SYSTEM) for name in case.expectation.tcp}
        timed = any(tcp.get(name, SYSTEM) != SYSTEM for name in ALWAYS)
        if timed and not compare(case.subject, case.expectation._replace(tcp=tcp), kernel):
            return True
    return False


def _is_the_systems(case: Case) -> bool:
    """Tell whether something of what the program sets is still as the kernel makes it."""
    by_itself = case.kernel.defaults or LINUX_DEFAULTS
    return any(item.value == (by_itself.get(item.option) if item.option in by_itself else False) for item in case.wrong)


def _beside(programs: Reaching) -> str:
    named = ", ".join(str(one) for one in programs.foreign[:3])
    return f" Programs of others run for it, too: {named}." if named else ""

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at a host: the drop-ins there, what they ask, and the live sockets of their units."""

from __future__ import annotations

import os
import typing as t

from ..host_wide.settings_file import PATH
from ..host_wide.state import HostWide, look_at_host_wide
from ..linux import systemd
from ..linux.procfs import HOST, Proc
from ..settings.entry_comment import NotUnderstood
from ..settings.expectation import Expectation
from ..settings.options import LIBRARY_DIR
from ..sockets.access import Reader, choose_access
from ..units import dropin
from ..units.asked import AskedUnit, unit_from
from ..units.dropin_asks import expectation_in
from ..verdicts.answer import Answer
from ..verdicts.inspection import Audit
from ..verdicts.question import BadParameter, question_from
from .found import UNKNOWN, HostFound, UnitFound, unit_found
from .installed import wrong_with_host_wide, wrong_with_installation
from .programs import find_programs
from .sections import NO_SECTIONS, ProgramSections, program_sections, unit_sections

Problems = t.List[t.Tuple[int, str]]


class AskedThere(t.NamedTuple):
    """What is asked on a host, and what of it cannot be told."""

    expected: t.Sequence[Expectation]
    unclear: t.Mapping[str, str]
    """By unit, why it is not known what its drop-in asks, or its section of the settings file."""
    problems: t.Sequence[t.Tuple[int, str]]
    host_wide: bool = False
    programs: ProgramSections = NO_SECTIONS


def asked_there(
    directory: str = dropin.DIRECTORY, host: t.Optional[HostWide] = None, libraries: str = LIBRARY_DIR
) -> AskedThere:
    """Read what the drop-ins of a host ask, and its settings file in the host-wide mode.

    :param directory: where drop-ins stand.
    :param host: the files of the host-wide mode, by default as they are.
    :param libraries: where the libraries are.
    """
    texts, unread = dropin.survey(directory)
    problems: Problems = [(UNKNOWN, f"{error.filename}: {error.strerror}") for error in unread]
    expected, unclear = {}, {}
    for unit, text in texts.items():
        try:
            expected[unit] = expectation_in(unit, text)
        except NotUnderstood as error:
            unclear[unit] = f"{dropin.path_of(unit, directory)}: {error}"
    host = look_at_host_wide() if host is None else host
    programs = NO_SECTIONS
    if expected or unclear or host.entries:
        problems += wrong_with_installation(libraries)
    problems += wrong_with_host_wide(host)
    if host.entries:
        programs = program_sections(host)
        said = unit_sections(host)  # what a unit's own drop-in says counts before it
        expected.update({unit: asks for unit, asks in said.expected.items() if unit not in texts})
        unclear.update({unit: why for unit, why in said.unclear.items() if unit not in texts})
    return AskedThere(list(expected.values()), unclear, problems, bool(host.entries), programs)


def look_at_sockets(
    asked: AskedThere,
    proc: Proc = HOST,
    reader: t.Optional[Reader] = None,
    run: systemd.Run = systemd.ask_systemd,
    settings: str = PATH,
) -> HostFound:
    """Compare live sockets with what is asked.

    :param settings: where the settings file of this host is.
    :raises OSError: the host does not let its sockets be read.
    """
    problems = list(asked.problems)
    units = [UnitFound(name, UNKNOWN, why) for name, why in asked.unclear.items()]
    answers: t.List[Answer] = []
    patterns: t.Sequence[AskedUnit] = [unit_from(name, None) for name in asked.unclear]
    reader = reader or (choose_access().reader if asked.expected or asked.programs.headings else None)
    if asked.expected and reader:
        try:
            question = question_from({"expected": [one.as_dict() for one in asked.expected]}, run)
        except (BadParameter, systemd.SystemdError) as error:
            names = [*(one.name for one in asked.expected), *asked.programs.names]
            units += [UnitFound(name, UNKNOWN, "not compared, see above") for name in names]
            return HostFound(sorted(units), [*problems, (UNKNOWN, str(error))], asked.host_wide)
        answers.append(Audit(question, reader, proc=proc).run())
        for one in question.expected:
            verdicts = [verdict for verdict in answers[0].verdicts.values() if verdict.expectation == one]
            units.append(unit_found(one.name, answers[0].units[one.name], verdicts, one))
        patterns = [*patterns, *question.units]
    if asked.programs.headings and reader:
        found, answer = find_programs(
            asked.programs, lambda name: any(unit.holds(name) for unit in patterns), proc, reader, settings
        )
        units += found
        answers += [answer] if answer else []
    problems += [(UNKNOWN, why) for why in dict.fromkeys(why for answer in answers for why in answer.damages)]
    if os.geteuid() and any(1 in answer.unreadable for answer in answers):
        problems.append((UNKNOWN, "run as root: other users' processes cannot be read"))
    return HostFound(sorted(units), problems, asked.host_wide)

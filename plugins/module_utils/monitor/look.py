# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at a host: the drop-ins there, what they ask, and the live sockets of their units."""

from __future__ import annotations

import os
import typing as t

from ..host_wide.settings_file import sections
from ..host_wide.state import HostWide, look_at_host_wide
from ..linux import systemd
from ..linux.procfs import HOST, Proc
from ..settings.expectation import Expectation
from ..settings.options import LIBRARIES
from ..sockets.access import Reader, choose_access
from ..units import dropin
from ..units.dropin_asks import expectation_in, values_in
from ..units.entry_comment import NotUnderstood
from ..verdicts.inspection import Audit
from ..verdicts.question import BadParameter, question_from
from .found import CRITICAL, UNKNOWN, HostFound, UnitFound, unit_found

Problems = t.List[t.Tuple[int, str]]


class AskedThere(t.NamedTuple):
    """What is asked on a host, and what of it cannot be told."""

    expected: t.Sequence[Expectation]
    unclear: t.Mapping[str, str]
    """By unit, why it is not known what its drop-in asks."""
    problems: t.Sequence[t.Tuple[int, str]]
    host_wide: bool = False


def asked_there(directory: str = dropin.DIRECTORY, host: t.Optional[HostWide] = None) -> AskedThere:
    """Read what the drop-ins of a host ask, and its settings file in the host-wide mode.

    :param directory: where drop-ins stand.
    :param host: the files of the host-wide mode, by default as they are.
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
    if host.entries:
        problems += _wrong_with_files(host)
        for name, expectation in _in_sections(host).items():
            expected.setdefault(name, expectation)
    return AskedThere(list(expected.values()), unclear, problems, bool(host.entries))


def _wrong_with_files(host: HostWide) -> Problems:
    found: Problems = [(CRITICAL, host.unusable)] if host.unusable else []
    found += [
        (CRITICAL, f"/etc/ld.so.preload names {entry}, which is not there")
        for entry in host.entries
        if "$" not in entry and not os.path.exists(entry)
    ]
    return found


def _in_sections(host: HostWide) -> t.Dict[str, Expectation]:
    """Return what the settings file asks of the units that it names; the libraries are those of every process."""
    libraries = [name for name, file in LIBRARIES.items() if file in host.names]
    found: t.Dict[str, Expectation] = {}
    said = sections(host.settings or "")
    for heading, pairs in said.items():
        kind, _blank, pattern = heading[1:-1].partition(" ")
        unit = pattern.replace("@*.service", "@.service")
        variables = {**dict(said[""]), **dict(pairs)}
        if kind == "unit" and not set(unit) & set("*?[") and variables.get("LIBKEEPALIVE_DISABLE") != "1":
            tcp = values_in(variables)
            found[unit] = Expectation(unit, frozenset(libraries), tcp, frozenset(), 0)
    return found


def look_at_sockets(
    asked: AskedThere, proc: Proc = HOST, reader: t.Optional[Reader] = None, run: systemd.Run = systemd.ask_systemd
) -> HostFound:
    """Compare live sockets with what is asked.

    :raises OSError: the host does not let its sockets be read.
    """
    problems = list(asked.problems)
    units = [UnitFound(name, UNKNOWN, why) for name, why in asked.unclear.items()]
    if asked.expected:
        try:
            question = question_from({"expected": [one.as_dict() for one in asked.expected]}, run)
        except (BadParameter, systemd.SystemdError) as error:
            why = str(error)
            units += [UnitFound(one.name, UNKNOWN, "not compared, see above") for one in asked.expected]
            return HostFound(sorted(units), [*problems, (UNKNOWN, why)], asked.host_wide)
        audit = Audit(question, reader or choose_access().reader, proc=proc)
        answer = audit.run()
        for one in question.expected:
            verdicts = [verdict for verdict in answer.verdicts.values() if verdict.expectation == one]
            units.append(unit_found(one.name, answer.units[one.name], verdicts, one))
        problems += [(UNKNOWN, why) for why in answer.damages]
        if 1 in answer.unreadable and os.geteuid():
            problems.append((UNKNOWN, "run as root: other users' processes cannot be read"))
    return HostFound(sorted(units), problems, asked.host_wide)

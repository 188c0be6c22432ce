# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's parameters to the question that is asked of a host, or to the mistake in them."""

from __future__ import annotations

import typing as t

from ..linux import systemd, unit_names
from ..linux.unit_names import instances_pattern
from ..settings.expectation import Expectation, parse_expected
from ..settings.pattern import fits
from ..units.asked import (
    AskedUnit,
    askable,
    unit_from,
)
from .answer import Question

_NOT_NEGATIVE = {"max_sockets": "0 (all) or more", "sample": "0 (read all) or more", "wait": "0 s (look once) or more"}


class BadParameter(ValueError):
    """A parameter makes no sense; the text says which, what it has, and what would be right."""


def question_from(parameters: t.Mapping[str, t.Any], run: systemd.Run) -> Question:
    """Turn parameters into what is asked, with one question to systemd.

    :raises BadParameter: something is wrong with them.
    :raises systemd.SystemdError: systemd does not answer.
    """
    _check_names(parameters)
    expected = _expected(parameters)
    for index, port in enumerate(parameters.get("ports") or ()):
        if not 1 <= port <= 65535:
            raise BadParameter(f"ports[{index}]: {port} is out of range: expected a port from 1 to 65535")
    for index, pattern in enumerate(parameters.get("processes") or ()):
        if not pattern.strip("*") and pattern != "*":
            raise BadParameter(f"processes[{index}]: {pattern!r} names no executable: expected one such as 'java'")
    for name, wanted in _NOT_NEGATIVE.items():
        if (parameters.get(name) or 0) < 0:
            raise BadParameter(f"{name}: {parameters[name]} is negative: expected {wanted}")
    sample = parameters.get("sample") or 0
    for index, expectation in enumerate(expected):
        if 0 < sample < expectation.min_sockets:
            raise BadParameter(
                f"expected[{index}] {expectation.name!r}: min_sockets: {expectation.min_sockets} are never seen in a "
                f"sample of {sample}: raise sample or leave it out"
            )
    names = [*(expectation.name for expectation in expected), *(parameters.get("units") or ())]
    units = _ask_systemd(run, list(dict.fromkeys(names)))
    _refuse_aliases(units[: len(expected)])
    return Question(
        units=tuple(units),
        pids=frozenset(parameters.get("pids") or ()),
        ports=frozenset(parameters.get("ports") or ()),
        expected=tuple(expected),
        processes=tuple(parameters.get("processes") or ()),
        states=frozenset(parameters.get("states") or ()),
        sample=sample,
    )


def _check_names(parameters: t.Mapping[str, t.Any]) -> None:
    named = unit_names.in_list("expected", parameters.get("expected"), "name")
    problems = unit_names.problems_with(named, patterns=True)
    problems += unit_names.problems_with(unit_names.in_list("units", parameters.get("units")), patterns=True)
    if problems:
        raise BadParameter("; ".join(problems))


def _expected(parameters: t.Mapping[str, t.Any]) -> t.List[Expectation]:
    try:
        expected = parse_expected(parameters.get("expected") or ())
    except ValueError as error:
        raise BadParameter(str(error)) from error
    for index, expectation in enumerate(expected):
        if expectation.by_systemd and not askable([expectation.name]):
            raise BadParameter(
                f"expected[{index}]: {expectation.name!r} stands for several .socket units: name each of them"
            )
    return expected


def _ask_systemd(run: systemd.Run, names: t.List[str]) -> t.List[AskedUnit]:
    """Ask about all units in one call. Patterns of .socket units become the units that fit them."""
    patterns = {name: instances_pattern(name) for name in names if name.endswith(".socket") and not askable([name])}
    answers = systemd.show(run, [*askable(names), *patterns.values()])
    found: t.Dict[str, AskedUnit] = {}
    for name in names:
        fitting = sorted(unit for unit in answers if fits(patterns[name], unit)) if name in patterns else [name]
        for unit in fitting:
            found.setdefault(unit, unit_from(unit, answers.get(unit)))
    return list(found.values())


def _refuse_aliases(units: t.Sequence[AskedUnit]) -> None:
    first: t.Dict[t.Tuple[str, ...], str] = {}
    for index, unit in enumerate(units):
        if not unit.is_socket and first.setdefault(unit.patterns, unit.name) != unit.name:
            other = first[unit.patterns]
            raise BadParameter(
                f"expected[{index}] '{unit.name}': this is the unit that is listed as '{other}': list it once"
            )

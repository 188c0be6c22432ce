# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a module's parameters to the question, and which parameters make no sense."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import systemd
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unit_names import name_problem
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.units.asked import AskedUnit
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.answer import Question
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.question import BadParameter, question_from

EXPECTED = {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}}
EXPECTATION = Expectation("a.service", frozenset(("connect",)), {"keepidle": 60}, frozenset(), 0)


class Systemd:
    """Answers what a test says, and remembers how often and for what it was asked."""

    def __init__(self, *answers: t.Dict[str, str]) -> None:
        self.text = "\n\n".join("\n".join(f"{key}={value}" for key, value in one.items()) for one in answers)
        self.asked: t.List[t.List[str]] = []

    def __call__(self, arguments: t.Sequence[str], *_more: t.Any, **_named: t.Any) -> t.Any:
        arguments = list(arguments)
        self.asked.append(arguments[arguments.index("--") + 1 :])
        return 0, self.text, ""


def loaded(name: str, **more: str) -> t.Dict[str, str]:
    return {"Id": name, "Names": name, "LoadState": "loaded", "ActiveState": "active", **more}


def test_nothing_given_is_the_whole_host() -> None:
    asked = Systemd()
    question = question_from({}, asked)
    assert question == Question((), frozenset(), frozenset(), (), (), frozenset(), 0)
    assert question.whole_host
    given = dict.fromkeys(("expected", "units", "pids", "ports", "processes", "states", "sample", "wait"))
    assert question_from(given, asked) == question


def test_everything_given_is_asked_for() -> None:
    asked = Systemd(loaded("a.service"), loaded("b.service"))
    question = question_from(
        {
            "expected": [EXPECTED],
            "units": ["b.service", "a.service", "w@.service"],
            "pids": [7, 8, 7],
            "ports": [1, 65535],
            "processes": ["java", "*"],
            "states": ["LISTEN"],
            "sample": 1,
            "max_sockets": 0,
            "wait": 0,
        },
        asked,
    )
    assert question == Question(
        (
            AskedUnit("a.service", ("a.service",), "loaded", True, (), {}),
            AskedUnit("b.service", ("b.service",), "loaded", True, (), {}),
            AskedUnit("w@.service", ("w@*.service",), None, None, (), {}),
        ),
        frozenset((7, 8)),
        frozenset((1, 65535)),
        (EXPECTATION,),
        ("java", "*"),
        frozenset(("LISTEN",)),
        1,
    )
    assert asked.asked == [["a.service", "b.service"]]


def problem(**parameters: t.Any) -> str:
    asked = Systemd(loaded("a.service"))
    with pytest.raises(BadParameter) as error:
        question_from(parameters, asked)
    assert asked.asked == [] or "this is the unit that is listed as" in str(error.value), "nothing is asked in vain"
    return str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ports": [1, 0]}, "ports[1]: 0 is out of range: expected a port from 1 to 65535"),
        ({"ports": [65536]}, "ports[0]: 65536 is out of range: expected a port from 1 to 65535"),
        ({"processes": ["java", "**"]}, "processes[1]: '**' names no executable: expected one such as 'java'"),
        ({"processes": [""]}, "processes[0]: '' names no executable: expected one such as 'java'"),
        ({"max_sockets": -1}, "max_sockets: -1 is negative: expected 0 (all) or more"),
        ({"sample": -1}, "sample: -1 is negative: expected 0 (read all) or more"),
        ({"wait": -0.5}, "wait: -0.5 is negative: expected 0 s (look once) or more"),
        ({"sample": 2, "expected": [EXPECTED, {**EXPECTED, "name": "b.service", "min_sockets": 3}]},
         "expected[1] 'b.service': min_sockets: 3 are never seen in a sample of 2: raise sample or leave it out"),
        ({"sample": 1, "expected": [{**EXPECTED, "min_sockets": 2}]},
         "expected[0] 'a.service': min_sockets: 2 are never seen in a sample of 1: raise sample or leave it out"),
        ({"expected": [{**EXPECTED, "tcp": {"keepcnt": 128}}]},
         "expected[0] 'a.service': tcp.keepcnt: 128 is out of range: expected an integer of probes from 1 to 127, "
         "0 (the system's default)"),
        ({"expected": [EXPECTED, {"name": "w@.socket"}]},
         "expected[1]: 'w@.socket' stands for several .socket units: name each of them"),
        ({"expected": [{"name": "w*.socket"}]},
         "expected[0]: 'w*.socket' stands for several .socket units: name each of them"),
    ],
)  # fmt: skip
def test_a_parameter_that_makes_no_sense_is_named(parameters: t.Dict[str, t.Any], message: str) -> None:
    assert problem(**parameters) == message


def test_all_names_that_are_wrong_are_named_at_once() -> None:
    text = problem(expected=[EXPECTED, {**EXPECTED, "name": "b"}], units=["c.service", "d/e.service"])
    assert text == (
        f"expected[1].name: {name_problem('b', patterns=True)}; units[1]: {name_problem('d/e.service', patterns=True)}"
    )


@pytest.mark.parametrize(("least", "sample"), [(2, 2), (2, 0), (0, 1), (1, 1)])
def test_a_sample_in_which_so_many_may_be_seen(least: int, sample: int) -> None:
    question = question_from({"expected": [{**EXPECTED, "min_sockets": least}], "sample": sample}, Systemd())
    assert (question.sample, question.expected[0].min_sockets) == (sample, least)


def test_two_names_of_one_unit_are_not_expected_two_things_of() -> None:
    answers = [loaded("a.service", Names="a.service b.service")] * 2
    expected = [EXPECTED, {**EXPECTED, "name": "b.service"}]
    with pytest.raises(BadParameter) as error:
        question_from({"expected": expected}, Systemd(*answers))
    assert str(error.value) == ("expected[1] 'b.service': this is the unit that is listed as 'a.service': list it once")
    # One of them expected and the other only looked at is no contradiction.
    question = question_from({"expected": expected[:1], "units": ["b.service"]}, Systemd(*answers))
    assert [unit.name for unit in question.units] == ["a.service", "b.service"]


def test_two_socket_units_of_one_service_are_two() -> None:
    answers = [loaded(f"{name}.socket", Triggers="x.service") for name in "ab"]
    expected = [{"name": "a.socket"}, {"name": "b.socket"}]
    question = question_from({"expected": expected}, Systemd(*answers))
    assert [(unit.name, unit.patterns) for unit in question.units] == [
        ("a.socket", ("x.service",)), ("b.socket", ("x.service",)),
    ]  # fmt: skip


def test_a_pattern_of_socket_units_becomes_those_that_fit_in_the_order_of_their_names() -> None:
    answers = [loaded(f"{name}.socket") for name in ("w@2", "w@1", "z", "c")]
    asked = Systemd(*answers)
    question = question_from({"units": ["c.socket", "w@.socket", "w@2.socket"]}, asked)
    assert [unit.name for unit in question.units] == ["c.socket", "w@1.socket", "w@2.socket"]
    assert asked.asked == [["c.socket", "w@2.socket", "w@*.socket"]]


def test_a_systemd_that_does_not_answer_is_no_answer() -> None:
    def failing(*_arguments: t.Any, **_named: t.Any) -> t.Any:
        return 1, "", "Failed to connect to bus"

    with pytest.raises(systemd.SystemdError):
        question_from({"units": ["a.service"]}, failing)

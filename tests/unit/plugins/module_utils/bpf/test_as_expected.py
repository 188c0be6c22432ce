# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said of a program, and of how it differs from what its unit is to have."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.as_expected import (
    described,
    differences,
    enforcement_differs,
)
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.enforce import Enforcement, enforcement_of
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram, program_for
from ansible_collections.netops.keepalive.tests.unit.support.audited import expecting

TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}
PROGRAM = program_for(["connect"], TCP)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (PROGRAM, "connect; keepidle 60, keepcnt 4, keepintvl 15, user_timeout 120000"),
        (BpfProgram(("accept", "listen"), {}), "accept, listen"),
        (BpfProgram(("connect",), {"user_timeout": -1}, True), "connect; user_timeout derived; respect"),
        (Enforcement({"keepidle": 5}), "enforce; keepidle 5"),
        (Enforcement({}), "enforce"),
    ],
)
def test_a_program_in_words(program: t.Union[BpfProgram, Enforcement], words: str) -> None:
    assert described(program) == words


@pytest.mark.parametrize(
    ("libraries", "tcp", "program", "found"),
    [
        ("connect", TCP, PROGRAM, []),
        # not everything may have been asked for, and a program does the rest with the libraries' defaults
        ("connect", {"keepidle": 60}, PROGRAM, []),
        ("connect", {**TCP, "user_timeout": 120000}, PROGRAM, []),
        ("connect", {**TCP, "keepintvl": 0, "user_timeout": -1}, program_for(["connect"], {**TCP, "keepintvl": 0}), []),
        ("connect", {**TCP, "keepidle": 61}, PROGRAM, ["keepidle 60 where 61 is expected"]),
        ("connect", {**TCP, "keepcnt": 0}, PROGRAM, ["keepcnt 4 where left to the system is expected"]),
        ("connect", {**TCP, "maxseg": 500}, PROGRAM, ["maxseg left to the system where 500 is expected"]),
        ("connect", {**TCP, "syncnt": 3}, PROGRAM, ["syncnt left to the system where 3 is expected"]),
        ("connect", TCP, PROGRAM._replace(values={**PROGRAM.values, "user_timeout": 5000}),
         ["user_timeout 5000 where derived is expected"]),
        # on a listener it is not set, and defer_accept nowhere
        ("listen", {"keepidle": 60, "syncnt": 3, "defer_accept": 5}, program_for(["listen"], TCP), []),
        ("listen", {"keepidle": 60}, PROGRAM, ["it runs for connect where accept, listen is expected"]),
        ("connect listen", {"keepidle": 60}, PROGRAM,
         ["it runs for connect where connect, accept, listen is expected"]),
        ("socket", {"keepidle": 60}, program_for(["connect", "listen"], TCP), []),
        ("connect", {"keepidle": 60}, BpfProgram((), {"keepidle": 60}),
         ["it runs for nothing where connect is expected"]),
        ("connect", {"keepidle": 60}, PROGRAM._replace(respect=True), ["it respects what the application has set"]),
    ],
)  # fmt: skip
def test_what_a_program_does_otherwise(
    libraries: str, tcp: t.Dict[str, int], program: BpfProgram, found: t.List[str]
) -> None:
    assert differences(program, expecting(libraries=libraries, tcp=tcp)) == found


def test_respect_that_is_missing() -> None:
    assert differences(PROGRAM, expecting(respect=True)) == ["it does not respect"]


def test_a_socket_unit_listens() -> None:
    wanted = expecting("a.socket", libraries="")
    assert differences(program_for([], TCP), wanted) == []


def test_what_is_enforced_is_what_is_set() -> None:
    assert not enforcement_differs(enforcement_of(PROGRAM), PROGRAM)
    assert enforcement_differs(Enforcement({"keepidle": 60}), PROGRAM)
    derived = program_for(["connect"], {**TCP, "keepidle": 0})
    assert not enforcement_differs(enforcement_of(derived), derived)

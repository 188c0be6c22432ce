# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a socket is wrong that a program of its unit's cgroup is to set: each reason for its own evidence."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.attached import Attached
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.enforce import Enforcement, enforcement_of
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.program import BpfProgram, program_for
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.reaching import PlacedProgram, Reaching
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import FOR_SETTING, FOR_SOCKETS
from ansible_collections.netops.keepalive.plugins.module_utils.settings.expectation import Expectation
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.compare import compare
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.case import Case, Cause, Evidence
from ansible_collections.netops.keepalive.plugins.module_utils.verdicts.causes_program import (
    explain_by_program,
    problem_with_programs,
    whose_programs,
)
from ansible_collections.netops.keepalive.tests.unit.support.wrong_sockets import connection

UNIT, SLICE = "/sys/fs/cgroup/system.slice/a.service", "/sys/fs/cgroup/system.slice"
TCP = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": -1}
WANTED = Expectation("a.service", frozenset(("connect",)), TCP, frozenset(), 0, backend="bpf")
PROGRAM = program_for(["connect"], TCP)
OTHER = program_for(["connect"], {**TCP, "keepidle": 30})
EITHER = ("overridden_by_application", "opened_before_attach")
UNTOUCHED = {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "user_timeout": 0}
RIGHT = {"keepidle": 60, "keepintvl": 15, "keepcnt": 4, "user_timeout": 120000}


def placed(
    program: t.Union[BpfProgram, Enforcement, None], folder: str = UNIT, name: str = "keepalive_1", flags: int = 2
) -> PlacedProgram:
    kind = FOR_SETTING if isinstance(program, Enforcement) else FOR_SOCKETS
    return PlacedProgram(folder, kind, Attached(7, name, "ab", name == "keepalive_1", program, 100.0), flags)


def attached(*programs: PlacedProgram) -> Reaching:
    return Reaching(UNIT, programs)


OURS = placed(PROGRAM)
CILIUM = placed(None, "/sys/fs/cgroup", "cilium")
ALONE = placed(None, UNIT, "theirs", 0)
ENFORCING = placed(enforcement_of(PROGRAM))


def explained(
    programs: t.Optional[Reaching] = None,
    expectation: Expectation = WANTED,
    keepalive: bool = True,
    protocol: str = "tcp",
    direction: str = "outgoing",
    evidence: t.Optional[t.Dict[str, t.Any]] = None,
    **options: t.Any,
) -> Cause:
    record = connection(protocol, "ESTABLISHED", direction, keepalive, **{**RIGHT, **options})
    wrong = tuple(compare(record.subject(), expectation))
    assert wrong
    found = Evidence(programs=attached(OURS) if programs is None else programs, **(evidence or {}))
    return explain_by_program(Case(record, wrong, expectation, evidence=found))


RESPECT = WANTED._replace(respect=True)
RESPECTING = attached(placed(PROGRAM._replace(respect=True)))
OLDER: t.Dict[str, t.Any] = {"unit_older": True}
YOUNGER: t.Dict[str, t.Any] = {"unit_older": False}

CASES: t.List[t.Tuple[t.Dict[str, t.Any], str, t.Tuple[str, ...], str]] = [
    # the program itself
    ({"programs": attached(), "keepidle": 7200}, "program_not_attached", (), f"attached to {UNIT}: roll the entry out"),
    ({"programs": attached(CILIUM), "keepidle": 7200}, "program_not_attached", (), "of others run for it, too: cilium"),
    ({"programs": attached(placed(PROGRAM, SLICE)), "keepidle": 7200}, "program_not_attached", (),
     f"runs instead, ours: keepalive_1 (id 7), attached to {SLICE}: connect; keepidle 60"),
    ({"programs": attached(ALONE), "keepidle": 7200}, "program_replaced", (), "there is theirs (id 7), attached to"),
    ({"programs": attached(placed(OTHER)), "keepidle": 30}, "program_replaced", (), "keepidle 30 where 60 is expected"),
    ({"programs": attached(OURS, OURS), "keepidle": 30}, "program_replaced", (), "there are 2 of ours"),
    ({"programs": attached(OURS, ENFORCING), "keepidle": 30}, "program_replaced", (), "that was not asked for"),
    ({"expectation": WANTED._replace(enforce=True), "keepidle": 30}, "program_not_attached", (), "that enforces"),
    ({"expectation": WANTED._replace(enforce=True), "programs": attached(OURS, placed(Enforcement({"keepidle": 5}))),
      "keepidle": 30}, "program_replaced", (), "a second one enforces other values"),
    ({"programs": Reaching(UNIT, (), "BPF_PROG_QUERY: not for you"), "keepidle": 30}, "undetermined",
     ("program_not_attached", "program_replaced", *EITHER), "is not known: BPF_PROG_QUERY: not for you"),
    # it is right, and the socket is not
    ({"keepidle": 300}, "overridden_by_application", (), "keepidle is 300 instead of 60"),
    ({"keepidle": 300, "programs": attached(OURS, CILIUM)}, "overridden_by_application", (), "too: cilium (id 7)"),
    ({"keepidle": 300, "evidence": OLDER}, "overridden_by_application", (), "300"),
    ({"keepalive": False}, "overridden_by_application", (), "keepalive is off"),
    ({**UNTOUCHED, "keepalive": False, "evidence": {"through_right_listener": True, **YOUNGER}, "direction": "accepted",
      "expectation": WANTED._replace(libraries=frozenset(("listen",))),
      "programs": attached(placed(program_for(["listen"], TCP)))}, "overridden_by_application", (), "off"),
    # a listener that was set by hand proves nothing of what came through it before
    ({**UNTOUCHED, "keepalive": False, "evidence": {"through_right_listener": True, **OLDER}, "direction": "accepted",
      "expectation": WANTED._replace(libraries=frozenset(("listen",))),
      "programs": attached(placed(program_for(["listen"], TCP)))}, "opened_before_attach", (), "while the unit ran"),
    ({**UNTOUCHED, "keepalive": False, "evidence": OLDER}, "opened_before_attach", (), "while the unit ran"),
    ({**UNTOUCHED, "keepalive": False, "evidence": YOUNGER}, "undetermined", EITHER, "The program is right, and yet"),
    ({**UNTOUCHED, "keepalive": False}, "undetermined", EITHER, "The program is right, and yet"),
    # the application's own, from before: the user timeout, which is the system's, shows that the program was not there
    ({**UNTOUCHED, "keepidle": 300, "keepcnt": 3, "evidence": OLDER}, "opened_before_attach", (), "0"),
    ({"keepidle": 300, "keepintvl": 100, "keepcnt": 3, "user_timeout": 0, "evidence": OLDER,
      "expectation": WANTED._replace(tcp={**TCP, "user_timeout": 0}),
      "programs": attached(placed(program_for(["connect"], {**TCP, "user_timeout": 0})))},
     "undetermined", EITHER, "set all of it itself"),
    ({"keepidle": 300, "evidence": {"older_than_program": True}}, "opened_before_attach", (), "carried data before"),
    ({"keepidle": 300, "evidence": {"handed_over": True}}, "opened_before_attach", (), "systemd handed this"),
    ({"keepidle": 300, "evidence": {"inherited": "Another opened it."}}, "inherited_listener", (), "Another opened"),
    # values changed while it ran: what is as it was told before was opened before, whatever else it shows
    ({"keepidle": 30, "user_timeout": 120000, "evidence": {**OLDER, "said_before": ({**TCP, "keepidle": 30,
      "user_timeout": 120000},)}}, "opened_before_attach", (), "what the unit was told before"),
    ({"keepidle": 300, "evidence": {**OLDER, "said_before": ({**TCP, "keepidle": 30},)}},
     "overridden_by_application", (), "300"),
    ({"keepidle": 30, "user_timeout": 90000, "evidence": OLDER, "programs": attached(OURS, placed(OTHER, SLICE))},
     "opened_before_attach", (), "what the unit was told before"),
    ({"expectation": RESPECT, "programs": RESPECTING, **UNTOUCHED, "evidence": OLDER}, "undetermined", EITHER, "alone"),
    ({"expectation": WANTED._replace(enforce=True), "programs": attached(OURS, ENFORCING), "keepidle": 300},
     "undetermined", EITHER, "is not let through"),
    # what the kernel hides is not held against it
    ({"programs": attached(placed(None)), "keepidle": 300}, "overridden_by_application", (), "300"),
    # MPTCP
    ({"protocol": "mptcp", "keepalive": False, "user_timeout": None}, "not_supported_by_protocol", (), "on its parts"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "reason", "candidates", "says"), CASES)
def test_each_reason_for_its_own_evidence(
    case: t.Dict[str, t.Any], reason: str, candidates: t.Tuple[str, ...], says: str
) -> None:
    cause = explained(**case)
    assert (cause.reason, cause.candidates) == (reason, candidates)
    assert says in cause.detail


def test_what_is_right_is_no_problem() -> None:
    assert problem_with_programs(WANTED, attached(OURS, CILIUM, placed(OTHER, SLICE))) is None
    assert problem_with_programs(WANTED._replace(enforce=True), attached(OURS, ENFORCING)) is None
    assert problem_with_programs(WANTED, attached(placed(None))) is None, "the kernel hides what it does"


def test_whose_programs_run() -> None:
    assert whose_programs(attached(OURS, ENFORCING, placed(None, SLICE), CILIUM)) == [
        f"ours: keepalive_1 (id 7), attached to {UNIT}: connect; keepidle 60, keepcnt 4, keepintvl 15, "
        "user_timeout 120000",
        f"ours: keepalive_1 (id 7), attached to {UNIT}: enforce; keepidle 60, keepcnt 4, keepintvl 15, "
        "user_timeout 120000",
        f"ours: keepalive_1 (id 7), attached to {SLICE}; the kernel does not show what it sets",
        "foreign: cilium (id 7), attached to /sys/fs/cgroup",
    ]
    assert whose_programs(Reaching(UNIT, (), "no")) == [f"which programs run for {UNIT} is not known: no"]

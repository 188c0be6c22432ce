# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a unit's processes, sockets and drop-ins gets into the advice, and whose."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit import adviser
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Advice, Program
from ansible_collections.netops.keepalive.plugins.module_utils.audit.adviser import Adviser, Whereabouts
from ansible_collections.netops.keepalive.plugins.module_utils.audit.group import Group, Key
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import judge, recommend
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account, label_of
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import ProcessFacts
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.tests.unit.support.made_up import MadeUpProc, made, tuned

GIVEN = {"INVOCATION_ID": "0", "SYSTEMD_EXEC_PID": "1"}
TCP = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}
WORKER, REDIS = "/usr/bin/worker", "/usr/bin/redis-server"
PERSON = Account("a.service", 1000)


class Host:
    """A host whose processes are as a test says, and what it is asked on the way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proc = MadeUpProc({7: "a.service"}, programs={7: WORKER})
        self.environments: t.Dict[int, t.Optional[t.Dict[str, str]]] = {}
        self.mapped: t.Dict[int, t.Dict[str, bool]] = {}
        self.drop_ins = "/nowhere"
        self.looked_at: t.List[int] = []
        self.versions: t.List[int] = []
        self.programs: t.List[Program] = []
        advise = adviser.advise

        def noted(program: Program, *arguments: t.Any, **named: t.Any) -> Advice:
            if program not in self.programs:
                self.programs.append(program)
            return advise(program, *arguments, **named)

        monkeypatch.setattr(adviser, "advise", noted)
        monkeypatch.setattr(adviser, "gather_facts", self._facts)

    def _facts(self, pid: int, _proc: t.Any) -> ProcessFacts:
        self.looked_at.append(pid)
        return ProcessFacts("", None, False, self.mapped.get(pid, {}), self.environments.get(pid, GIVEN))

    def _version(self) -> int:
        self.versions.append(1)
        return 0

    def advise(self, *records: Record) -> t.Dict[t.Tuple[str, str, int], Advice]:
        """Return the advice by program, direction and user."""
        places = Whereabouts(self.proc, "/usr/lib/libkeepalive", self.drop_ins)
        one = Adviser(recommend(350), places, self._version)
        groups: t.Dict[Key, Group] = {}
        for record in records:
            side = "outgoing" if record.direction == "outgoing" else "accepted"
            verdict = judge(record.keepalive, record.options, 350, record.timer)
            one.add(record, side, verdict)
            group = groups.setdefault(Key(label_of(record.unit), record.program, "", side, record.account), Group())
            group.units.add(record.unit)
            group.pids.add(record.owner[0])
            if record.state != "LISTEN":
                ended_by = record.options["user_timeout"] if verdict == "tight" else 0
                group.add([record], verdict, ended_by or 0)
            elif verdict != "right":
                group.listeners.append({})
        return {(key.program, key.side, key.account.user): of for key, of in one.advise_all(groups.items()).items()}

    def entries(self, *records: Record) -> t.Dict[t.Tuple[str, str, int], t.Any]:
        return {key: advice.entry for key, advice in self.advise(*records).items()}


@pytest.fixture(name="there")
def there_fixture(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def listening(inode: int, user_timeout: int = 0, **changes: t.Any) -> Record:
    options = {"keepidle": 7200, "keepcnt": 9, "keepintvl": 75, "user_timeout": user_timeout}
    return made(inode, state="LISTEN", options=options, **changes)


def having(inode: int, user_timeout: int, **changes: t.Any) -> Record:
    options = {"keepidle": 7200, "keepcnt": 9, "keepintvl": 75, "user_timeout": user_timeout}
    return made(inode, options=options, **changes)


@pytest.mark.parametrize("unit", ["a.service", "a@1.service"])
def test_what_a_listener_has_counts_for_what_it_hands_on(there: Host, unit: str) -> None:
    label = label_of(unit)
    assert there.entries(listening(1, 200_000, unit=unit)) == {
        (WORKER, "accepted", -1): {"name": label, "libraries": ["listen"], "tcp": {**TCP, "user_timeout": 200_000}}
    }
    right = tuned(60, 15, 4)
    there.mapped = {}
    assert there.entries(made(1, unit=unit), listening(2, 6000, unit=unit)._replace(**right)) == {
        (WORKER, "outgoing", -1): {"name": label, "libraries": ["connect"], "tcp": TCP}
    }


def test_a_program_with_a_setting_of_its_own_keeps_its_user_timeout_too(there: Host) -> None:
    """Its entry is the second choice, and takes nothing away either."""
    advice = there.advise(having(1, 200_000, program=REDIS, direction="accepted"))[(REDIS, "accepted", -1)]
    assert (advice.kind, advice.entry) == (
        "native", {"name": "a.service", "libraries": ["listen"], "tcp": {**TCP, "user_timeout": 200_000}}
    )  # fmt: skip


def test_what_needs_no_library_brings_none_into_the_entry_of_others(there: Host) -> None:
    found = there.advise(made(1, program=REDIS, direction="accepted"), made(2))
    assert found[(REDIS, "accepted", -1)].kind == "native"
    assert found[(WORKER, "outgoing", -1)].entry == {"name": "a.service", "libraries": ["connect"], "tcp": TCP}


def test_nor_what_no_drop_in_reaches(there: Host) -> None:
    there.proc = MadeUpProc({7: "a.service", 8: "a.service"}, programs={7: WORKER, 8: "/usr/bin/other"})
    there.environments = {8: {}}
    found = there.advise(made(1, 8, program="/usr/bin/other", direction="accepted"), made(2))
    assert found[("/usr/bin/other", "accepted", -1)].kind == "elsewhere"
    assert found[(WORKER, "outgoing", -1)].entry == {"name": "a.service", "libraries": ["connect"], "tcp": TCP}


def test_what_a_program_that_is_right_has_loaded_stays(there: Host) -> None:
    there.mapped = {8: {"/usr/lib/libkeepalive/libkeepalive_listen.so": False}}
    right = made(1, 8, program="/usr/bin/other", direction="accepted", **tuned(60, 15, 4))
    found = there.entries(right, made(2))
    assert found == {
        (WORKER, "outgoing", -1): {
            "name": "a.service", "libraries": ["connect", "listen"],
            "tcp": {"keepidle": 60, "keepintvl": 15, "keepcnt": 4},
        }
    }  # fmt: skip


def test_a_unit_that_is_right_is_not_looked_into(there: Host) -> None:
    assert there.advise(made(1, **tuned(60, 15, 4))) == {}
    assert (there.looked_at, there.versions) == ([], [])


def test_a_persons_finding_counts_the_units_own_sockets_and_his(there: Host) -> None:
    """But what one person has set is nothing to the unit, nor to another person."""
    found = there.entries(
        having(1, 200_000), having(2, 230_000, account=PERSON), having(3, 200_000, account=Account("a.service", 1001))
    )
    assert {user: entry["tcp"]["user_timeout"] for (_program, _side, user), entry in found.items()} == {
        -1: 200_000, 1000: 0, 1001: 200_000
    }  # fmt: skip
    (alone,) = there.entries(having(1, 230_000, account=PERSON)).values()
    assert alone["tcp"]["user_timeout"] == 230_000


def test_good_times_beside_a_listener_that_has_none_get_an_entry(there: Host) -> None:
    cut = made(1, direction="accepted", **tuned(120, 30, 4, 6000))
    (ended,) = there.advise(cut).values()
    assert (ended.entry, ended.obstacle) == (None, "the times are right already")
    (advice,) = there.advise(cut, listening(2, 6000)).values()
    assert advice.entry == {
        "name": "a.service", "libraries": ["listen"], "tcp": {**TCP, "user_timeout": 6000}, "short_user_timeout": True
    }  # fmt: skip


def test_of_several_processes_and_instances_the_first_stands_for_all(there: Host) -> None:
    """So that the advice is the same each time."""
    of = {5: "a@1.service", 6: "a@2.service", 8: "a@1.service", 9: "a@2.service"}
    there.proc = MadeUpProc(of, programs={5: "/usr/bin/bash", 6: "/usr/bin/env", 8: WORKER, 9: WORKER},
                            parents={8: 5, 9: 6, 5: 1, 6: 1})  # fmt: skip
    there.environments = {8: {}}
    there.advise(made(1, 9, unit="a@2.service"), made(2, 8, unit="a@1.service"))
    lost = "not even INVOCATION_ID, which systemd gives to every service, came through"
    assert there.programs == [
        Program(WORKER, unit="a@.service", lost=lost, instance="a@1.service", leader="/usr/bin/bash")
    ]
    assert there.looked_at == [8], "once"


@pytest.mark.parametrize(
    ("environments", "units", "lost"),
    [
        ({8: GIVEN}, {}, ""),
        ({8: {}}, {}, "not even INVOCATION_ID"),
        ({8: None, 5: GIVEN}, {}, ""),
        ({8: None, 5: {}}, {}, "not even INVOCATION_ID"),
        ({8: None, 5: None}, {}, ""),
        ({8: None, 5: {}}, {5: "b.service"}, ""),
        ({8: {**GIVEN, "LD_PRELOAD": "libjemalloc.so.2"}}, {}, ""),
        ({8: {}}, {8: "b.service"}, ""),  # it has left the unit meanwhile
    ],
)
def test_who_has_kept_systemds_environment_from_a_program(
    there: Host, environments: t.Any, units: t.Dict[int, str], lost: str
) -> None:
    of = {5: "a.service", 8: "a.service", **units}
    there.proc = MadeUpProc(of, programs={5: WORKER, 8: WORKER}, parents={8: 5, 5: 1})
    there.environments = environments
    there.advise(made(1, 8))
    (program,) = there.programs
    assert program.lost[: len("not even INVOCATION_ID")] == lost
    assert program.leader == WORKER


@pytest.mark.parametrize(("pid", "lost"), [(1, False), (2, True)])
def test_process_1_was_started_by_no_systemd(there: Host, pid: int, lost: bool) -> None:
    """In a container it may well be in the control group of a service of the host."""
    there.proc = MadeUpProc({pid: "a.service", 8: "a.service"}, programs={pid: WORKER, 8: WORKER}, parents={8: pid})
    there.environments = {8: None, pid: {}}
    there.advise(made(1, 8))
    assert bool(there.programs[0].lost) is lost


def test_who_started_it_is_asked_for_services_alone(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    there.proc = MadeUpProc({7: "session-1.scope"}, programs={7: WORKER})
    asked: t.List[int] = []
    monkeypatch.setattr(there.proc, "parent_of", lambda pid: asked.append(pid) or 0)
    there.environments = {7: {}}
    there.advise(made(1, unit="session-1.scope"))
    assert (asked, there.versions) == ([], [])
    assert there.programs == [Program(WORKER, unit="session-*.scope", instance="session-1.scope")]


def test_systemds_version_is_asked_once_also_where_it_does_not_say_one(there: Host) -> None:
    there.proc = MadeUpProc({7: "a.service", 8: "b.service"}, programs={7: WORKER, 8: WORKER})
    there.advise(made(1), made(2, 8, unit="b.service"))
    assert there.versions == [1]


DYNAMIC = Elf(64, "x86_64", False, True, None, True, None, (), {}, False)


@pytest.mark.parametrize(
    ("elf", "sets"), [(None, False), (DYNAMIC, False), (DYNAMIC._replace(go=True), True)]
)  # fmt: skip
def test_a_go_programs_listener_is_told_by_the_process_that_stands_for_it(
    there: Host, monkeypatch: pytest.MonkeyPatch, elf: t.Optional[Elf], sets: bool
) -> None:
    monkeypatch.setattr(adviser, "gather_facts", lambda _pid, _proc: ProcessFacts("", elf, None, None, None))
    places = Whereabouts(there.proc, "/usr/lib/libkeepalive", "/nowhere")
    assert Adviser(recommend(350), places, int).sets_times(listening(1)) is sets


@pytest.mark.parametrize(
    ("program", "unit", "turns"),
    [("/usr/sbin/sshd", "a.service", True), (REDIS, "a.service", False), (WORKER, "a.service", False)],
)
def test_who_turns_keepalive_on_on_what_it_accepts(there: Host, program: str, unit: str, turns: bool) -> None:
    places = Whereabouts(there.proc, "/usr/lib/libkeepalive", "/nowhere")
    assert Adviser(recommend(350), places, int).turns_it_on(listening(1, program=program, unit=unit)) is turns


def test_what_a_jitter_took_off_on_one_host_is_not_advised_for_others(there: Host, tmp_path: pathlib.Path) -> None:
    """Its entry stays as it was written: the jitter makes of it what this host has."""
    for unit, section in (
        ("a.service", "[Service]\nEnvironment=LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive.so TCP_KEEPIDLE=57\n"),
        ("a.socket", "[Socket]\nKeepAlive=true\nKeepAliveTimeSec=57\n"),
    ):
        (tmp_path / f"{unit}.d").mkdir()
        comment = '# Its entry also says: {"jitter": 10, "latest_keepidle": 60}'
        (tmp_path / f"{unit}.d" / dropin.FILE_NAME).write_text(f"{dropin.MARKER}\n{comment}\n{section}")
    there.drop_ins = str(tmp_path)
    right = made(1, unit="a.service", program=WORKER, **tuned(57, 15, 4))
    wrong = made(2, unit="a.service", program=WORKER, direction="accepted", keepalive=False)
    assert there.entries(right, wrong)[WORKER, "accepted", right.account.user] == {
        "name": "a.service", "libraries": ["connect", "listen"],
        "tcp": {"keepidle": 60, "keepintvl": 15, "keepcnt": 4}, "jitter": 10,
    }  # fmt: skip
    assert there.entries(listening(3, unit="a.socket")) != {}
    (of_socket,) = there.entries(listening(3, unit="a.socket")).values()
    assert of_socket == {"name": "a.socket", "tcp": TCP, "jitter": 10}


def test_what_a_socket_units_drop_in_says_besides_the_times_stays(there: Host, tmp_path: pathlib.Path) -> None:
    for unit, marker in (("a.socket", dropin.MARKER), ("b.socket", "# by hand")):
        folder = tmp_path / f"{unit}.d"
        folder.mkdir()
        text = f"{marker}\n[Socket]\nKeepAlive=true\nDeferAcceptSec=5\n"
        (folder / dropin.FILE_NAME).write_text(text, encoding="utf-8")
    there.drop_ins = str(tmp_path)
    found = {}
    for unit in ("a.socket", "b.socket", "c.socket"):
        (found[unit],) = there.entries(listening(1, unit=unit)).values()
    assert found == {
        "a.socket": {"name": "a.socket", "tcp": {**TCP, "defer_accept": 5}},
        "b.socket": {"name": "b.socket", "tcp": TCP},
        "c.socket": {"name": "c.socket", "tcp": TCP},
    }

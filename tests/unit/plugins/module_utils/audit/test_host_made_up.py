# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit of a whole host, of sockets that a test makes up: each number of the answer, and what is asked about."""

from __future__ import annotations

import os
import pathlib
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit import adviser, host
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Advice, Program
from ansible_collections.netops.keepalive.plugins.module_utils.audit.entry import AsFound
from ansible_collections.netops.keepalive.plugins.module_utils.audit.host import HostAudit, Summary, Terms
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.linux import scripts
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.linux.elf import Elf
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Address, Row
from ansible_collections.netops.keepalive.plugins.module_utils.processes.facts import ProcessFacts
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record
from ansible_collections.netops.keepalive.plugins.module_utils.units import dropin
from ansible_collections.netops.keepalive.tests.unit.support.made_up import MadeUpProc, MadeUpSweep, made, tuned

READER: t.Any = object()
TERMS = Terms(350)
NO_FACTS = ProcessFacts("", None, None, None, None)
ADVICE = Advice("preload", [], None, "", ["do it"])


class Host:
    """A host with these sockets; what the audit asks about on the way is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sweep = MadeUpSweep()
        self.proc = MadeUpProc({7: "a.service"})
        self.facts = NO_FACTS
        self.silent: t.Dict[int, str] = {}
        self.asked_for_facts: t.List[int] = []
        self.advised: t.List[t.Any] = []
        self.asked_of_kernel: t.List[t.Any] = []
        self.found: t.List[AsFound] = []
        """What the unit has already, of each advice."""
        self.tried: t.List[t.Any] = []
        """Before it is known which libraries a unit needs."""
        self._patch = monkeypatch

    def audit(self, *records: Record, terms: Terms = TERMS, units: t.Any = dict, **more: t.Any) -> Summary:
        self.sweep.records = {record.inode: record for record in records}
        self._patch.setattr(host, "Sweep", self.sweep)
        self._patch.setattr(adviser, "gather_facts", self._gather)
        self._patch.setattr(adviser, "advise", self._advise)
        self._patch.setattr(host.answering, "find_silent", lambda *given: self.silent if given else {})
        return HostAudit(terms, READER, units, proc=self.proc, **more).run()

    def _gather(self, pid: int, proc: t.Any) -> ProcessFacts:
        assert proc is self.proc
        self.asked_for_facts.append(pid)
        return self.facts

    def _advise(self, *arguments: t.Any, found: t.Optional[AsFound], **named: t.Any) -> Advice:
        self.asked_of_kernel.append(named.pop("can_attach"))
        if found is None:
            self.tried.append((arguments, named))
        else:
            self.advised.append((arguments, named))
            self.found.append(found)
        return ADVICE


@pytest.fixture(name="there")
def there_fixture(monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(monkeypatch)


def to(address: str, port: int) -> t.Dict[str, t.Any]:
    return {"remote": (address, port)}


def listener(inode: int, pid: int = 7, **changes: t.Any) -> Record:
    return made(inode, pid, **{"state": "LISTEN", "local": ("0.0.0.0", 80), **changes})


def test_a_host_without_sockets(there: Host) -> None:
    assert there.audit() == {
        "idle_timeout": 350,
        "recommended": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4},
        "totals": {
            "connections": 0, "right": 0, "without": 0, "slow": 0, "tight": 0, "unknown": 0,
            "overdue": 0, "listeners": 0,
        },
        "left_out": {"local": 0, "recent": 0, "ansible": 0},
        "groups": [],
        "groups_total": 0,
        "groups_cut": {"findings": 0, "groups": 0, "connections": 0, "listeners": 0, "whose": []},
        "unreadable": {"processes": 0, "why": ""},
        "unowned": {"sockets": 0, "users": 0, "whose": []},
    }  # fmt: skip


def test_everything_of_a_group(there: Host) -> None:
    there.proc = MadeUpProc({8: "w@1.service", 9: "w@2.service"}, arguments={8: b"python3\0/opt/w.py\0"})
    there.sweep.unreadable = {30: "later", 20: "first"}
    common: t.Dict[str, t.Any] = {"unit": "w@1.service", "program": "/usr/bin/python3", "pid": 8}
    slow, tight = tuned(7200, 75, 9), tuned(300, 100, 3)
    summary = there.audit(
        made(3, **common, **to("192.0.2.30", 443), **slow, idle=1000.06),
        made(4, **common, **to("192.0.2.30", 443), **tight),
        made(1, **common, **to("192.0.2.20", 443), idle=350.0),
        made(2, **common, **to("192.0.2.20", 443), idle=349.96),
        made(5, **common, **to("192.0.2.10", 80), **tight),
        made(6, **common, **to("::ffff:192.0.2.40", 5), **tuned(400, 1, 9)),
        made(7, **common, **to("192.0.2.50", 5), **tuned(500, 1, 9)),
        made(10, **common, **to("192.0.2.60", 5), keepalive=None),
        made(11, **common, **to("192.0.2.70", 5), **tuned(60, 15, 4), idle=9999.0),
    )  # fmt: skip
    assert summary == {
        "idle_timeout": 350,
        "recommended": {"keepidle": 120, "keepintvl": 30, "keepcnt": 4},
        "totals": {
            "connections": 9, "right": 1, "without": 2, "slow": 3, "tight": 2, "unknown": 1,
            "overdue": 2, "listeners": 0,
        },
        "left_out": {"local": 0, "recent": 0, "ansible": 0},
        "groups": [
            {
                "unit": "w@.service",
                "units": 1,
                "user": None,
                "program": "/usr/bin/python3",
                "script": "/opt/w.py",
                "direction": "outgoing",
                "processes": 1,
                "connections": 9,
                "right": 1, "without": 2, "slow": 3, "tight": 2, "unknown": 1,
                "overdue": 2,
                "longest_silence": 1000.1,
                "found_values": [
                    {"keepidle": 300, "keepintvl": 100, "keepcnt": 3, "connections": 2},
                    {"keepidle": 7200, "keepintvl": 75, "keepcnt": 9, "connections": 1},
                    {"keepidle": 400, "keepintvl": 1, "keepcnt": 9, "connections": 1},
                ],
                "found_values_total": 4,
                "peers": [
                    {"address": "192.0.2.20", "port": 443, "connections": 2},
                    {"address": "192.0.2.30", "port": 443, "connections": 2},
                    {"address": "192.0.2.10", "port": 80, "connections": 1},
                ],
                "peers_total": 6,
                "listeners": [],
                "listeners_total": 0,
                "advice": ADVICE._asdict(),
            }
        ],
        "groups_total": 1,
        "groups_cut": {"findings": 0, "groups": 0, "connections": 0, "listeners": 0, "whose": []},
        "unreadable": {"processes": 2, "why": "first"},
        "unowned": {"sockets": 0, "users": 0, "whose": []},
    }  # fmt: skip
    assert there.asked_for_facts == [8]
    assert there.advised[0][0][0].script == "/opt/w.py"
    assert there.proc.read == [(8, "cmdline", scripts.MOST_BYTES + 1)], "once for each process"


def test_the_sweep_is_of_all_processes_and_watched(there: Host) -> None:
    there.proc = MadeUpProc({8: "a.service", 9: ""})
    there.silent = {9: "does not answer"}
    there.audit()
    assert there.sweep.asked == [
        ((READER, {8: "a.service", 9: ""}, there.proc), {"watched": True, "silent": {9: "does not answer"}}),
        ([8, 9],),
    ]


def test_of_those_who_connect_to_a_server_the_port_is_nothing(there: Host) -> None:
    accepted = [made(number, direction="accepted", **to("192.0.2.9", number)) for number in (1, 2)]
    (group,) = there.audit(*accepted)["groups"]
    assert (group["peers"], group["peers_total"]) == ([{"address": "192.0.2.9", "port": None, "connections": 2}], 1)


def test_ten_listeners_are_listed_and_all_are_counted(there: Host) -> None:
    listeners = [listener(port, local=("0.0.0.0", port)) for port in range(12, 0, -1)]
    summary = there.audit(*listeners)
    (group,) = summary["groups"]
    assert [each["port"] for each in group["listeners"]] == list(range(1, 11))
    assert (group["listeners_total"], summary["totals"]["listeners"], group["advice"]) == (12, 12, ADVICE._asdict())
    assert group["listeners"][0] == {"address": "0.0.0.0", "port": 1, "verdict": "without", "shown_by": 0}
    assert (group["direction"], group["processes"], group["connections"]) == ("accepted", 1, 0)


def test_what_there_is_most_to_do_about_comes_first(there: Host) -> None:
    right = tuned(60, 15, 4)
    there.proc = MadeUpProc({})
    summary = there.audit(
        made(1, unit="right.service", **right),
        made(2, unit="one.service"),
        made(3, unit="two.service"),
        made(4, unit="two.service"),
        listener(5, unit="zlisten.service"),
        made(6, unit="alright.service", **right),
        made(7, unit="one.service", direction="accepted"),
        made(8, unit="one.service", program="/usr/bin/a"),
    )
    assert [(group["unit"], group["program"], group["direction"]) for group in summary["groups"]] == [
        ("two.service", "/usr/bin/worker", "outgoing"),
        ("one.service", "/usr/bin/a", "outgoing"),
        ("one.service", "/usr/bin/worker", "accepted"),
        ("one.service", "/usr/bin/worker", "outgoing"),
        ("zlisten.service", "/usr/bin/worker", "accepted"),
        ("alright.service", "/usr/bin/worker", "outgoing"),
        ("right.service", "/usr/bin/worker", "outgoing"),
    ]
    assert [group["advice"] is None for group in summary["groups"]] == [False] * 5 + [True] * 2


def test_what_has_no_place_is_what_there_is_least_to_do_about(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "MOST_GROUPS", 2)
    summary = there.audit(
        made(1, unit="right.service", **tuned(60, 15, 4)),
        listener(2, unit="listens.service", local=("0.0.0.0", 1)),
        listener(3, unit="listens.service", local=("0.0.0.0", 2)),
        made(4, unit="one.service"),
        made(5, unit="two.service"),
        made(6, unit="two.service"),
    )  # fmt: skip
    assert [group["unit"] for group in summary["groups"]] == ["two.service", "one.service"]
    assert (summary["groups_total"], summary["totals"]["connections"]) == (4, 4)
    cut = {key: count for key, count in summary["groups_cut"].items() if key != "whose"}
    assert cut == {"findings": 0, "groups": 2, "connections": 1, "listeners": 2}


def test_so_many_groups_are_listed(there: Host) -> None:
    """An answer goes over the wire for each host: 200, and 20 of those that one user has."""
    mallory = Account("user-1000.slice", 1000)
    summary = there.audit(
        *[made(number, unit=f"u{number}.service", account=Account(f"u{number}.service")) for number in range(1, 190)],
        *[made(number, unit=f"s{number}.scope", account=mallory) for number in range(200, 230)],
    )
    assert (len(summary["groups"]), summary["groups_cut"]["groups"]) == (200, 19)
    of_one = there.audit(*[made(number, unit=f"s{number}.scope", account=mallory) for number in range(200, 230)])
    assert (len(of_one["groups"]), of_one["groups_cut"]["groups"]) == (20, 10)


@pytest.mark.parametrize(
    ("record", "terms", "left_out"),
    [
        (made(1, 9), Terms(350), "ansible"),
        (made(1, 7), Terms(350), ""),
        (made(1, holders=(Holder(7, 1), Holder(9, 1))), Terms(350), "ansible"),
        (made(1, 9, remote=("127.0.0.1", 1)), Terms(350), "ansible"),
        (made(1, remote=("127.0.0.1", 1)), Terms(350), "local"),
        (made(1, remote=("127.0.0.1", 1), idle=1.0), Terms(350, min_idle=2), "local"),
        (made(1, remote=("127.0.0.1", 1)), Terms(350, True), ""),
        (made(1, idle=59.9), Terms(350, min_idle=60), "recent"),
        (made(1, idle=60.0), Terms(350, min_idle=60), ""),
        (made(1, idle=None), Terms(350, min_idle=60), ""),
        (made(1, idle=0.0), Terms(350), ""),
    ],
)
def test_what_is_left_out_is_counted(there: Host, record: Record, terms: Terms, left_out: str) -> None:
    there.proc = MadeUpProc({}, ours=frozenset((9,)))
    summary = there.audit(record, terms=terms)
    counts = {"local": 0, "recent": 0, "ansible": 0}
    assert summary["left_out"] == ({**counts, left_out: 1} if left_out else counts)
    assert summary["totals"]["connections"] == (0 if left_out else 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "SYN_SENT"},
        {"state": "CLOSE_WAIT"},
        {"direction": "unconnected"},
        {"direction": "listening"},
        {"remote": None},
    ],
)
def test_only_connections_that_are_open_both_ways_are_judged(there: Host, changes: t.Dict[str, t.Any]) -> None:
    assert there.audit(made(1, **changes))["totals"]["connections"] == 0


def test_it_is_our_own_process_whose_ancestors_are_left_out(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(there.proc, "ancestors", lambda pid: asked.append(pid) or frozenset())
    there.audit()
    assert asked == [os.getpid()]


@pytest.mark.parametrize("include_local", [True, False])
def test_what_nobody_holds_counts_where_it_leaves_the_host(there: Host, include_local: bool) -> None:
    there.sweep.nobodys = [
        Row("ipv4", ("192.0.2.1", 1), ("192.0.2.9", 2), 1, 0, 1, user=1),
        Row("ipv4", ("192.0.2.1", 1), ("192.0.2.1", 2), 1, 0, 2, user=2),
        Row("ipv4", ("192.0.2.1", 1), ("127.0.0.1", 2), 1, 0, 3, user=3),
        Row("ipv4", ("127.0.0.1", 1), ("0.0.0.0", 0), 10, 0, 4, user=4),
        Row("ipv4", ("0.0.0.0", 1), ("0.0.0.0", 0), 10, 0, 5, user=5),
    ]
    unowned = there.audit(terms=Terms(350, include_local))["unowned"]
    assert [each["user"] for each in unowned["whose"]] == ([1, 2, 3, 4, 5] if include_local else [1, 5])


RELAY: t.Dict[Address, str] = {("0.0.0.0", 80): "relay.socket", ("0.0.0.0", 81): "second.socket"}


def test_systemd_is_asked_only_where_it_holds_a_listener(there: Host) -> None:
    def ask() -> t.Dict[Address, str]:
        asked.append(1)
        return RELAY

    asked: t.List[int] = []
    there.audit(listener(1, 7), made(2, 1), units=ask)
    assert asked == []
    held = (Holder(1, 1), Holder(7, 1))
    summary = there.audit(listener(1, holders=held), listener(2, local=("0.0.0.0", 82), holders=held), units=ask)
    assert asked == [1]
    assert sorted(group["unit"] for group in summary["groups"]) == ["a.service", "relay.socket"]


@pytest.mark.parametrize(
    ("record", "unit"),
    [
        (made(9, direction="accepted", listeners=frozenset((1,))), "relay.socket"),
        (made(9, direction="accepted", listeners=frozenset((1, 8))), "second.socket"),
        (made(9, direction="accepted", listeners=frozenset((3,))), "a.service"),
        (made(9), "a.service"),
        (made(9, direction="accepted", listeners=frozenset((1,)), account=Account("user-1000.slice", 1000)),
         "a.service"),
        (made(9, direction="accepted", listeners=frozenset((1,)), account=Account("a.service", 1000)), "relay.socket"),
    ],
)  # fmt: skip
def test_what_came_through_a_listener_of_systemd_counts_for_its_unit(there: Host, record: Record, unit: str) -> None:
    listeners = [listener(inode, 1, local=("0.0.0.0", port)) for inode, port in ((1, 80), (8, 81), (3, 82))]
    summary = there.audit(record, *listeners, units=lambda: RELAY)
    assert [group["unit"] for group in summary["groups"] if group["connections"]] == [unit]


SLOW, RIGHT = tuned(7200, 75, 9), tuned(60, 15, 4)


@pytest.mark.parametrize(
    ("own", "came", "verdict", "shown_by"),
    [
        ({}, [], "without", 0),
        (RIGHT, [], None, 0),
        ({}, [RIGHT], None, 0),
        (RIGHT, [RIGHT], None, 0),
        (RIGHT, [RIGHT, {}, {}], None, 0),
        ({}, [RIGHT, SLOW], "slow", 2),
        (RIGHT, [{}], "without", 1),
        (RIGHT, [SLOW, {}, {}], "without", 3),
        (RIGHT, [SLOW, SLOW, {}], "slow", 3),
        (SLOW, [{}], "without", 1),
    ],
)
def test_the_verdict_on_a_listener(
    there: Host, own: t.Any, came: t.List[t.Any], verdict: t.Optional[str], shown_by: int
) -> None:
    through: t.Dict[str, t.Any] = {"direction": "accepted", "listeners": frozenset((1,))}
    summary = there.audit(
        listener(1, **own), *(made(inode, **{**through, **values}) for inode, values in enumerate(came, start=2))
    )
    found = [each for group in summary["groups"] for each in group["listeners"]]
    wanted = {"address": "0.0.0.0", "port": 80, "verdict": verdict, "shown_by": shown_by}
    assert found == ([wanted] if verdict else [])
    assert summary["totals"]["listeners"] == len(found)


@pytest.mark.parametrize(
    ("address", "include_local", "listed"),
    [("127.0.0.1", False, 0), ("::1", False, 0), ("127.0.0.1", True, 1), ("192.0.2.1", False, 1)],
)
def test_listeners_of_loopback(there: Host, address: str, include_local: bool, listed: int) -> None:
    summary = there.audit(listener(1, local=(address, 80)), terms=Terms(350, include_local))
    assert summary["totals"]["listeners"] == listed == summary["groups_total"]


DYNAMIC = Elf(64, "x86_64", False, True, "/lib64/ld-linux-x86-64.so.2", True, None, (), {}, False)
PLAIN = Program("/usr/bin/worker", "", "a.service", (), (), False, False, False, False, instance="a.service")
ASKED = {"ports": {443}, "by_default": False, "own": None, "ended_by": (), "all_ended": False}
NOTHING_YET = AsFound(frozenset({"connect"}), user_timeouts=frozenset({0}), all_off=True)


@pytest.mark.parametrize(
    ("facts", "changes", "program"),
    [
        (NO_FACTS, {}, PLAIN),
        (NO_FACTS._replace(elf=DYNAMIC, secure=False, mapped={}), {}, PLAIN),
        (NO_FACTS._replace(secure=True), {}, PLAIN._replace(secure=True)),
        (NO_FACTS._replace(elf=DYNAMIC._replace(go=True)), {}, PLAIN._replace(go=True)),
        (NO_FACTS._replace(elf=DYNAMIC._replace(interpreter=None)), {}, PLAIN._replace(static=True)),
        (NO_FACTS._replace(elf=DYNAMIC._replace(interpreter=None)), {"program": "/lib/ld-linux.so.2"},
         PLAIN._replace(path="/lib/ld-linux.so.2")),
        (NO_FACTS._replace(elf=DYNAMIC._replace(interpreter="/lib/ld-musl-x86_64.so.1")), {},
         PLAIN._replace(musl=True)),
        (NO_FACTS._replace(mapped={"/lib/libc.so.6": False, "/lib/libpq.so.5": False, "/x/libkeepalive_socket.so": True,
                                   "/x/libkeepalive.so": False, "/y/libkeepalive_listen.so": False}), {},
         PLAIN._replace(libraries=("/lib/libpq.so.5",), loaded=("libkeepalive.so", "libkeepalive_socket.so"))),
    ],
)  # fmt: skip
def test_what_the_advice_is_asked_about_a_program(
    there: Host, facts: ProcessFacts, changes: t.Dict[str, t.Any], program: Program
) -> None:
    there.facts = facts
    there.audit(made(1, **changes), library_dir="/x")
    assert there.advised == there.tried == [((program, "outgoing", KeepaliveTimes(120, 30, 4)), ASKED)]
    loaded = frozenset({"connect", "socket"} if program.loaded else {"connect"})
    assert there.found == [NOTHING_YET._replace(libraries=loaded, ours=bool(program.loaded))]


def test_what_stands_in_the_way_of_a_units_environment(there: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """From process to parent within the unit: its first process, and what the program was started with."""

    def is_told(path: str, unit: str) -> bool:
        told.append((path, unit))
        return path == "/usr/bin/bash"

    told: t.List[t.Tuple[str, str]] = []
    monkeypatch.setattr(adviser, "is_told_elsewhere", is_told)
    of_one = dict.fromkeys((5, 7, 8), "w@1.service")
    there.proc = MadeUpProc(
        {1: "init.scope", 6: "w@2.service", **of_one},
        programs={1: "/sbin/init", 5: "/usr/bin/bash", 6: "/usr/bin/other", 7: "/usr/bin/worker", 8: "/usr/bin/worker"},
        parents={8: 7, 7: 5, 5: 1, 6: 1},
    )
    there.facts = NO_FACTS._replace(environment={"PATH": "/bin", "INVOCATION_ID": "0"})
    asked: t.List[int] = []
    version: t.Dict[str, t.Any] = {"systemd_version": lambda: asked.append(1) or 248}
    there.audit(made(6, 6, unit="w@2.service"), **version)
    assert asked == [], "what the program was started with is not known"
    there.audit(made(8, 8, unit="w@1.service"), listener(9, 8, unit="w@1.service"), **version)
    assert asked == [1], "once"
    lost = "not even SYSTEMD_EXEC_PID, which systemd gives to every service, came through"
    assert [tuple(program[-4:]) for (program, *_more), _named in there.advised] == [
        ("", False, "w@2.service", "/usr/bin/other"),
        (lost, True, "w@1.service", "/usr/bin/bash"),
        (lost, True, "w@1.service", "/usr/bin/bash"),
    ]
    assert told == [
        ("/usr/bin/worker", "w@2.service"), ("/usr/bin/other", "w@2.service"),
        ("/usr/bin/worker", "w@1.service"), ("/usr/bin/bash", "w@1.service"),
        ("/usr/bin/worker", "w@1.service"), ("/usr/bin/bash", "w@1.service"),
    ]  # fmt: skip


def test_what_a_unit_has_already(there: Host, tmp_path: pathlib.Path) -> None:
    """Its other sockets and its drop-in count, and the connections that do not leave the host; other users' do not."""
    folder = tmp_path / "a.service.d"
    folder.mkdir()
    preload = "LD_PRELOAD=/usr/lib/libkeepalive/libkeepalive_socket.so"
    text = f'{dropin.MARKER}\n[Service]\nEnvironment="{preload}" "TCP_SYNCNT=3" "TCP_KEEPIDLE=60"\n'
    (folder / dropin.FILE_NAME).write_text(text, encoding="utf-8")
    there.audit(
        made(1),
        made(2, remote=("127.0.0.1", 1), **tuned(30, 10, 3, 6000)),
        made(3, direction="accepted", **tuned(20, 5, 3)),
        made(4, account=Account("a.service", 1000), **tuned(10, 1, 3)),
        listener(5, **tuned(25, 7, 3)),
        drop_ins=str(tmp_path),
    )
    assert there.found == [
        AsFound(
            frozenset({"connect", "socket"}),
            times=frozenset({KeepaliveTimes(30, 10, 3), KeepaliveTimes(20, 5, 3), KeepaliveTimes(25, 7, 3)}),
            user_timeouts=frozenset({0, 6000}),
            right=1,
            all_off=False,
            said={"syncnt": 3},
            asked=frozenset({"socket"}),
            ours=True,
        )
    ]


def test_a_user_timeout_that_alone_is_in_the_way_is_told(there: Host) -> None:
    cut = [made(number, **tuned(120, 30, 4, timeout)) for number, timeout in ((1, 9000), (2, 6000), (3, 6000))]
    there.audit(*cut)
    there.audit(*cut, made(4))
    there.audit(*cut, listener(4, direction="outgoing"))
    own = {**ASKED, "own": KeepaliveTimes(120, 30, 4), "ended_by": (6000, 9000)}
    of_connections = [named for (_program, side, _values), named in there.advised if side == "outgoing"]
    assert of_connections == [{**own, "all_ended": True}, {**own, "all_ended": False}, {**own, "all_ended": True}]
    assert [named["ended_by"] for (_program, side, _values), named in there.advised if side == "accepted"] == [()]


def test_where_our_libraries_are(there: Host) -> None:
    there.facts = NO_FACTS._replace(mapped={"/usr/lib/libkeepalive/libkeepalive.so": False})
    there.audit(made(1))
    assert there.advised[0][0][0].loaded == ("libkeepalive.so",)


@pytest.mark.parametrize(
    ("content", "system"),
    [
        (b"600\n", 600),
        (b"7200\n", 7200),
        (None, 7200),
        (b"", 7200),
        (b"many\n", 7200),
        ("٦٠٠".encode(), 7200),  # digits, but none that a kernel writes
        (b"\xff", 7200),
    ],
)
def test_times_of_the_hosts_sysctls_are_nobodys_choice(
    there: Host, tmp_path: pathlib.Path, content: t.Optional[bytes], system: int
) -> None:
    if content is not None:
        file = tmp_path / "sys/net/ipv4/tcp_keepalive_time"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    there.proc = MadeUpProc({7: "a.service"}, str(tmp_path))
    by_default = [made(number, **tuned(system, 75, 9)) for number in (1, 2)]
    there.audit(*by_default, made(3, **tuned(400, 10, 3)), made(4, **tuned(401, 10, 3)), made(5, **tuned(401, 10, 3)))
    there.audit(*by_default)
    there.audit(made(3, **tuned(400, 10, 3)))
    there.audit(made(1), made(2, **to("192.0.2.9", 80)), made(3, **to("192.0.2.9", 80)))
    assert [named for _arguments, named in there.advised] == [
        {"ports": {443}, "by_default": True, "own": KeepaliveTimes(401, 10, 3), "ended_by": (), "all_ended": False},
        {"ports": {443}, "by_default": True, "own": None, "ended_by": (), "all_ended": False},
        {"ports": {443}, "by_default": False, "own": KeepaliveTimes(400, 10, 3), "ended_by": (), "all_ended": False},
        {"ports": {80, 443}, "by_default": False, "own": None, "ended_by": (), "all_ended": False},
    ]
    chosen = [KeepaliveTimes(400, 10, 3), KeepaliveTimes(401, 10, 3)]
    assert [sorted(found.times) for found in there.found] == [chosen, [], chosen[:1], []]


def test_of_several_processes_one_is_looked_at_the_same_each_time(there: Host) -> None:
    there.audit(made(1, 9), made(2, 8), made(3, 10))
    assert there.asked_for_facts == [8]


def test_the_kernel_is_asked_as_the_caller_says(there: Host) -> None:
    def ask(_entry: t.Any) -> bool:
        return True

    there.audit(made(1), can_attach=ask)
    assert there.asked_of_kernel == [ask, ask]


def test_connections_that_share_their_options_are_told_apart_by_the_rest(there: Host) -> None:
    """What is said of one is said of all that are like it, and of no other."""
    there.proc = MadeUpProc({7: "a.service", 8: "a.service"})
    good, options = tuned(60, 15, 4), tuned(60, 15, 4)["options"]
    common: t.Dict[str, t.Any] = {**good, "options": options, **to("192.0.2.9", 443)}
    unread: t.Dict[str, t.Any] = {**common, "keepalive": None, "options": dict.fromkeys(options)}
    accepted = {**common, "keepalive": False, "direction": "accepted"}
    groups = there.audit(
        made(1, **common), made(2, **common), made(3, 8, **common),
        made(4, **{**common, "keepalive": False}),
        made(5, **unread), made(6, **{**unread, "timer": 400.0}),
        made(7, **accepted, listeners=frozenset([20])), made(8, **accepted, listeners=frozenset([21])),
        made(9, **accepted, listeners=frozenset([21])),
        listener(20), listener(21, local=("0.0.0.0", 81)),
    )["groups"]  # fmt: skip
    names = ("direction", "processes", "right", "without", "unknown", "slow")
    assert [tuple(group[name] for name in names) for group in groups] == [
        ("accepted", 1, 0, 3, 0, 0), ("outgoing", 2, 3, 1, 1, 1),
    ]  # fmt: skip
    assert [(each["port"], each["shown_by"]) for each in groups[0]["listeners"]] == [(80, 1), (81, 2)]


def test_those_that_are_alike_are_counted_one_by_one(there: Host) -> None:
    options, cut = tuned(60, 15, 4)["options"], tuned(60, 15, 4, 70_000)["options"]
    common: t.Dict[str, t.Any] = {"keepalive": True, **to("192.0.2.9", 443)}
    there.audit(*(made(inode, **common, options=options if inode < 4 else cut) for inode in range(1, 6)))
    (found,), ((_arguments, named),) = there.found, there.advised
    assert (found.right, named["ended_by"], named["all_ended"]) == (3, (70_000,), True)

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of the audit: what is counted, cut, put in order and left out of its lines."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.advice import Program
from ansible_collections.netops.keepalive.plugins.module_utils.audit.remarks import of_nobody
from ansible_collections.netops.keepalive.plugins.module_utils.audit.report import findings_of
from ansible_collections.netops.keepalive.tests.unit.support.audit_answers import answer, group, text_of

A_SERVICE = Program("/usr/bin/a", unit="a.service")
PLAIN_ADVICE: t.Dict[str, t.Any] = {
    "kind": "nothing", "native": [], "entry": None, "obstacle": "NO", "notes": [], "way": ""
}  # fmt: skip


def finding(unit: str = "a.service", direction: str = "outgoing", **settings: t.Any) -> t.Dict[str, t.Any]:
    counts = {"connections": 1, "without": 1}
    return group(Program("/usr/bin/a", unit=unit), direction, **{**counts, **settings})


def block(*groups: t.Dict[str, t.Any]) -> t.List[str]:
    """Return the lines of the one finding of a host."""
    lines = text_of({"h": answer(*groups)}).splitlines()
    start = next(at for at, line in enumerate(lines) if line.endswith((" connects", " accepts")))
    return lines[start : lines.index("", start) if "" in lines[start:] else None]


def value(idle: int, count: int) -> t.Dict[str, int]:
    return {"keepidle": idle, "keepintvl": 75, "keepcnt": 9, "connections": count}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "1 connection, without keepalive"),
        ({"without": 0, "tight": 1}, "1 connection, too tight"),
        ({"without": 0, "unknown": 1}, "1 connection, unknown"),
        ({"connections": 2}, "2 connections, 1 without keepalive"),
        ({"connections": 2, "without": 2}, "2 connections, all without keepalive"),
        ({"connections": 9, "slow": 2, "tight": 3, "unknown": 1, "right": 2},
         "9 connections, 1 without keepalive, 2 too slow, 3 too tight, 1 unknown, 2 right"),
        ({"found_values": [value(1, 1), value(2, 2)], "found_values_total": 2},
         "1 connection, without keepalive (2 s / 75 s x 9; 1 s / 75 s x 9)"),
        ({"found_values": [value(1, 1), value(2, 2), value(3, 3)], "found_values_total": 3},
         "1 connection, without keepalive (3 s / 75 s x 9; 2 s / 75 s x 9; others)"),
        ({"found_values": [value(1, 1)], "found_values_total": 2},
         "1 connection, without keepalive (1 s / 75 s x 9; others)"),
    ],
)  # fmt: skip
def test_the_counts_of_a_finding(settings: t.Dict[str, t.Any], words: str) -> None:
    assert block(finding(**settings))[1] == f"    {words}"


def peers(*counts: int) -> t.List[t.Dict[str, t.Any]]:
    return [{"address": f"192.0.2.{number}", "port": 80, "connections": count} for number, count in enumerate(counts)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"peers": peers(1), "peers_total": 1}, "to 192.0.2.0:80 x 1; no data for up to 0 s"),
        ({"peers": peers(1, 3, 2, 4), "peers_total": 4, "longest_silence": 1.0},
         "to 192.0.2.3:80 x 4, 192.0.2.1:80 x 3, 192.0.2.2:80 x 2 and 1 more; no data for up to 1 s"),
        ({"peers": peers(1, 1, 1), "peers_total": 3, "longest_silence": 0.4, "overdue": 1},
         "to 192.0.2.0:80 x 1, 192.0.2.1:80 x 1, 192.0.2.2:80 x 1; no data for up to 0 s, 1 of them for 350 s or more"),
    ],
)  # fmt: skip
def test_who_is_at_the_other_ends(settings: t.Dict[str, t.Any], words: str) -> None:
    assert block(finding(**settings))[2] == f"    {words}"


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"unit": ""}, "no unit: a connects"),
        ({"unit": "a" * 247 + ".service"}, f"{'a' * 247}.service: a connects"),
        ({"unit": "a" * 248 + ".service"}, f"{'a' * 248}.servic...(+1): a connects"),
        ({"units": 2}, "a.service (2 units): a connects"),
        ({"user": 1000}, "a.service of user 1000: a connects"),
        ({"user": 1000, "units": 3, "script": "/x/y.py"}, "a.service of user 1000 (3 units): a /x/y.py connects"),
        ({"program": ""}, "a.service: a process that ended connects"),
        ({"program": "/x/b c"}, "a.service: 'b c' connects"),
        ({"program": "/x/" + "b" * 60}, f"a.service: {'b' * 48}...(+12) connects"),
        ({"direction": "accepted"}, "a.service: a accepts"),
    ],
)
def test_what_a_finding_is_called(settings: t.Dict[str, t.Any], line: str) -> None:
    assert block(finding(**settings))[0] == line


@pytest.mark.parametrize(
    ("hosts", "words"),
    [(2, "h0, h1"), (3, "h[0-2]"), (400, "h[0-399]")],
)
def test_many_hosts_are_named_in_few_words(hosts: int, words: str) -> None:
    text = text_of({f"h{number}": answer(finding()) for number in range(hosts)})
    assert f"\na.service on {words}: a connects\n" in text
    assert f"  - name: 'a.service'    # {words}\n" in text


def listener(port: int, verdict: str = "slow", shown_by: int = 0) -> t.Dict[str, t.Any]:
    return {"address": "0.0.0.0", "port": port, "verdict": verdict, "shown_by": shown_by}


@pytest.mark.parametrize(
    ("listeners", "total", "lines"),
    [
        ([], 1, ["listens on 1 more"]),
        ([listener(1)], 1, ["listens on 0.0.0.0:1, too slow, nobody connected now"]),
        ([listener(1, shown_by=1), listener(2, shown_by=1)], 2, ["listens on 0.0.0.0:1, 0.0.0.0:2"]),
        ([listener(1), listener(2, "without"), listener(3, "tight"), listener(4), listener(5, shown_by=2)], 7,
         ["listens on 0.0.0.0:5", "listens on 0.0.0.0:1, 0.0.0.0:4, too slow, nobody connected now",
          "listens on 0.0.0.0:3, too tight, nobody connected now",
          "listens on 0.0.0.0:2, without keepalive, nobody connected now", "listens on 2 more"]),
        ([listener(1), listener(1)], 2, ["listens on 0.0.0.0:1, too slow, nobody connected now"]),
        ([listener(port, shown_by=1) for port in range(4)], 4,
         ["listens on 0.0.0.0:0, 0.0.0.0:1, 0.0.0.0:2 and 1 more"]),
    ],
)  # fmt: skip
def test_where_a_finding_listens(listeners: t.List[t.Dict[str, t.Any]], total: int, lines: t.List[str]) -> None:
    found = block(finding(direction="accepted", listeners=listeners, listeners_total=total))
    assert [line.strip() for line in found[3:-1]] == lines


def test_the_same_listener_of_two_hosts_is_named_once() -> None:
    one = finding(direction="accepted", connections=0, without=0, listeners=[listener(1)], listeners_total=2)
    text = text_of({"h1": answer(one), "h2": answer(one)})
    assert "    a.service on h1, h2: a listens on 0.0.0.0:1, too slow; listens on 2 more\n" in text


def setting(name: str, **changes: t.Any) -> t.Dict[str, t.Any]:
    plain = {"name": name, "setting": f"{name}=1", "where": f"{name}.conf", "source": "its manual",
             "sets_times": True, "certain": True, "remark": ""}  # fmt: skip
    return {**plain, **changes}


ENTRY = {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}}


@pytest.mark.parametrize(
    ("advice", "lines"),
    [
        ({}, ["do: nothing lasting from outside: NO"]),
        ({"notes": ["one", " two "]}, ["do: nothing lasting from outside: NO", "    one", "    two"]),
        ({"kind": "native", "native": [setting("x"), setting("y (z)", certain=False, remark=" note ")]},
         ["do: x: x=1", "    in x.conf", "    see its manual",
          "or: y (z): y (z)=1 (where y opened them)", "    in y (z).conf", "    note", "    see its manual",
          "    nothing can be preloaded: NO"]),
        ({"kind": "preload", "entry": ENTRY, "obstacle": "", "native": [setting("x", sets_times=False), setting("y")]},
         ["do: the library connect, entry below",
          "or: x: x=1", "    in x.conf", "    not enough alone: it only turns keepalive on, with the host's times",
          "    see its manual", "or: y: y=1", "    in y.conf", "    see its manual"]),
        ({"kind": "native", "entry": ENTRY, "obstacle": "", "native": [setting("x"), setting("y")]},
         ["do: x: x=1", "    in x.conf", "    see its manual", "or: y: y=1", "    in y.conf", "    see its manual",
          "or: the library connect, with an entry of keepalive_services"]),
        ({"kind": "preload", "entry": {**ENTRY, "libraries": ["connect", "listen"]}, "obstacle": ""},
         ["do: the libraries connect and listen, entry below"]),
        ({"kind": "program", "entry": {**ENTRY, "backend": "bpf"}},
         ["do: a BPF program of the unit's cgroup (connect), entry below", "    no library gets there: NO"]),
        ({"kind": "native", "entry": {**ENTRY, "backend": "bpf"}, "native": [setting("x")]},
         ["do: x: x=1", "    in x.conf", "    see its manual",
          "or: a BPF program of the unit's cgroup (connect), with an entry of keepalive_services",
          "    no library gets there: NO"]),
        ({"kind": "program", "entry": {**ENTRY, "backend": "bpf"}, "obstacle": ""},
         ["do: a BPF program of the unit's cgroup (connect), entry below"]),
        ({"kind": "elsewhere", "obstacle": "lost; RUN", "way": "RUN", "notes": ["then restart"]},
         ["do: the library connect, but not by an entry: RUN", "    lost", "    then restart"]),
        ({"kind": "native", "obstacle": "lost; RUN", "way": "RUN", "native": [setting("x")]},
         ["do: x: x=1", "    in x.conf", "    see its manual",
          "or: the library connect, but not by an entry: RUN", "    lost"]),
        ({"kind": "preload", "entry": {"name": "a.socket", "tcp": {}}, "obstacle": ""},
         ["do: systemd sets it, entry below"]),
    ],
)  # fmt: skip
def test_what_is_advised_in_the_order_of_what_comes_first(advice: t.Dict[str, t.Any], lines: t.List[str]) -> None:
    assert [line[4:] for line in block(finding(advice={**PLAIN_ADVICE, **advice}))[3:]] == lines


def with_entry(unit: str, entry: t.Any, **settings: t.Any) -> t.Dict[str, t.Any]:
    return finding(unit, advice={**PLAIN_ADVICE, "kind": "preload", "entry": entry}, **settings)


def entries(*hosts: t.List[t.Dict[str, t.Any]]) -> t.List[str]:
    text = text_of({f"h{number}": answer(*groups) for number, groups in enumerate(hosts)})
    return text.partition("keepalive_services:\n")[2].splitlines()


def test_the_entries_stand_in_the_order_of_their_names_with_all_their_libraries() -> None:
    def connecting(unit: str, library: str = "connect", **settings: t.Any) -> t.Dict[str, t.Any]:
        return with_entry(
            unit, {"name": unit, "libraries": [library], "tcp": {"keepidle": 60, "keepcnt": 4}}, **settings
        )

    both = [connecting("a.service", "listen", without=0, tight=1), connecting("a.service")]
    first = [connecting("b.service", connections=2), *both]
    second = [*reversed(both), connecting("a.service", program="/usr/bin/other")]
    tcp = "    tcp: {keepidle: 60, keepcnt: 4}"
    assert entries(first, second) == [
        "  - name: 'a.service'    # h0, h1", "    libraries: [connect, listen]", tcp,
        "  - name: 'b.service'    # h0", "    if_present: true", "    libraries: [connect]", tcp,
    ]  # fmt: skip
    assert entries(first)[0] == "  - name: 'a.service'"


def test_of_what_a_host_answers_only_what_is_meant_is_to_be_pasted() -> None:
    tcp = {"keepidle": "60", "keepcnt": " 4\n", "x: {{ y }}": 1}
    entry = {"name": "a.service", "libraries": ["{{ x }}", "connect"], "tcp": tcp}
    groups = [
        with_entry("a.service", entry),
        with_entry("b.service", {**entry, "name": "'{{ b }}.service"}),
        with_entry("c.service", None),
        with_entry("d.socket", {"name": "d.socket", "tcp": {"keepcnt": 4}}),
        finding("e.service", advice={**PLAIN_ADVICE, "kind": "native", "native": [setting("x")], "entry": entry}),
    ]
    assert entries(groups) == [
        "  - name: 'a.service'", "    libraries: [connect]", "    tcp: {keepidle: 60}",
        "  - name: 'd.socket'", "    tcp: {keepcnt: 4}",
    ]  # fmt: skip


def test_what_there_is_most_to_do_about_is_told_first() -> None:
    groups = [
        finding("people.service", user=1000, connections=50, without=50),
        finding("z.service"),
        finding("a.service"),
        finding("a.service", "accepted"),
        finding("m.service", connections=9, slow=3, without=0, right=6),
    ]
    assert [
        (each.first["unit"], each.first["direction"], each.wrong) for each in findings_of({"h": answer(*groups)})
    ] == [
        ("m.service", "outgoing", 3),
        ("a.service", "accepted", 1),
        ("a.service", "outgoing", 1),
        ("z.service", "outgoing", 1),
        ("people.service", "outgoing", 50),
    ]


@pytest.mark.parametrize("key", ["unit", "user", "program", "script", "direction", "advice"])
def test_what_differs_in_one_thing_is_another_finding(key: str) -> None:
    one = finding()
    other = {**one, key: {**PLAIN_ADVICE} if key == "advice" else "other"}
    assert len(findings_of({"h1": answer(one), "h2": answer(other)})) == 2
    assert len(findings_of({"h1": answer(one), "h2": answer({**one, "processes": 9}), "h3": None, "h4": {}})) == 1


def test_what_is_right_is_told_by_its_unit_or_its_program() -> None:
    def right(unit: str, count: int, **more: t.Any) -> t.Dict[str, t.Any]:
        return group(Program("/usr/bin/a", unit=unit), "outgoing", wrong=False, connections=count, right=count, **more)

    first = answer(right("b.service", 2), right("", 3), right("listens.service", 0), right("c d.service", 1))
    second = answer(right("b.service", 5), right("", 1, program=""))
    line = "right: 'c d.service' x 1, a x 3, a process that ended x 1, b.service x 7"
    assert text_of({"h1": first, "h2": second}).splitlines()[-2:] == ["", line]


def test_where_only_failures_came_back_the_table_is_all() -> None:
    assert text_of({"h1": {"msg": "no"}, "h2": None}).splitlines() == [
        "HOST  CONNECTIONS  RIGHT  WITHOUT  SLOW  TIGHT  UNKNOWN  OVERDUE  LISTENERS",
        "h1              -      -        -     -      -        -        -          -",
        "h2              -      -        -     -      -        -        -          -",
    ]


@pytest.mark.parametrize(
    ("timeouts", "words"),
    [
        ([9], "an idle timeout of 9 s"),
        ([9, 9], "an idle timeout of 9 s"),
        ([350, 60, 9], "idle timeouts of 9 s to 350 s"),
    ],
)
def test_it_is_told_for_the_timeouts_of_the_hosts_that_answered(timeouts: t.List[int], words: str) -> None:
    hosts = {f"h{number}": {**answer(), "idle_timeout": timeout} for number, timeout in enumerate(timeouts)}
    text = text_of({"gone": None, "failed": {"msg": "no", "idle_timeout": 1}, **hosts})
    assert text.startswith(f"What {words} would cut. Nothing was changed.\n")


def test_what_was_left_out_is_added_up_over_the_hosts() -> None:
    one = {**answer(), "left_out": {"local": 1, "recent": 2, "ansible": 0}}
    two = {**answer(), "left_out": {"local": 4, "recent": 0, "ansible": 0}}
    assert text_of({"h1": one, "h2": two}).splitlines()[-2:] == [
        "", "not judged: 5 both ends on the host, 2 data went a moment ago",
    ]  # fmt: skip


END = {"address": "192.0.2.1", "port": 80}
WHY = "held by no process that was found (the kernel's own, as of NFS, or handed on and not taken)"


@pytest.mark.parametrize(
    ("sockets", "users", "whose", "text"),
    [
        (0, 0, [], None),
        (1, 1, [(0, 1, [END])], f"1 socket {WHY}: 1 of user 0 (to 192.0.2.1:80)"),
        (2, 1, [(0, 2, [END])], f"2 sockets {WHY}: 2 of user 0 (to 192.0.2.1:80 and 1 more)"),
        (2, 1, [(0, 2, [END, None])], f"2 sockets {WHY}: 2 of user 0 (to 192.0.2.1:80, listens on 192.0.2.1:80)"),
        (3, 2, [(0, 1, [END]), (7, 2, [END, END])],
         f"3 sockets {WHY}: 1 of user 0 (to 192.0.2.1:80), 2 of user 7 (to 192.0.2.1:80, to 192.0.2.1:80)"),
        (3, 2, [(0, 1, [END])], f"3 sockets {WHY}: 1 of user 0 (to 192.0.2.1:80), others of 1 more users"),
    ],
)  # fmt: skip
def test_what_nobody_holds(sockets: int, users: int, whose: t.Any, text: t.Optional[str]) -> None:
    listed = [
        {"user": user, "sockets": count, "units": [], "units_total": 0,
         "examples": [{"local": END, "remote": remote, "waiting": 0} for remote in examples]}
        for user, count, examples in whose
    ]  # fmt: skip
    assert of_nobody({"sockets": sockets, "users": users, "whose": listed}) == ([text] if text else [])


@pytest.mark.parametrize(
    ("units", "total", "text"),
    [
        ([("a.service", 9)], 1, "in a.service"),
        ([("a.service", 8)], 1, "in a.service 8"),
        ([("a.service", 4), ("b.service", 3)], 2, "in a.service 4, b.service 3"),
        ([("a.service", 3), ("b.service", 3)], 4, "in a.service 3, b.service 3 and 2 more units"),
    ],
)
def test_the_units_in_which_it_was_made(units: t.Any, total: int, text: str) -> None:
    listed = {
        "user": 7, "sockets": 9, "units": [{"unit": unit, "sockets": count} for unit, count in units],
        "units_total": total, "examples": [{"local": END, "remote": None, "waiting": 4}],
    }  # fmt: skip
    assert of_nobody({"sockets": 9, "users": 1, "whose": [listed]}) == [
        f"9 sockets {WHY}: 9 of user 7 {text} (listens on 192.0.2.1:80 with 4 waiting and 8 more)"
    ]

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries to paste: exact text, for one host and for fleets that are not alike."""

from __future__ import annotations

import textwrap
import typing as t

import pytest
import yaml
from ansible_collections.netops.keepalive.plugins.module_utils.audit.entry import AsFound, entry_for
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.audit.paste import Entries, SetAlready
from ansible_collections.netops.keepalive.tests.unit.support.resolved import resolve

VALUES = KeepaliveTimes(120, 30, 4)
NOTHING = AsFound()
OWN = AsFound(user_timeouts=frozenset({6000}))

Given = t.Tuple[str, str, str, AsFound]


def pasted(hosts: t.Sequence[str], *given: Given) -> str:
    """Return the text for entries: of a host, a unit, a side, with what was found there."""
    entries = Entries(hosts)
    for host, unit, side, found in given:
        entries.add(host, entry_for(unit, side, VALUES, found)[0])
    return "\n".join(entries.lines(", ".join)) + "\n"


def test_one_host() -> None:
    text = pasted(
        ["w1"],
        ("w1", "b.service", "outgoing", NOTHING),
        ("w1", "a.socket", "accepted", NOTHING),
        ("w1", "b.service", "accepted", NOTHING),
    )
    assert text == textwrap.dedent(
        """\
        keepalive_services:
          - name: 'a.socket'
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
          - name: 'b.service'
            libraries: [connect, listen]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
        """
    )


def test_a_fleet_with_a_jitter_has_one_list() -> None:
    """Each host has other times; what they were made from is the same."""
    given: t.List[Given] = []
    for number, keepidle in enumerate((60, 57, 55)):
        found = AsFound(
            times=frozenset({KeepaliveTimes(keepidle, 15, 4)}), ours=True, jitter=10, latest_keepidle=60,
        )  # fmt: skip
        given.append((f"w{number}", "b.service", "accepted", found))
    text = pasted(["w0", "w1", "w2"], *given)
    assert text == textwrap.dedent(
        """\
        keepalive_services:
          - name: 'b.service'    # w0, w1, w2
            libraries: [listen]
            tcp: {keepidle: 60, keepintvl: 15, keepcnt: 4}
            jitter: 10
        """
    )
    (service,) = resolve(yaml.safe_load(text)["keepalive_services"], host="w1")
    assert 54 <= service["tcp"]["keepidle"] <= 60


@pytest.mark.parametrize(
    ("jitter", "latest", "keepidle", "said", "kept"),
    [
        (10, 60, 53, 53, 10),  # below what the jitter takes off: somebody has chosen it
        (10, 60, 54, 60, 10),
        (0, 0, 57, 57, 0),
        (10, 9, 9, 9, 0),  # would be refused: it would change nothing
    ],
)
def test_times_that_are_shorter_than_a_jitter_makes_them_are_somebodys(
    jitter: int, latest: int, keepidle: int, said: int, kept: int
) -> None:
    found = AsFound(times=frozenset({KeepaliveTimes(keepidle, 3, 4)}), jitter=jitter, latest_keepidle=latest)
    entry = entry_for("b.service", "outgoing", VALUES, found)[0]
    assert (entry["tcp"]["keepidle"], entry.get("jitter", 0)) == (said, kept)


@pytest.mark.parametrize("said", ["10\n  - name: x", 60, -1, None, True, [10]])
def test_a_jitter_that_none_would_say_is_not_pasted(said: t.Any) -> None:
    entries = Entries(["h"])
    entries.add("h", {"name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 60}, "jitter": said})
    assert not any("jitter" in line or "- name: x" in line for line in entries.lines(", ".join))


RESPECT = AsFound(times=frozenset({KeepaliveTimes(10, 3, 3)}), right=1, all_off=True)
LEFT = {"user_timeout": 0}
ACCEPT = ["overridden_by_application"]


@pytest.mark.parametrize(
    ("one", "two", "tcp", "more"),
    [
        (AsFound(times=frozenset({KeepaliveTimes(60, 90, 4)})), AsFound(times=frozenset({KeepaliveTimes(300, 15, 4)})),
         {"keepidle": 60, "keepintvl": 15}, {}),
        (OWN, OWN, {"user_timeout": 6000}, {"short_user_timeout": True}),
        (OWN, NOTHING, LEFT, {"accept": ACCEPT}),
        (OWN, AsFound(user_timeouts=frozenset({9000})), LEFT, {"accept": ACCEPT}),
        (AsFound(user_timeouts=frozenset({0, 9000})), AsFound(user_timeouts=frozenset({0, 7000})), LEFT,
         {"accept": ACCEPT}),
        (AsFound(said={"user_timeout": 0}, user_timeouts=frozenset({7})), AsFound(said={"user_timeout": 0}), LEFT, {}),
        (AsFound(said={"debug": 1}), AsFound(said={"debug": 1}), {}, {"debug": True}),
        (RESPECT, RESPECT, {}, {"respect": True}),
        # It would leave those of the other alone that have keepalive on, and too slow.
        (RESPECT, NOTHING, {}, {}),
    ],
)  # fmt: skip
def test_two_users_of_a_unit_share_an_entry_that_takes_nothing_away(
    one: AsFound, two: AsFound, tcp: t.Dict[str, int], more: t.Dict[str, t.Any]
) -> None:
    """Whichever finding comes first."""
    for both in ((one, two), (two, one)):
        text = pasted(["w1"], *(("w1", "a.service", "outgoing", found) for found in both))
        assert yaml.safe_load(text) == {
            "keepalive_services": [
                {"name": "a.service", "libraries": ["connect"], "tcp": {**VALUES._asdict(), **tcp}, **more}
            ]
        }


def test_what_not_all_hosts_have_is_for_those_that_have_it() -> None:
    everywhere = [(host, "a.service", "outgoing", NOTHING) for host in ("w1", "w2")]
    text = pasted(["w1", "w2"], *everywhere, ("w2", "b.service", "outgoing", NOTHING))
    assert text == textwrap.dedent(
        """\
        keepalive_services:
          - name: 'a.service'    # w1, w2
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
          - name: 'b.service'    # w2
            if_present: true
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
        """
    )


def test_a_host_that_was_not_read_may_lack_a_unit() -> None:
    assert "if_present: true" in pasted(["w1", "gone"], ("w1", "a.service", "outgoing", NOTHING))


def test_where_hosts_differ_there_is_a_list_for_each_kind() -> None:
    """One list cannot name a unit twice; layers stand beside it, whoever has which."""
    text = pasted(
        ["w1", "w2", "w3"],
        *((host, "alike.service", "outgoing", NOTHING) for host in ("w1", "w2", "w3")),
        ("w1", "libraries.service", "outgoing", NOTHING),
        ("w2", "libraries.service", "outgoing", AsFound(frozenset({"listen"}))),
        ("w3", "libraries.service", "outgoing", NOTHING),
        ("w1", "values.service", "outgoing", NOTHING),
        ("w3", "values.service", "outgoing", NOTHING),
        ("w2", "values.service", "outgoing", OWN),
        ("w1", "some.service", "outgoing", OWN),
        ("w2", "some.service", "outgoing", NOTHING),
    )
    assert text == textwrap.dedent(
        """\
        keepalive_services:
          - name: 'alike.service'    # w1, w2, w3
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}

        # Into the variables of w1, w3 only: others need other values or libraries.
        keepalive_services__audit1:
          - name: 'libraries.service'
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
          - name: 'values.service'
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}

        # Into the variables of w2 only: others need other values or libraries.
        keepalive_services__audit2:
          - name: 'libraries.service'
            libraries: [connect, listen]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
          - name: 'some.service'
            if_present: true
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4}
          - name: 'values.service'
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4, user_timeout: 6000}
            short_user_timeout: true

        # Into the variables of w1 only: others need other values or libraries.
        keepalive_services__audit3:
          - name: 'some.service'
            if_present: true
            libraries: [connect]
            tcp: {keepidle: 120, keepintvl: 30, keepcnt: 4, user_timeout: 6000}
            short_user_timeout: true
        """
    )
    assert len(yaml.safe_load(text)) == 4


def test_nothing_alike_begins_with_the_first_difference() -> None:
    text = pasted(["w1", "w2"], ("w1", "a.service", "outgoing", NOTHING), ("w2", "a.service", "outgoing", OWN))
    assert text.startswith("# Into the variables of w1 only: ")
    assert "\nkeepalive_services:" not in text


def test_many_hosts_are_all_named() -> None:
    """Whoever pastes has to know where; a few and a count do not tell it."""
    hosts = [f"host{number:03}.example.com" for number in range(40)]
    text = pasted(
        [*hosts, "other"],
        *((host, "a.service", "outgoing", NOTHING) for host in hosts),
        ("other", "a.service", "outgoing", OWN),
    )
    assert all(host in text for host in hosts)
    assert max(map(len, text.splitlines())) <= 100
    assert list(yaml.safe_load(text)) == ["keepalive_services__audit1", "keepalive_services__audit2"]


def test_a_long_name_of_a_host_is_not_broken() -> None:
    long = "a" * 120 + ".example.com"
    assert f"# {long}" in pasted(
        [long, "w2"], (long, "a.service", "outgoing", NOTHING), ("w2", "a.service", "outgoing", OWN)
    )


@pytest.mark.parametrize(
    "found",
    [
        OWN,
        AsFound(user_timeouts=frozenset({0, 6000})),
        AsFound(times=frozenset({KeepaliveTimes(10, 3, 3)}), right=1, all_off=True),
        AsFound(frozenset({"listen", "socket"}), said={"syncnt": 3, "debug": 1}, ours=True),
    ],
)
def test_what_is_pasted_is_taken(found: AsFound) -> None:
    """By whatever the collection reads it with, as it was meant."""
    text = pasted(["w1"], ("w1", "a.service", "outgoing", found))
    meant = entry_for("a.service", "outgoing", VALUES, found)[0]
    read = yaml.safe_load(text)
    assert read == {"keepalive_services": [meant]}
    (service,) = resolve(read["keepalive_services"])
    assert {name: service["tcp"][name] for name in meant["tcp"]} == meant["tcp"]


@pytest.mark.parametrize(("unit", "side"), [("a.service", "outgoing"), ("a.socket", "accepted")])
@pytest.mark.parametrize("hosts", [["w1"], ["w1", "gone"]])
def test_a_unit_that_not_all_hosts_have_may_be_missing(unit: str, side: str, hosts: t.List[str]) -> None:
    read = yaml.safe_load(pasted(hosts, ("w1", unit, side, NOTHING)))
    (service,) = resolve(read["keepalive_services"])
    assert (service["name"], service["if_present"]) == (unit, len(hosts) > 1)


def test_what_is_pasted_for_some_hosts_is_taken_beside_what_is_for_all() -> None:
    text = pasted(
        ["w1", "w2", "gone"],
        *((host, "a.service", "outgoing", NOTHING) for host in ("w1", "w2")),
        ("w1", "b.service", "outgoing", NOTHING),
        ("w2", "b.service", "accepted", OWN),
    )
    read = yaml.safe_load(text)
    services = read.pop("keepalive_services")
    taken = {
        name: [(each["name"], each["libraries"], each["if_present"], each["tcp"]["user_timeout"]) for each in found]
        for name, entries in read.items()
        for found in [resolve(services, layers={name: entries})]
    }
    everywhere = ("a.service", ["connect"], True, -1)
    assert taken == {
        "keepalive_services__audit1": [("b.service", ["connect"], True, -1), everywhere],
        "keepalive_services__audit2": [("b.service", ["listen"], True, 6000), everywhere],
    }


def test_what_is_pasted_hides_no_list_that_a_host_has() -> None:
    """A second list of one name would take the first one's place, in a file, and for a host of two groups."""
    layers = frozenset({"keepalive_services", "keepalive_services__audit1", "keepalive_services__web"})
    entries = Entries(["w1", "w2", "w3"], SetAlready(layers))
    for host in ("w1", "w2"):
        entries.add(host, entry_for("a.service", "outgoing", VALUES, NOTHING)[0])
    entries.add("w1", entry_for("b.service", "outgoing", VALUES, OWN)[0])
    entries.add("w3", entry_for("b.service", "outgoing", VALUES, NOTHING)[0])
    read = yaml.safe_load("\n".join(entries.lines(", ".join)))
    assert {name: [each["name"] for each in found] for name, found in read.items()} == {
        "keepalive_services__audit2": ["a.service"],
        "keepalive_services__audit3": ["b.service"],
        "keepalive_services__audit4": ["b.service"],
    }


def test_a_unit_that_a_host_has_an_entry_for_is_named_and_not_pasted_again() -> None:
    """What stands in keepalive_services would win over it, or be said twice."""
    entries = Entries(["w1", "w2"], SetAlready(units={"w1": {"a.service"}, "w2": {"b.service"}}))
    for host in ("w1", "w2"):
        for side in ("outgoing", "accepted"):
            entries.add(host, entry_for("a.service", side, VALUES, NOTHING)[0])
    text = "\n".join(entries.lines(", ".join))
    assert yaml.safe_load(text)["keepalive_services"][0]["name"] == "a.service"
    assert "# w2\n" in text
    assert entries.listed == {"a.service": ["w1"]}


def test_nothing_to_paste() -> None:
    assert Entries(["w1"]).lines(", ".join) == []


def test_of_an_answer_only_what_an_entry_holds_is_taken() -> None:
    """Hosts are not believed: what is pasted is YAML, and templates."""
    entries = Entries(["w1"])
    evil = "x]\n  - name: y"
    entries.add("w1", {"name": "a.service\n- b", "tcp": {}})
    entries.add("w1", {"name": "{{ x }}.service", "tcp": {}})
    entries.add("w1", {"name": "a.timer", "tcp": {}})
    entries.add(
        "w1",
        {
            "name": "a.service", "libraries": ["connect", evil], "respect": evil,
            "tcp": {"keepidle": "60", "keepcnt": evil, evil: 1},
            "accept": [evil], "state": "absent", "debug": False,
        },
    )  # fmt: skip
    assert entries.lines(", ".join) == [
        "keepalive_services:",
        "  - name: 'a.service'",
        "    libraries: [connect]",
        "    tcp: {keepidle: 60}",
        "    respect: true",
    ]

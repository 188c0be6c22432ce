# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry that the audit advises: what it gives, and what it leaves as it is."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.audit.entry import (
    AsFound,
    SocketsFound,
    entry_for,
    found_in_drop_in,
    found_in_socket_drop_in,
    loaded_libraries,
    together,
    variables_of,
)
from ansible_collections.netops.keepalive.plugins.module_utils.audit.idle import KeepaliveTimes
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Record
from ansible_collections.netops.keepalive.tests.unit.support.made_up import made, tuned

VALUES = KeepaliveTimes(120, 30, 4)
TCP = {"keepidle": 120, "keepintvl": 30, "keepcnt": 4}


def entry(found: AsFound, side: str = "outgoing", **more: t.Any) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    return entry_for("a.service", side, VALUES, found, **more)


def test_where_nothing_is_there_it_gives_what_is_recommended() -> None:
    assert entry(AsFound()) == ({"name": "a.service", "libraries": ["connect"], "tcp": TCP}, [])
    assert entry(AsFound(user_timeouts=frozenset({0})), "accepted") == (
        {"name": "a.service", "libraries": ["listen"], "tcp": TCP},
        [],
    )


@pytest.mark.parametrize(
    ("own", "tcp", "accept", "words"),
    [
        (
            {6000},
            {**TCP, "user_timeout": 6000},
            [],
            "its user timeout of 6000 ms stays; 240000 ms would be derived; with it, one lost probe ends an idle "
            "connection",
        ),  # sssd's ldap_network_timeout
        (
            {200000},
            {**TCP, "user_timeout": 200000},
            [],
            "its user timeout of 200000 ms stays; 240000 ms would be derived",
        ),
        (
            {180000},  # the second probe comes in time
            {**TCP, "user_timeout": 180000},
            [],
            "its user timeout of 180000 ms stays; 240000 ms would be derived",
        ),
        (
            {150000},
            {**TCP, "user_timeout": 150000},
            [],
            "its user timeout of 150000 ms stays; 240000 ms would be derived; with it, one lost probe ends an idle "
            "connection",
        ),
        (
            {900000},
            {**TCP, "user_timeout": 900000},
            [],
            "its user timeout of 900000 ms stays; 240000 ms would be derived",
        ),
        (
            {0, 6000},
            {**TCP, "user_timeout": 0},
            ["overridden_by_application"],
            "some of its sockets have a user timeout already (6000 ms): user_timeout: 0 leaves that to the program",
        ),
        (
            {6000, 9000},
            {**TCP, "user_timeout": 0},
            ["overridden_by_application"],
            "some of its sockets have a user timeout already (6000 ms and 9000 ms): user_timeout: 0 leaves that to the "
            "program",
        ),
        (
            {30001, 6000, 9002},
            {**TCP, "user_timeout": 0},
            ["overridden_by_application"],
            "some of its sockets have a user timeout already (6000 ms and 9002 ms and 30001 ms): user_timeout: 0 "
            "leaves that to the program",
        ),
        (
            {30001, 6000, 9002, 40003},
            {**TCP, "user_timeout": 0},
            ["overridden_by_application"],
            "some of its sockets have a user timeout already (6000 ms and 9002 ms and 30001 ms and others): "
            "user_timeout: 0 leaves that to the program",
        ),
    ],
)
def test_a_user_timeout_of_the_program_stays(
    own: t.Set[int], tcp: t.Dict[str, int], accept: t.List[str], words: str
) -> None:
    """What all sockets have is said, so that the report finds it right; else 0, and what is found is accepted."""
    found, notes = entry(AsFound(user_timeouts=frozenset(own)))
    assert found == {
        "name": "a.service", "libraries": ["connect"], "tcp": tcp, **({"accept": accept} if accept else {}),
        **({"short_user_timeout": True} if tcp["user_timeout"] == 6000 else {}),
    }  # fmt: skip
    assert notes == [words]


@pytest.mark.parametrize(("own", "accept"), [({0}, None), ({0, 30000}, ["overridden_by_application"])])
def test_who_sets_the_option_himself_is_not_told_it(own: t.Set[int], accept: t.Optional[t.List[str]]) -> None:
    found, notes = entry(AsFound(user_timeouts=frozenset(own)), "accepted", says_user_timeout=True)
    assert (found["tcp"], found.get("accept")) == ({**TCP, "user_timeout": 0}, accept)
    assert len(notes) == 1


def test_shorter_times_stay() -> None:
    """Lost by one probe too few, or right and overwritten by the library before connect()."""
    found, notes = entry(AsFound(times=frozenset({KeepaliveTimes(30, 200, 9), KeepaliveTimes(300, 10, 1)})))
    assert found == {
        "name": "a.service", "libraries": ["connect"], "tcp": {"keepidle": 30, "keepintvl": 10, "keepcnt": 4}
    }  # fmt: skip
    assert notes == ["keepidle 30 s and keepintvl 10 s: some of the unit's sockets have that already, and keep it"]
    assert entry(AsFound(times=frozenset({KeepaliveTimes(300, 100, 3)}))) == entry(AsFound())


def test_what_the_program_has_set_right_is_left_alone_where_the_rest_has_keepalive_off() -> None:
    found = AsFound(times=frozenset({KeepaliveTimes(10, 3, 3)}), right=1, all_off=True)
    assert entry(found) == (
        {"name": "a.service", "libraries": ["connect"], "tcp": TCP, "respect": True},
        ["respect: true leaves alone those that the program itself has set right (1)"],
    )
    # Where keepalive is on and too slow on others, respect would leave these alone, too; and with a library loaded
    # what is right may be its work.
    assert "respect" not in entry(found._replace(all_off=False))[0]
    assert "respect" not in entry(found._replace(ours=True))[0]
    assert "respect" not in entry(found._replace(right=0))[0]
    # It accepts by itself what the program has set.
    left = entry(found._replace(user_timeouts=frozenset({0, 6000})))[0]
    assert left == {
        "name": "a.service", "libraries": ["connect"], "tcp": {**TCP, "user_timeout": 0}, "respect": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("side", "others", "libraries", "words"),
    [
        ("outgoing", {"listen"}, ["connect", "listen"], "the entry names listen too"),
        ("accepted", {"connect", "listen"}, ["connect", "listen"], "the entry names connect too"),
        ("outgoing", {"socket", "listen"}, ["connect", "listen", "socket"], "the entry names listen and socket too"),
        ("outgoing", {"connect"}, ["connect"], None),
    ],
)
def test_libraries_that_are_there_stay(
    side: str, others: t.Set[str], libraries: t.List[str], words: t.Optional[str]
) -> None:
    found, notes = entry(AsFound(frozenset(others)), side)
    assert found["libraries"] == libraries
    assert [words is not None and note.startswith(words) for note in notes] == ([True] if words else [])


def test_what_an_earlier_entry_says_stays() -> None:
    drop_in = {
        "LD_PRELOAD": "/usr/lib/libkeepalive/libkeepalive_listen.so:/opt/libkeepalive.so:libjemalloc.so.2",
        "TCP_KEEPIDLE": "60", "TCP_KEEPCNT": "9", "TCP_KEEPINTVL": "15", "TCP_USER_TIMEOUT": "0", "TCP_SYNCNT": "0",
        "TCP_DEFER_ACCEPT": "5", "TCP_MAXSEG": "1", "TCP_WINDOW_CLAMP": "x", "LIBKEEPALIVE_DEBUG": "1",
        "LIBKEEPALIVE_RESPECT": "0",
    }  # fmt: skip
    found = found_in_drop_in(drop_in)
    assert found == AsFound(
        frozenset({"listen"}),
        all_off=True,
        said={"user_timeout": 0, "defer_accept": 5, "debug": 1},
        asked=frozenset({"listen"}),
        ours=True,
    )
    assert entry(found._replace(user_timeouts=frozenset({7})))[0] == {
        "name": "a.service", "libraries": ["connect", "listen"],
        "tcp": {**TCP, "user_timeout": 0, "defer_accept": 5}, "debug": True,
    }  # fmt: skip
    assert found_in_drop_in({}) == AsFound(all_off=True)


def test_a_socket_of_systemd_has_none_of_it() -> None:
    found = AsFound(frozenset({"connect"}), frozenset({KeepaliveTimes(1, 1, 1)}), frozenset({6000}), 1, True)
    assert entry_for("a.socket", "accepted", VALUES, found) == ({"name": "a.socket", "tcp": TCP}, [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[Socket]\nKeepAlive=true\nKeepAliveTimeSec=60\nDeferAcceptSec=5\n", {"defer_accept": 5}),
        ("[Socket]\nDeferAcceptSec=0\n", {}),
        ("[Socket]\nDeferAcceptSec=5s\n", {}),
        ("[Socket]\nDeferAcceptSec=-1\n", {}),
        ("[Service]\nDeferAcceptSec=5\n", {}),
        ("", {}),
    ],
)
def test_what_an_earlier_entry_of_a_socket_says_stays(text: str, said: t.Dict[str, int]) -> None:
    found = found_in_socket_drop_in(text)
    assert found == AsFound(all_off=True, said=said)
    assert entry_for("a.socket", "accepted", VALUES, found) == ({"name": "a.socket", "tcp": {**TCP, **said}}, [])


def test_what_was_found_in_several_places() -> None:
    connect, listen = frozenset({"connect"}), frozenset({"listen"})
    one = AsFound(connect, frozenset({VALUES}), frozenset({0}), 1, True, {"syncnt": 3}, connect, True)
    two = AsFound(listen, frozenset(), frozenset({6}), 2, False)
    both = AsFound(connect | listen, frozenset({VALUES}), frozenset({0, 6}), 3, False, {"syncnt": 3}, connect, True)
    assert together([one, two]) == together([two, one]) == both
    assert together([]) == AsFound(all_off=True)


def test_libraries_are_told_by_their_files() -> None:
    assert loaded_libraries(["libkeepalive_socket.so", "/x/libkeepalive.so", "/x/libpq.so.5"]) == {"socket", "connect"}


SLOWER = KeepaliveTimes(9000, 75, 9)


def listening(inode: int, **changes: t.Any) -> Record:
    return made(inode, state="LISTEN", **changes)


@pytest.mark.parametrize(
    ("sockets", "found"),
    [
        ([], AsFound(all_off=True)),
        ([(made(1), "without")], AsFound(user_timeouts=frozenset({0}), all_off=True)),
        ([(made(1), "without"), (made(2, **tuned(60, 15, 4)), "right"), (made(3, **tuned(60, 15, 4)), "right")],
         AsFound(times=frozenset({KeepaliveTimes(60, 15, 4)}), user_timeouts=frozenset({0}), right=2, all_off=True)),
        ([(made(1, **tuned(7200, 75, 9)), "slow")], AsFound(user_timeouts=frozenset({0}))),
        ([(made(1, **tuned(*SLOWER)), "slow")],
         AsFound(times=frozenset({SLOWER}), user_timeouts=frozenset({0}))),
        ([(made(1, **tuned(300, 100, 3)), "tight")],
         AsFound(times=frozenset({KeepaliveTimes(300, 100, 3)}), user_timeouts=frozenset({0}))),
        # A listener's own verdict is none of a connection's; its values are what it hands on.
        ([(listening(1, **tuned(60, 15, 4)), "right"), (listening(2, **tuned(*SLOWER)), "slow")],
         AsFound(times=frozenset({KeepaliveTimes(60, 15, 4), SLOWER}), user_timeouts=frozenset({0}), all_off=True)),
        # One that is derived, or cannot be read, is nobody's own.
        ([(made(1, **tuned(60, 15, 4, 120_000)), "right"), (made(2, **tuned(60, 15, 4, None)), "right"),
          (made(3, **tuned(60, 15, 4, 120_001)), "right")],
         AsFound(times=frozenset({KeepaliveTimes(60, 15, 4)}), user_timeouts=frozenset({0, 120_001}), right=3,
                 all_off=True)),
        ([(made(1, keepalive=None, options={}), "unknown")], AsFound()),
    ],
)  # fmt: skip
def test_what_counts_of_a_units_sockets(sockets: t.List[t.Tuple[Record, str]], found: AsFound) -> None:
    of_unit = SocketsFound()
    for record, verdict in sockets:
        of_unit.add(record, verdict, 7200)
    assert of_unit.as_found() == found


@pytest.mark.parametrize("name", TCP)
def test_times_that_are_not_all_known_are_nobodys(name: str) -> None:
    values = tuned(60, 15, 4)
    values["options"][name] = None
    of_unit = SocketsFound()
    of_unit.add(made(1, **values), "unknown", 7200)
    assert of_unit.as_found() == AsFound(user_timeouts=frozenset({0}))


def test_the_variables_of_an_entry() -> None:
    given = {"name": "a.service", "libraries": ["connect", "listen"], "tcp": {**TCP, "user_timeout": 0}, "debug": True}
    folder = "/usr/lib/libkeepalive"
    assert variables_of(given) == {
        "LD_PRELOAD": f"{folder}/libkeepalive.so:{folder}/libkeepalive_listen.so",
        "TCP_KEEPIDLE": "120", "TCP_KEEPCNT": "4", "TCP_KEEPINTVL": "30", "TCP_USER_TIMEOUT": "0",
        "LIBKEEPALIVE_DEBUG": "1",
    }  # fmt: skip
    del given["debug"]
    respecting = {**given, "respect": True}
    assert set(variables_of(respecting)) - set(variables_of(given)) == {"LIBKEEPALIVE_RESPECT"}

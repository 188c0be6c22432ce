# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is set on sockets by an iterator, against what each of them says itself."""

from __future__ import annotations

import errno
import os
import socket
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator import read_sockets
from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator_set import (
    Setting,
    SocketPlan,
    WhatBecame,
    can_set,
    set_sockets,
)
from ansible_collections.netops.keepalive.tests.unit.support.at_once import why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open

pytestmark = pytest.mark.skipif(bool(why_not_at_once()), reason=why_not_at_once())

KEEPALIVE, KEEPIDLE, KEEPINTVL, USER_TIMEOUT, CLAMP = (1, 9, 1), (6, 4, 61), (6, 5, 13), (6, 18, 113000), (6, 10, 20000)
FOUR = [KEEPIDLE, KEEPINTVL, USER_TIMEOUT, KEEPALIVE]


def inode_of(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def values_of(one: socket.socket, settings: t.Iterable[Setting]) -> t.List[int]:
    return [one.getsockopt(level, option) for level, option, _value in settings]


def done(wanted: t.Mapping[int, t.Sequence[Setting]]) -> t.Dict[int, WhatBecame]:
    plan = SocketPlan(wanted)
    return plan.results_in(set_sockets(*plan.parts))


@pytest.fixture
def connection(server: socket.socket) -> t.Iterator[t.Tuple[socket.socket, socket.socket]]:
    with socket.create_connection(server.getsockname()) as client, server.accept()[0] as accepted:
        yield client, accepted


def test_each_socket_gets_its_own_and_others_nothing(
    server: socket.socket, connection: t.Tuple[socket.socket, socket.socket]
) -> None:
    client, accepted = connection
    before = {one: values_of(one, FOUR) for one in (server, client, accepted)}
    found = done({inode_of(server): FOUR, inode_of(client): [KEEPIDLE]})
    assert found == {
        inode_of(server): WhatBecame(before[server], dict.fromkeys(range(4), 0), [61, 13, 113000, 1]),
        inode_of(client): WhatBecame(before[client][:1], {0: 0}, [61]),
    }
    assert values_of(server, FOUR) == [61, 13, 113000, 1]
    assert values_of(client, FOUR) == [61, *before[client][1:]]
    assert values_of(accepted, FOUR) == before[accepted]


def test_what_nobody_has_accepted_is_set_and_is_so_for_who_accepts_it(server: socket.socket) -> None:
    with socket.create_connection(server.getsockname()) as client:
        ends = (server.getsockname()[1], client.getsockname()[1])  # another test may have a socket with one of them
        (key,) = [record.key for record in read_sockets() if (record.port, record.peer_port) == ends and record.key < 0]
        assert done({key: FOUR})[key].after == [61, 13, 113000, 1]
        with server.accept()[0] as accepted:
            assert values_of(accepted, FOUR) == [61, 13, 113000, 1]
        assert values_of(client, FOUR)[3] == 0


def test_what_the_kernel_refuses_is_told_and_the_rest_is_set(connection: t.Tuple[socket.socket, socket.socket]) -> None:
    client, _accepted = connection
    idle, interval = values_of(client, [KEEPIDLE, KEEPINTVL])
    (became,) = done({inode_of(client): [(6, 4, 32768), KEEPINTVL]}).values()
    assert became == WhatBecame([idle, interval], {0: errno.EINVAL, 1: 0}, [idle, 13])


def test_what_is_gone_is_left_out(connection: t.Tuple[socket.socket, socket.socket]) -> None:
    client, _accepted = connection
    inode = inode_of(client)
    client.close()
    assert done({inode: FOUR, -1: FOUR, 0: FOUR}) == {}


def test_what_nobody_holds_is_not_asked_for(connection: t.Tuple[socket.socket, socket.socket]) -> None:
    """All of it has the same key."""
    client, _accepted = connection
    assert done({0: FOUR}) == done({}) == {}, "nothing is left to do"
    plan = SocketPlan({0: FOUR, inode_of(client): FOUR})
    assert (len(plan.keys), len(plan.values)) == (8, len(SocketPlan({1: FOUR}).values))


def test_many_at_once_with_other_values_each(server: socket.socket) -> None:
    """More than fit into what is read at once: the kernel runs the program once more for those at the seams."""
    made: t.List[socket.socket] = []
    try:
        for _number in range(500):
            made += [socket.create_connection(server.getsockname()), server.accept()[0]]
        wanted = {inode_of(one): [(6, 4, 100 + number % 7), KEEPALIVE] for number, one in enumerate(made)}
        found = done(wanted)
        assert {key: became.after for key, became in found.items()} == {
            key: [settings[0][2], 1] for key, settings in wanted.items()
        }
        assert {tuple(became.before) for became in found.values()} == {(values_of(server, [KEEPIDLE])[0], 0)}
        assert [values_of(one, [KEEPIDLE]) for one in made] == [[100 + number % 7] for number in range(1000)]
        assert len({id(became) for became in found.values()}) < 50, "told once for all that are alike"
    finally:
        for one in made:
            one.close()


def test_which_options_it_can_set() -> None:
    assert can_set([*FOUR, CLAMP, (6, 7, 3), (6, 2, 1000)])
    assert not can_set([KEEPALIVE, (6, 9, 5)]), "the kernel lets no program set defer_accept"


def test_nothing_is_left_of_it(connection: t.Tuple[socket.socket, socket.socket]) -> None:
    with nothing_left_open():
        done({inode_of(connection[0]): FOUR})

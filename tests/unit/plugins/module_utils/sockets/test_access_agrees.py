# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three readers say the same of thousands of sockets, in every state that a descriptor can have, of every kind."""

from __future__ import annotations

import collections
import os
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import STATES
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Reader, choose_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import SocketValues
from ansible_collections.netops.keepalive.tests.unit.support.at_once import access_at_once, why_not_at_once
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child, has_mptcp

EVERY_STATE = """
import errno, itertools, select
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
held = []
turn = itertools.count()

def state(s):
    return s.getsockopt(6, 11, 1)[0]

def until(s, wanted):
    while state(s) != wanted:
        pass

def tune(s):
    # Another combination for each socket, so that a value in the wrong place shows. None ends within half an hour, as a
    # connect that nobody answers does with few attempts.
    n = next(turn)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, n % 2)
    values = {4: 1 + n % 30000, 5: 1 + n % 997, 6: 1 + n % 127, 18: 3_600_000 + n, 7: 27 + n % 100, 10: 5000 + n}
    for number, value in values.items():
        try:
            s.setsockopt(6, number, value)
        except OSError:
            pass
    return s

def made(family, protocol):
    s = tune(socket.socket(family, socket.SOCK_STREAM, protocol))
    held.append(s)
    return s

def listener(family, protocol, backlog=128, address=None):
    s = made(family, protocol)
    if family == socket.AF_INET6 and address == "::":
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((address or LOOPBACK[family], 0))
    s.listen(backlog)
    return s

def pair(family, protocol, server, to=None):
    client = made(family, protocol)
    client.connect(to or server.getsockname())
    accepted = server.accept()[0]
    held.append(accepted)
    return client, accepted

def stuff(s):
    # Until the peer, which does not read, takes no more.
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 65536)
    except BlockingIOError:
        pass
    s.setblocking(True)

def close_wait(client, accepted):
    accepted.shutdown(socket.SHUT_WR)
    until(client, 8)

def fin_wait2(client, accepted):
    client.shutdown(socket.SHUT_WR)
    until(client, 5)

def fin_wait1(client, accepted):
    stuff(client)
    client.shutdown(socket.SHUT_WR)
    until(client, 4)

def closing(client, accepted):
    stuff(client)
    client.shutdown(socket.SHUT_WR)
    until(client, 4)
    accepted.shutdown(socket.SHUT_WR)
    until(client, 11)

def last_ack(client, accepted):
    stuff(client)
    accepted.shutdown(socket.SHUT_WR)
    until(client, 8)
    client.shutdown(socket.SHUT_WR)
    until(client, 9)

def closed(client, accepted):
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
    held.remove(accepted)
    accepted.close()
    until(client, 7)

def syn_sent(family, protocol, count):
    # The queue of a listener that accepts nothing is full after one connection; further SYNs are dropped.
    server = listener(family, protocol, 0)
    while True:
        s = made(family, protocol)
        s.setblocking(False)
        try:
            s.connect(server.getsockname())
        except BlockingIOError:
            pass
        poll = select.poll()
        poll.register(s, select.POLLOUT)
        if not poll.poll(50):
            break
    for _ in range(count):
        s = made(family, protocol)
        s.setblocking(False)
        s.connect_ex(server.getsockname())

def everything(family, protocol, count):
    for _ in range(count):
        listener(family, protocol)
        made(family, protocol)
        made(family, protocol).bind((LOOPBACK[family], 0))
    server = listener(family, protocol, 4096)
    for change in (None, close_wait, fin_wait2, closed, *((fin_wait1, closing, last_ack) if protocol == 6 else ())):
        for _ in range(count if change not in (fin_wait1, closing, last_ack) else 5):
            both = pair(family, protocol, server)
            if change is not None and protocol == 6:
                change(*both)
    syn_sent(family, protocol, count)

def mapped(count):
    server = listener(socket.AF_INET6, 6, 4096, "::")
    for _ in range(count):
        pair(socket.AF_INET, 6, server, ("127.0.0.1", server.getsockname()[1]))
        pair(socket.AF_INET6, 6, server, ("::ffff:127.0.0.1", server.getsockname()[1]))

def others():
    held.extend([socket.socket(socket.AF_UNIX), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)])
    held.extend(socket.socketpair())
    held.append(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
"""

OWN_NAMESPACE = """
import ctypes
def unshare():
    assert ctypes.CDLL(None).unshare(0x40000000) == 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:  # ip link set lo up
        fcntl.ioctl(s, 0x8914, struct.pack("16sh22x", b"lo", 1))
"""

Found = t.Dict[int, t.Optional[SocketValues]]


BOTH = pytest.mark.parametrize(
    "other",
    ["portable", pytest.param("at once", marks=pytest.mark.skipif(bool(why_not_at_once()), reason="not told at once"))],
)


def differences(pid: int, folder: str, other: str = "portable") -> t.Tuple[Found, t.List[t.Tuple[int, t.Any, t.Any]]]:
    """What the native reader says of all sockets of a process, and where another one says something else.

    Nothing goes on in the process, so idle times only grow from one sweep to the next.
    """
    native, portable = (choose_access(name, folder, os.geteuid()) for name in ("native", "portable"))
    return _different(native.reader, portable.reader if other == "portable" else access_at_once(portable).reader, pid)


def _different(native: Reader, portable: Reader, pid: int) -> t.Tuple[Found, t.List[t.Tuple[int, t.Any, t.Any]]]:
    descriptors = list(portable.descriptors(pid).items())
    assert list(native.descriptors(pid).items()) == descriptors
    descriptors = [number for number, _inode in descriptors]
    first, second, third = (list(reader.read(pid, descriptors)) for reader in (native, portable, native))
    assert [number for number, _values in first] == descriptors == [number for number, _values in second]
    different = []
    for (number, one), (_number, two), (_same, three) in zip(first, second, third):
        if two is not None and STATES[two.state] == "SYN_SENT":
            assert portable.at_once_from or two.remote is None, "getpeername(2) does not tell, and the kernel knows"
            two = two._replace(remote=None)
        if one is None or two is None or three is None:
            agree = one is two is three is None
        elif one.idle is None or two.idle is None or three.idle is None:
            agree = one == two == three
        else:
            agree = one._replace(idle=0) == two._replace(idle=0) and one.idle <= two.idle <= three.idle
            agree = agree and all(type(mine) is type(theirs) for mine, theirs in zip(one, two))
        if not agree:
            different.append((number, one, two))
    return dict(first), different


def census(found: Found) -> t.Counter[t.Tuple[str, str, str]]:
    return collections.Counter(
        (values.family, values.protocol, STATES[values.state]) for values in found.values() if values is not None
    )


@BOTH
def test_thousands_in_every_state(inspect_folder: str, other: str) -> None:
    with Child(EVERY_STATE) as child:
        child.run("for family in LOOPBACK: everything(family, 6, 100)")
        child.run("mapped(100); others()")
        found, different = differences(child.pid, inspect_folder, other)
    assert different == []
    assert len(found) > 2500
    counted = census(found)
    for family in ("ipv4", "ipv6"):
        states = {state for of, protocol, state in counted if (of, protocol) == (family, "tcp")}
        assert states == set(STATES.values()) - {"SYN_RECV", "NEW_SYN_RECV", "TIME_WAIT"}, "these have no descriptor"
    assert sum(values is None for values in found.values()) == 5
    assert {values.local[0] for values in found.values() if values} >= {"127.0.0.1", "::1", "::", "::ffff:127.0.0.1"}


@pytest.mark.skipif(not has_mptcp(), reason="kernel without MPTCP")
@BOTH
def test_mptcp(inspect_folder: str, other: str) -> None:
    with Child(EVERY_STATE) as child:
        child.run("for family in LOOPBACK: everything(family, 262, 30)")
        found, different = differences(child.pid, inspect_folder, other)
    assert different == []
    assert {(protocol, state) for _family, protocol, state in census(found)} >= {
        ("mptcp", "CLOSE"),
        ("mptcp", "LISTEN"),
        ("mptcp", "ESTABLISHED"),
        ("mptcp", "SYN_SENT"),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace is root's to make")
@BOTH
def test_sockets_of_many_network_namespaces(inspect_folder: str, other: str) -> None:
    """The process ends up in the last of them, as with PrivateNetwork=, and keeps sockets of all."""
    with Child(EVERY_STATE + OWN_NAMESPACE) as child:
        namespaces = [os.stat(f"/proc/{child.pid}/ns/net").st_ino]
        child.run("made(socket.AF_INET, 6)")
        for _number in range(12):  # more than the library remembers
            child.run("unshare(); listener(socket.AF_INET6, 6); pair(socket.AF_INET, 6, listener(socket.AF_INET, 6))")
            namespaces.append(os.stat(f"/proc/{child.pid}/ns/net").st_ino)
        child.run("import random; random.Random(1).shuffle(held)\nheld = [s.dup() for s in held] + held")
        found, different = differences(child.pid, inspect_folder, other)
    assert different == []
    counted = collections.Counter(values.namespace for values in found.values() if values is not None)
    assert counted == {namespaces[0]: 2, **dict.fromkeys(namespaces[1:], 8)}
    assert len(set(namespaces)) == 13


@pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace is root's to make")
def test_namespaces_without_cookies(inspect_folder: str) -> None:
    """Before Linux 5.14 each socket has to be asked for its namespace."""
    from ansible_collections.netops.keepalive.tests.unit.support import seccomp

    with Child(EVERY_STATE + OWN_NAMESPACE) as child:
        child.run("made(socket.AF_INET, 6); unshare(); made(socket.AF_INET, 6)")
        known, different = differences(child.pid, inspect_folder)
        assert different == []
        refused = seccomp.refusing(lambda: differences(child.pid, inspect_folder), {"getsockopt": 92}, {1: 1, 2: 71})
    assert refused == (known, [])
    assert len({values.namespace for values in known.values() if values}) == 2

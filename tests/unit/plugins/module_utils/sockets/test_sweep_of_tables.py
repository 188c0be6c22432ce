# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a sweep makes of what readers and tables say, down to the last field; processes and sockets are made up."""

from __future__ import annotations

import errno
import pathlib
import socket
import struct
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import answering, procnet, threads
from ansible_collections.netops.keepalive.plugins.module_utils.linux.accounts import Account
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.linux.procnet import Address, Row, find_lines
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import sweep as sockets_sweep
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.record import Holder, Record
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.sweep import Sample, Sweep
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.unowned import rows_of_nobody
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import OneByOne, SocketValues

ESTABLISHED, SYN_SENT, CLOSE, LISTEN = 1, 2, 7, 10
HERE, THERE = 4026531840, 4026532999
OWN, PEER = ("192.0.2.1", 443), ("192.0.2.9", 50000)
OPTION_VALUES = {"keepidle": 7200}
NOT_LET = Unreadable(errno.EPERM, "pidfd_getfd")


def values(
    inode: int,
    state: int = ESTABLISHED,
    local: Address = OWN,
    remote: t.Optional[Address] = PEER,
    namespace: t.Optional[int] = HERE,
) -> SocketValues:
    return SocketValues(inode, "ipv4", "tcp", state, local, remote, True, OPTION_VALUES, 2.5, namespace)


class MadeUp(OneByOne):
    """A reader of processes that are not there: (pid, thread) → descriptor → values, None (not TCP) or an inode."""

    def __init__(self, held: t.Mapping[t.Tuple[int, t.Optional[int]], t.Any]) -> None:
        self.held = held
        self.refused: t.Set[int] = set()
        self.asked: t.List[t.Tuple[int, t.Optional[int], t.List[int]]] = []

    def tables(self, pid: int, _proc: t.Any = None) -> t.List[int]:
        return [thread or of for of, thread in self.held if of == pid]

    def descriptors(self, pid: int, _proc: t.Any = None, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        held = self.held[pid, None if thread == pid else thread]
        if isinstance(held, Exception):
            raise held
        return {number: 9 if one is None else getattr(one, "inode", one) for number, one in held.items()}

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        self.asked.append((pid, thread, list(descriptors)))
        for number in descriptors:
            if isinstance(self.held[pid, thread][number], int) or pid in self.refused:
                raise NOT_LET
            yield number, self.held[pid, thread][number]


def hexadecimal(address: Address) -> str:
    (word,) = struct.unpack("=I", socket.inet_aton(address[0]))
    return f"{word:08X}:{address[1]:04X}"


def line(inode: int, state: int = ESTABLISHED, local: Address = OWN, remote: Address = PEER, timer: int = 0) -> str:
    ends = f"{hexadecimal(local)} {hexadecimal(remote)}"
    return f" 0: {ends} {state:02X} 0:0 {timer:02X}:{100:08X} 0 0 0 {inode} 1\n"


class MadeUpProc(Proc):
    """A folder in the place of /proc, with what a test puts there."""

    def add(self, pid: int, namespace: t.Optional[int] = HERE, *lines: str, program: str = "/opt/run") -> None:
        folder = pathlib.Path(self.root) / str(pid)
        for name in ("net", "ns", "task"):
            (folder / name).mkdir(parents=True)
        if namespace:
            (folder / "ns/net").symlink_to(f"net:[{namespace}]")
        (folder / "net/tcp").write_text("the header\n" + "".join(lines))
        (folder / "exe").symlink_to(program)
        (folder / "cgroup").write_text(f"0::/user.slice/user-{pid}.slice/session-1.scope\n")


@pytest.fixture(name="proc")
def proc_fixture(tmp_path: pathlib.Path) -> MadeUpProc:
    return MadeUpProc(str(tmp_path))


def swept(proc: Proc, reader: MadeUp, *pids: int, **further: t.Any) -> Sweep:
    sweep = Sweep(reader, {pid: f"u{pid}.service" for pid in pids}, proc)
    sweep.take(pids, **further)
    return sweep


def test_a_connection_that_came_through_a_listener_of_another_process(proc: MadeUpProc) -> None:
    listener = line(5, LISTEN, ("0.0.0.0", 443), ("0.0.0.0", 0))
    proc.add(1, HERE, listener, line(77))
    proc.add(20, program="/usr/sbin/a")
    sweep = swept(proc, MadeUp({(20, None): {3: values(77), 4: values(77)}}), 20)
    assert sweep.records == {
        77: Record(
            inode=77,
            family="ipv4",
            protocol="tcp",
            state="ESTABLISHED",
            local=OWN,
            remote=PEER,
            keepalive=True,
            options=OPTION_VALUES,
            readable=True,
            idle=2.5,
            namespace=HERE,
            holders=(Holder(20, 3), Holder(20, 4)),
            unit="u20.service",
            direction="accepted",
            listeners=frozenset((5,)),
            program="/usr/sbin/a",
            account=Account("user-20.slice", 20),
            why_unreadable="",
            timer=None,
        )
    }
    assert (sweep.unreadable, sweep.not_read) == ({}, {})
    assert (sweep.process_in(HERE), sweep.process_in(THERE), sweep.process_in(None)) == (1, None, None)


@pytest.mark.parametrize(
    ("state", "shown", "direction", "listeners"),
    [
        (ESTABLISHED, "ESTABLISHED", "accepted", {5}),
        (SYN_SENT, "SYN_SENT", "outgoing", {5}),  # whoever connects from a port on which somebody listens
        (CLOSE, "CLOSE", "unconnected", set()),
        (LISTEN, "LISTEN", "listening", set()),
        (13, "13", "accepted", {5}),  # a state that a later kernel may have
    ],
)
def test_the_direction_follows_from_the_state(
    proc: MadeUpProc, state: int, shown: str, direction: str, listeners: t.Set[int]
) -> None:
    proc.add(1, HERE, line(5, LISTEN))
    proc.add(20)
    record = swept(proc, MadeUp({(20, None): {3: values(77, state)}}), 20).records[77]
    assert (record.state, record.direction, record.listeners) == (shown, direction, listeners)
    assert isinstance(record.listeners, frozenset), "no set of somebody else's, which may change"


def test_a_listener_that_stands_in_no_table_is_known_by_what_was_read(proc: MadeUpProc) -> None:
    """MPTCP's do not, and not every table can be read."""
    proc.add(1)
    proc.add(20)
    held = {
        3: values(77),
        4: values(5, LISTEN, remote=None),
        5: values(6, LISTEN, namespace=THERE),
        6: values(8, CLOSE),
    }
    record = swept(proc, MadeUp({(20, None): held}), 20).records[77]
    assert (record.direction, record.listeners) == ("accepted", {5}), "not that of another namespace"


def test_a_connection_to_elsewhere_is_outgoing(proc: MadeUpProc) -> None:
    proc.add(1, HERE, line(77), line(5, LISTEN, ("192.0.2.1", 80)))
    proc.add(20)
    record = swept(proc, MadeUp({(20, None): {3: values(77)}}), 20).records[77]
    assert (record.direction, record.listeners) == ("outgoing", frozenset())


def test_where_a_socket_is_connecting_to_stands_in_the_table_of_its_namespace(proc: MadeUpProc) -> None:
    proc.add(1, HERE, line(70, remote=("192.0.2.70", 70)), line(77, SYN_SENT, remote=("192.0.2.77", 77)))
    proc.add(20, THERE, line(88, SYN_SENT, remote=("192.0.2.88", 88)))
    held = {
        3: values(77, SYN_SENT, remote=None),
        4: values(88, SYN_SENT, remote=None, namespace=THERE),
        5: values(99, SYN_SENT, remote=None, namespace=12),  # nobody was seen in it
        6: values(78, SYN_SENT, remote=None),  # has gone since
        7: values(79, SYN_SENT, remote=PEER),
        8: values(70, CLOSE, remote=None),
    }
    records = swept(proc, MadeUp({(20, None): held}), 20).records
    remotes = {77: ("192.0.2.77", 77), 88: ("192.0.2.88", 88), 99: None, 78: None, 79: PEER, 70: None}
    assert {inode: record.remote for inode, record in records.items()} == remotes
    assert [records[inode].namespace for inode in (77, 88, 99)] == [HERE, THERE, 12]


def test_a_socket_whose_namespace_the_kernel_does_not_tell_is_in_that_of_its_process(proc: MadeUpProc) -> None:
    proc.add(1, HERE, line(6, LISTEN))
    proc.add(20, THERE, line(5, LISTEN))
    record = swept(proc, MadeUp({(20, None): {3: values(77, namespace=None)}}), 20).records[77]
    assert (record.namespace, record.listeners) == (THERE, {5})


def test_who_is_in_a_namespace_is_looked_for_among_the_threads_once(
    proc: MadeUpProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: t.List[t.Tuple[int, str]] = []
    monkeypatch.setattr(threads, "others_of", lambda pid, root: asked.append((pid, root)) or [21, 22])
    proc.add(1)
    proc.add(20)
    proc.add(22, THERE, line(5, LISTEN))
    held = {3: values(77, namespace=THERE), 4: values(78, namespace=12), 5: values(79, namespace=13)}
    monkeypatch.setattr(Proc, "living", lambda _proc, pid: pid)
    sweep = swept(proc, MadeUp({(20, None): held}), 20)
    assert asked == [(20, proc.root)]
    assert sweep.process_in(THERE) == 22
    assert {inode: record.listeners for inode, record in sweep.records.items()} == {77: {5}, 78: set(), 79: set()}


def test_of_a_process_whose_first_thread_has_ended_another_tells_the_namespace(
    proc: MadeUpProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Proc, "living", lambda _proc, pid: 21 if pid == 20 else pid)
    proc.add(20, None)
    proc.add(21, THERE, line(5, LISTEN))
    sweep = swept(proc, MadeUp({(20, None): {3: values(77, namespace=None)}}), 20)
    assert (sweep.process_in(THERE), sweep.records[77].namespace, sweep.records[77].listeners) == (21, THERE, {5})
    assert sweep.process_in(None) is None


def test_the_lowest_process_in_a_namespace_stands_for_it_and_systemd_for_its_own(proc: MadeUpProc) -> None:
    for pid, namespace in ((1, HERE), (17, THERE), (24, THERE), (16, HERE)):
        proc.add(pid, namespace)
    sweep = swept(proc, MadeUp({}), 24, 17, 16)
    assert [sweep.process_in(namespace) for namespace in (HERE, THERE)] == [1, 17]


def test_what_several_hold_is_read_once_and_what_is_no_tcp_is_asked_for_once(proc: MadeUpProc) -> None:
    proc.add(1)
    both = {3: values(77), 4: None}
    reader = MadeUp({(20, None): both, (20, 25): {**both, 7: values(78)}, (30, None): both, (40, None): {5: None}})
    records = swept(proc, reader, 40, 30, 20).records
    assert reader.asked == [(20, None, [3, 4]), (20, 25, [7])]
    assert records[77].holders == (Holder(20, 3), Holder(20, 3, 25), Holder(30, 3))
    assert records[78].holders == (Holder(20, 7, 25),)


def test_who_does_not_show_his_descriptors_is_told_and_the_others_are_read(proc: MadeUpProc) -> None:
    proc.add(1)
    held = {(20, None): PermissionError(), (20, 25): {7: values(78)}, (30, None): {3: values(77)}}
    sweep = swept(proc, MadeUp(held), 20, 30)
    assert sweep.unreadable == {20: "its descriptors are not shown to this user: run as root (become: true)"}
    assert set(sweep.records) == {77, 78}


def test_what_may_not_be_read_is_known_by_the_table(proc: MadeUpProc, monkeypatch: pytest.MonkeyPatch) -> None:
    proc.add(1, HERE, line(5, LISTEN), line(77, timer=2), line(78))
    proc.add(20)
    sweep = swept(proc, MadeUp({(20, None): {3: 77, 4: 78, 5: 79, 6: 77}}), 20)
    first, second = list(sweep.records.values())
    assert set(sweep.records) == {77, 78}, "79 is no TCP socket of this namespace"
    assert first._replace(why_unreadable="") == Record(
        inode=77,
        family="ipv4",
        protocol=None,
        state="ESTABLISHED",
        local=OWN,
        remote=PEER,
        keepalive=True,
        options=dict.fromkeys(OPTIONS),
        readable=False,
        idle=None,
        namespace=HERE,
        holders=(Holder(20, 3), Holder(20, 6)),
        unit="u20.service",
        direction="accepted",
        listeners=frozenset((5,)),
        program="/opt/run",
        account=Account("user-20.slice", 20),
        timer=1.0,
    )
    why = f"The options cannot be read ({NOT_LET}): {NOT_LET.remedy}."
    assert first.why_unreadable == f"{why} Its timer shows that keepalive is on."
    assert (second.keepalive, second.timer, second.holders) == (False, None, (Holder(20, 4),))


def test_what_may_not_be_read_is_looked_up_where_its_process_or_thread_is(proc: MadeUpProc) -> None:
    proc.add(1, HERE, line(77))
    proc.add(20, None, line(78))
    proc.add(25, THERE, line(79))
    sweep = swept(proc, MadeUp({(20, None): {3: 77, 4: 78}, (20, 25): {5: 79, 6: 77}}), 20)
    assert {inode: (record.namespace, record.holders) for inode, record in sweep.records.items()} == {
        78: (None, (Holder(20, 4),)),
        79: (THERE, (Holder(20, 5, 25),)),
    }


def test_the_tables_of_a_namespace_are_read_once(proc: MadeUpProc, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: t.List[int] = []
    real = sockets_sweep.read_timers
    monkeypatch.setattr(sockets_sweep, "read_timers", lambda pid, of: asked.append(pid) or real(pid, of))
    proc.add(1, HERE, line(77), line(78))
    for pid in (20, 30):
        proc.add(pid, HERE)
    tables: t.List[t.Any] = []
    read = procnet.read_tables
    monkeypatch.setattr(procnet, "read_tables", lambda pid, **how: tables.append((pid, how)) or read(pid, **how))
    sweep = swept(proc, MadeUp({(20, None): {3: 77}, (30, None): {3: 78}}), 20, 30)
    assert (set(sweep.records), asked) == ({77, 78}, [1])
    both_looks = [(1, {"proc": proc})] * 2
    assert tables == [*both_looks, (1, {"listening_only": True, "proc": proc})], "and of the listeners no more"


def test_what_one_may_read_and_another_not_is_read(proc: MadeUpProc) -> None:
    """Whoever comes first; who cannot be read holds it all the same, and no holder is listed twice."""
    proc.add(1, HERE, line(77), line(78))
    proc.add(10)
    proc.add(30)
    for before, after in ((10, 30), (30, 10)):
        reader = MadeUp({(before, None): {3: values(77)}, (after, None): {4: values(77), 5: values(78)}})
        reader.refused = {after}
        records = swept(proc, reader, before, after).records
        assert {inode: record.readable for inode, record in records.items()} == {77: True, 78: False}
        assert records[77].holders == tuple(sorted((Holder(before, 3), Holder(after, 4))))
        assert records[78].holders == (Holder(after, 5),)


def test_what_was_read_before_the_reading_was_refused_stays_read(proc: MadeUpProc) -> None:
    proc.add(1, HERE, line(77), line(78))
    proc.add(20)
    records = swept(proc, MadeUp({(20, None): {3: values(77), 4: 78, 5: 77}}), 20).records
    assert {inode: (record.readable, record.holders) for inode, record in records.items()} == {
        77: (True, (Holder(20, 3), Holder(20, 5))),
        78: (False, (Holder(20, 4),)),
    }


def test_a_sample_reads_some_connections_and_all_listeners_and_counts_the_rest(proc: MadeUpProc) -> None:
    lines = [line(inode) for inode in range(100, 110)] + [line(5, LISTEN)]
    proc.add(1, HERE, *lines)
    held = {
        (20, None): {number: values(100 + number) for number in range(10)},
        (20, 25): {3: values(5, LISTEN), 4: values(200), 5: None},
        (17, None): PermissionError(),
        (17, 31): {3: values(100)},
    }
    sweep = swept(proc, MadeUp(held), 20, 17, sample=Sample(2, lambda *_row: True))
    assert set(sweep.records) == {100, 105, 5, 200}
    assert sweep.not_read == {"u20.service": 8}


@pytest.mark.parametrize("watched", [True, False])
def test_what_nobody_holds_is_known_where_the_sweep_is_watched(proc: MadeUpProc, watched: bool) -> None:
    proc.add(1, HERE, line(77), line(78), line(0))
    proc.add(20, THERE, line(88), line(89, LISTEN), line(90))
    reader = MadeUp({(20, None): {3: values(77), 4: values(88), 5: 90}})
    sweep = Sweep(reader, {}, proc, watched=True) if watched else Sweep(reader, {}, proc)
    sweep.take([20])
    reader.held = {(1, None): {}, (20, None): PermissionError()}  # by the second look they are gone
    assert {row.inode for row in sweep.unowned()} == ({78, 89} if watched else set())


def test_who_does_not_let_himself_be_read_is_not_looked_at_again(
    proc: MadeUpProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    proc.add(1, HERE, line(77), line(78))
    proc.add(20)
    proc.add(30)
    monkeypatch.setitem(answering.SILENT, 20, "silent")
    reader = MadeUp({(20, None): AssertionError("looked at"), (30, None): {4: values(78)}})
    expected = [Row("ipv4", OWN, PEER, ESTABLISHED, 0, 77, 1.0)]
    assert (
        rows_of_nobody({77, 78, 79}, set(), lambda wanted: find_lines(1, wanted, proc), lambda: reader, proc)
        == expected
    )


def row(inode: int, state: int = ESTABLISHED) -> Row:
    return Row("ipv4", OWN, ("192.0.2.9", inode), state, 0, inode)


ROWS = {inode: row(inode) for inode in range(10)}


@pytest.mark.parametrize(
    ("size", "read", "counts"),
    [
        (0, set(), {"a": 10}),
        (1, {0}, {"a": 9}),
        (3, {0, 3, 6}, {"a": 7}),
        (9, {0, 1, 2, 3, 4, 5, 6, 7, 8}, {"a": 1}),
        (10, set(range(10)), {}),
        (11, set(range(10)), {}),
    ],
)
def test_a_sample_is_spread_over_old_and_new_connections(size: int, read: t.Set[int], counts: t.Dict[str, int]) -> None:
    held = {"a": [*range(9, -1, -1), 3, 99], "none": [], "other": [99]}
    left_out, counted = Sample(size, lambda *_row: True).leave_out(held, ROWS)
    assert (left_out, counted) == (set(ROWS) - read, counts)


def test_a_sample_takes_of_those_that_pass_the_filter_and_counts_no_others() -> None:
    asked: t.List[t.Tuple[str, Address, t.Optional[Address]]] = []

    def takes(state: str, local: Address, remote: t.Optional[Address]) -> bool:
        asked.append((state, local, remote))
        return remote is not None and remote[1] % 2 == 0

    rows = {1: row(1), 2: row(2, 13), 4: row(4), 6: row(6), 7: row(7, LISTEN)}
    assert Sample(1, takes).leave_out({"a": rows}, rows) == ({1, 4, 6}, {"a": 2})
    assert asked == [
        ("ESTABLISHED", OWN, ("192.0.2.9", 1)),
        ("13", OWN, ("192.0.2.9", 2)),
        ("ESTABLISHED", OWN, ("192.0.2.9", 4)),
        ("ESTABLISHED", OWN, ("192.0.2.9", 6)),
    ]


def test_what_a_sample_left_out_with_one_unit_is_not_counted_with_another() -> None:
    held = {"a": [0, 1, 2], "b": [1, 2, 3]}
    assert Sample(1, lambda *_row: True).leave_out(held, ROWS) == ({1, 2}, {"a": 2})

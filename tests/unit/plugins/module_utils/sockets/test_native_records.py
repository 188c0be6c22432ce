# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How what the library fills in is taken apart: records, changes and errnos that a test has made, field by field."""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import types
import typing as t

import _cffi_backend
import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import stuck
from ansible_collections.netops.keepalive.plugins.module_utils.linux.unreadable import Unreadable
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import OPTIONS
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.native import (
    Library,
    NativeReader,
    NativeSetter,
    Unavailable,
)
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import Applied, SocketValues
from ansible_collections.netops.keepalive.tests.unit.support.held import nothing_left_open
from ansible_collections.netops.keepalive.tests.unit.support.live_processes import Child

ME = os.geteuid()
MINIMAL, NONE = -(2**31), -(2**31) + 1
NUMBERS = list(range(101, 109))
NAMED = dict(zip(OPTIONS, NUMBERS))
IPV4, IPV6 = socket.inet_aton("192.0.2.1"), socket.inet_pton(socket.AF_INET6, "2001:db8::1")


@pytest.fixture(name="library")
def library_fixture(inspect_folder: str) -> Library:
    return Library(inspect_folder, ME)


def record(library: Library, **changes: t.Any) -> bytes:
    fields = {
        "inode": 77,
        "netns": 4026531840,
        "fd": 5,
        "kind": 6,
        "version": 4,
        "state": 1,
        "keepalive": 1,
        "idle": 1500,
        "local_port": 443,
        "remote_port": 50000,
        "local": IPV4,
        "remote": socket.inet_aton("192.0.2.9"),
        "values": struct.pack("=8i", *NUMBERS),
    }
    return library.record.pack(*{**fields, **changes}.values())


READ = SocketValues(
    inode=77,
    family="ipv4",
    protocol="tcp",
    state=1,
    local=("192.0.2.1", 443),
    remote=("192.0.2.9", 50000),
    keepalive=True,
    options=NAMED,
    idle=1.5,
    namespace=4026531840,
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, READ),
        ({"kind": 262}, READ._replace(protocol="mptcp")),
        ({"netns": 0}, READ._replace(namespace=None)),
        ({"netns": 1}, READ._replace(namespace=1)),
        ({"keepalive": 0}, READ._replace(keepalive=False)),
        ({"idle": -1}, READ._replace(idle=None)),
        ({"idle": 0}, READ._replace(idle=0.0)),
        ({"idle": 1}, READ._replace(idle=0.001)),
        ({"remote_port": -1}, READ._replace(remote=None)),
        ({"remote_port": 0}, READ._replace(remote=("192.0.2.9", 0))),
        ({"local_port": 0, "state": 7}, READ._replace(local=("192.0.2.1", 0), state=7)),
        (
            {"version": 6, "local": IPV6, "remote": bytes(16)},
            READ._replace(family="ipv6", local=("2001:db8::1", 443), remote=("::", 50000)),
        ),
        ({"values": struct.pack("=8i", NONE, *NUMBERS[1:])}, READ._replace(options={**NAMED, "keepidle": None})),
        ({"values": struct.pack("=8i", MINIMAL, *NUMBERS[1:])}, READ._replace(options={**NAMED, "keepidle": MINIMAL})),
        ({"kind": 0}, None),
    ],
)
def test_a_record_becomes_the_values_of_a_socket(
    library: Library, changes: t.Dict[str, t.Any], expected: t.Optional[SocketValues]
) -> None:
    reader = NativeReader(library)
    block = record(library, kind=-1, fd=4) + record(library, **changes) * 2 + record(library, kind=0, fd=6)
    found = list(reader._values(block))
    assert found == [(5, expected), (5, expected), (6, None)], "of what vanished nothing is said"
    assert all(values is None or isinstance(values, SocketValues) for _number, values in found)


def test_no_more_addresses_and_values_are_kept_than_4096(library: Library) -> None:
    reader = NativeReader(library)

    def read(number: int) -> SocketValues:
        address, other = struct.pack(">I", number), struct.pack(">I", number + 0x01000000)
        block = record(library, local=address, remote=address, values=struct.pack("=8i", number, *NUMBERS[1:]))
        block += record(library, version=6, local=address + bytes(12), remote=other + bytes(12))
        first, second = (values for _number, values in reader._values(block))
        assert first is not None and second is not None
        assert first.local[0] == first.remote[0] == socket.inet_ntoa(address)  # type: ignore[index]
        assert second.family == "ipv6" and second.local != second.remote
        assert first.options == {**NAMED, "keepidle": number}
        return first

    assert read(0).options is read(0).options, "many sockets share one mapping"
    for number in range(1, 4095):
        read(number)
    read(4095)
    assert (len(reader._addresses[4]), len(reader._options)) == (4096, 4096)
    read(4096)
    assert (len(reader._addresses[4]), len(reader._options)) == (1, 2)
    assert 0 < len(reader._addresses[6]) <= 4096


class Calls:
    """A library that answers the opening of (process, thread) with a descriptor or -errno."""

    def __init__(self, answers: t.Mapping[t.Tuple[int, int], int]) -> None:
        self._answers = answers
        self.asked: t.List[t.Tuple[int, int]] = []

    def keepalive_inspect_open(self, pid: int, thread: int) -> int:
        self.asked.append((pid, thread))
        return self._answers[pid, thread]


def opening(answers: t.Mapping[t.Tuple[int, int], int]) -> t.Tuple[Library, Calls]:
    library, calls = Library.__new__(Library), Calls(answers)
    library.calls = calls
    return library, calls


@pytest.mark.parametrize(("thread", "asked"), [(None, 0), (20, 0), (21, 21)])
def test_a_process_is_opened_and_a_thread_that_is_not_its_first_as_such(thread: t.Optional[int], asked: int) -> None:
    library, calls = opening({(20, asked): 0})
    assert library.open(20, thread) == 0
    assert calls.asked == [(20, asked)]


@pytest.mark.parametrize("thread", [None, 21])
def test_what_has_ended_is_nothing_and_what_may_not_be_opened_is_named(thread: t.Optional[int]) -> None:
    library, calls = opening({(20, thread or 0): -errno.ESRCH})
    assert library.open(20, thread) is None
    assert len(calls.asked) == 1
    library, _calls = opening({(20, thread or 0): -errno.EPERM})
    with pytest.raises(Unreadable) as error:
        library.open(20, thread)
    assert (error.value.errno, error.value.call) == (errno.EPERM, "pidfd_open")


def test_a_kernel_that_opens_no_threads_is_told_by_ones_own() -> None:
    me = os.getpid()
    held = os.open(os.devnull, os.O_RDONLY)
    library, calls = opening({(20, 21): -errno.EINVAL, (me, me): held})
    assert library.open(20, 21) is None, "this one has ended"
    assert calls.asked == [(20, 21), (me, me)]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(held)
    library, _calls = opening({(20, 21): -errno.EINVAL, (me, me): -errno.EINVAL})
    with pytest.raises(Unreadable) as error:
        library.open(20, 21)
    assert (error.value.errno, error.value.call) == (errno.EINVAL, "pidfd_open of a thread")
    library, calls = opening({(20, 0): -errno.EINVAL})
    assert library.open(20, None) is None
    assert calls.asked == [(20, 0)], "of a process it says only that there is none"


def answering(*answers: t.Any) -> t.Any:
    """Stand for the process in which the library is called."""
    left = list(answers)
    return types.SimpleNamespace(call=lambda _work, *_arguments: left.pop(0))


@pytest.mark.parametrize("number", [errno.ESRCH, errno.EPERM])
def test_where_reading_stops_in_the_middle_what_was_read_comes_first(library: Library, number: int) -> None:
    reader = NativeReader(library)
    blocks = [record(library), record(library, fd=6, kind=0), record(library, kind=-number)]
    reader._apart = answering((2, b"".join(blocks)))
    found = reader.read(20, [5, 6, 7])
    assert [next(found), next(found)] == [(5, READ), (6, None)]
    if number == errno.ESRCH:
        assert list(found) == []
    else:
        with pytest.raises(Unreadable) as error:
            list(found)
        assert (error.value.errno, error.value.call) == (number, "pidfd_getfd")


@pytest.mark.parametrize("number", [errno.ESRCH, errno.EPERM])
def test_where_setting_stops_in_the_middle_what_was_set_comes_first(library: Library, number: int) -> None:
    setter = NativeSetter(library)
    changes = [
        library.change.pack(77, 5, 6, 2, 0),
        library.change.pack(78, 6, 0, 1, 0),  # another socket by now
        library.change.pack(79, 7, 262, 1, 0),
        library.change.pack(80, 8, -number, 1, 0),
    ]
    settings = [
        library.setting.pack(6, 4, 60, 0, 7200, 60),
        library.setting.pack(6, 18, 25000, errno.ENOPROTOOPT, NONE, NONE),
        library.setting.pack(6, 4, 60, 0, 1, 2),
        library.setting.pack(1, 9, 1, 0, 0, 1),
        library.setting.pack(6, 4, 60, 0, 0, 0),
    ]
    setter._apart = answering((3, b"".join(changes), b"".join(settings)))
    plan = {5: (77, [(6, 4, 60), (6, 18, 25000)]), 6: (78, [(6, 4, 60)]), 7: (79, [(1, 9, 1)]), 8: (80, [(6, 4, 60)])}
    found = setter.apply(20, plan)
    assert next(found) == Applied(5, [7200, None], {0: 0, 1: errno.ENOPROTOOPT}, [60, None])
    assert next(found) == Applied(7, [0], {0: 0}, [1])
    if number == errno.ESRCH:
        assert list(found) == []
    else:
        with pytest.raises(Unreadable) as error:
            list(found)
        assert (error.value.errno, error.value.call) == (number, "pidfd_getfd")


@pytest.mark.parametrize("version", ["1.12", "1.12.0rc1", "1.17.1", "2.0.0"])
def test_a_cffi_that_can_check_the_size_of_what_it_is_given_is_used(
    inspect_folder: str, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setattr(_cffi_backend, "__version__", version)
    assert Library(inspect_folder, ME).known(5) == 5
    for older in ("1.11.99", "0.13"):
        monkeypatch.setattr(_cffi_backend, "__version__", older)
        with pytest.raises(Unavailable, match=f"ValueError: cffi {older} is older than 1.12"):
            Library(inspect_folder, ME)


@pytest.mark.skipif(ME != 0, reason="only root can have files that are root's")
def test_what_is_roots_is_trusted_whoever_else_is(inspect_folder: str) -> None:
    assert Library(inspect_folder, 65534).known(5) == 5


def test_who_waits_for_the_list_of_a_process_is_known(library: Library) -> None:
    seen: t.List[t.Optional[int]] = []
    library.list_many = lambda *_room: seen.append(stuck._Now.pid) or 0
    assert NativeReader(library).descriptors(os.getpid()) == {}
    assert seen == [os.getpid()]


@pytest.mark.parametrize(("number", "kind"), [(errno.EPERM, PermissionError), (errno.EIO, OSError)])
def test_a_list_that_breaks_off_is_an_error_with_its_path(library: Library, number: int, kind: t.Type[OSError]) -> None:
    library.list_many = lambda *_room: -number
    with nothing_left_open(), pytest.raises(kind) as error:
        NativeReader(library).descriptors(os.getpid())
    path = f"/proc/{os.getpid()}/fd"
    assert (error.value.errno, error.value.strerror, error.value.filename) == (number, os.strerror(number), path)


def packed(*numbers: int) -> bytes:
    return array.array("i", numbers).tobytes()


def test_what_is_left_open_is_told_with_what_was_done(library: Library) -> None:
    """Of several, one whose close() may wait is enough: then the process that works has to end."""
    reader, setter = NativeReader(library), NativeSetter(library)
    with Child("a = socket.socket(); b = socket.socket(); c = socket.socket()") as child:
        numbers = child.run("answer = [s.fileno() for s in (a, b, c)]")
        inodes = child.run("answer = [os.fstat(s.fileno()).st_ino for s in (a, b, c)]")
        changes = b"".join(library.change.pack(inode, number, 0, 1, 0) for number, inode in zip(numbers, inodes))
        settings = library.setting.pack(6, 4, 60, 0, 0, 0) * 3
        for lingers in (False, True):
            if lingers:
                child.run("b.setsockopt(1, socket.SO_LINGER, struct.pack('ii', 1, 30))")
            (done, block), left = reader._read_some(child.pid, packed(*numbers), None)
            assert (done, left) == (3, lingers)
            assert [fields[0] for fields in library.record.iter_unpack(block)] == inodes
            (done, applied, set_), left = setter._apply_some(child.pid, changes, settings, None)
            assert (done, left) == (3, lingers)
            assert [fields[2] for fields in library.change.iter_unpack(applied)] == [1, 1, 1]
            assert [fields[5] for fields in library.setting.iter_unpack(set_)] == [60, 60, 60]
    assert reader._read_some(child.pid, packed(*numbers), None) == ((0, b""), False)
    assert setter._apply_some(child.pid, changes, settings, None) == ((0, b"", b""), False)

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and set the TCP sockets of another process with the installed libkeepalive_inspect.so.

The records are those of sockets/portable.py, several times faster. cffi learns the library's interface from the header
that is installed beside it (sockets/declarations.py is what makes that fast). A call fills one block of memory for many
sockets, and the block is taken apart here a whole record at a time: looking at single fields through cffi would take
longer than all the system calls.
"""

from __future__ import annotations

import _socket  # what socket adds to it are enums, and making them takes 10 ms
import array
import itertools
import os
import struct
import typing as t

from ..linux import threads
from ..linux.apart import Apart
from ..linux.procfs import HOST, Proc
from ..linux.stuck import reads
from ..linux.trusted import fault
from ..settings.options import INSPECT, OPTIONS
from .declarations import ARGUMENTS, SOURCE
from .values import (
    BATCH,
    PROTOCOLS,
    Applied,
    OneByOne,
    SettingPlan,
    SocketOption,
    SocketValues,
    is_gone,
    raise_unless_gone,
    raise_without_threads,
)

HEADER = "keepalive_inspect.h"

VERSION = 3
"""Of the library's interface: what is called here, and how it is laid out."""

_REMEMBERED = 4096
"""Addresses, and sets of values, that are kept in their final form because they come again and again."""

_FIELDS = {
    "record": [
        *("inode", "netns", "fd", "kind", "version", "state", "keepalive", "idle", "local_port", "remote_port"),
        *("local", "remote", "values"),
    ],
    "values": list(OPTIONS),
    "change": ["inode", "fd", "kind", "settings", "unused"],
    "setting": ["level", "option", "value", "error", "before", "after"],
}
_CODES = {"int32_t": "i", "uint32_t": "I", "uint64_t": "Q"}
_FAMILIES = {4: (_socket.AF_INET, 4, "ipv4"), 6: (_socket.AF_INET6, 16, "ipv6")}


class Unavailable(Exception):
    """The library cannot be used on this host; the text says why."""


class Library:
    """The loaded library, and how what it gives out is laid out in memory."""

    def __init__(self, folder: str, owner: int) -> None:
        """Load it; raises Unavailable where it is not there, not to be trusted, or not the one that we understand.

        It gets into a process of root's: nobody but root (or owner) may be able to change it, see linux/trusted.py.
        """
        library, header = os.path.join(folder, INSPECT), os.path.join(folder, HEADER)
        wrong = fault(library, (0, owner)) or fault(header, (0, owner))
        if wrong:
            raise Unavailable(wrong)
        try:
            self.ffi = _declare(header)
            self.calls = self.ffi.dlopen(library)
            declared, version = self.calls.KEEPALIVE_INSPECT_VERSION, self.calls.keepalive_inspect_version()
            if declared == version == VERSION:
                self.compare_tables = self.calls.keepalive_inspect_compare
                self.list_many = self.calls.keepalive_inspect_list
                self.read_many = self.calls.keepalive_inspect_read
                self.apply_many = self.calls.keepalive_inspect_apply
                self.record, self.values, self.change, self.setting = (_layout(self.ffi, name) for name in _FIELDS)
                self.none: int = self.calls.KEEPALIVE_INSPECT_NONE
        except ImportError as error:
            raise Unavailable(f"this Python has no cffi: {error}") from error
        except Exception as error:  # of a broken header cffi says what pycparser says, or an assertion
            raise Unavailable(f"{library} cannot be used: {type(error).__name__}: {error}") from error
        if declared != version:
            raise Unavailable(f"{library} has version {version} of its interface, {HEADER} beside it is {declared}")
        if version != VERSION:
            wanted = f"not {VERSION}: build the libraries again"
            raise Unavailable(f"{library} has version {version} of its interface, {wanted}")

    def open(self, pid: int, thread: t.Optional[int]) -> t.Optional[int]:
        """Return a descriptor for the process, or one of its threads; None where it has ended."""
        if thread == pid:
            thread = None
        process: int = self.calls.keepalive_inspect_open(pid, thread or 0)
        if process < 0:
            if thread:
                raise_without_threads(-process, self._open_own)
            raise_unless_gone(-process, "pidfd_open")
            return None
        return process

    def _open_own(self) -> None:
        os.close(self.calls.keepalive_inspect_open(os.getpid(), os.getpid()))  # OSError where it is none, but -errno

    def known(self, value: int) -> t.Optional[int]:
        """Return the value of an option, None where the socket has no such option."""
        return None if value == self.none else value


class NativeReader(OneByOne):
    """Reads sockets process by process, like PortableReader."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._apart = Apart()
        self._addresses: t.Dict[int, t.Dict[bytes, str]] = {version: {} for version in _FAMILIES}
        self._options: t.Dict[bytes, t.Dict[str, t.Optional[int]]] = {}

    def tables(self, pid: int, proc: Proc = HOST) -> t.List[int]:
        """Return a thread for each table of descriptors of a process: nearly always only the process itself."""
        return threads.with_tables(pid, self._library.compare_tables, proc.root)

    def descriptors(self, pid: int, proc: Proc = HOST, thread: t.Optional[int] = None) -> t.Dict[int, int]:
        """Return descriptor → inode of the sockets that a process holds; PermissionError where they are not shown.

        :param thread: one of tables, whose descriptors are wanted instead of those of the process.
        """
        return reads(self._list)(pid, threads.folder_of(pid, thread, proc.root))

    def _list(self, _pid: int, path: str) -> t.Dict[int, int]:
        try:
            folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            if is_gone(error.errno):
                return {}
            raise
        descriptors, inodes = array.array("i", range(BATCH)), array.array("Q", range(BATCH))  # so much room
        from_buffer = self._library.ffi.from_buffer
        room = (from_buffer("int32_t[]", descriptors), from_buffer("uint64_t[]", inodes), BATCH)
        found: t.Dict[int, int] = {}
        try:
            while True:
                count = self._library.list_many(folder, *room)
                if count < 0:
                    raise OSError(-count, os.strerror(-count), path)
                if count == 0:
                    return found
                found.update(zip(descriptors[:count], inodes))
        finally:
            os.close(folder)

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Yield each descriptor with its values, or with None where it is not TCP. What vanished is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        layout = self._library.record
        rest = iter(descriptors)
        while True:
            wanted = array.array("i", itertools.islice(rest, BATCH))
            if not wanted:
                return
            done, block = self._apart.call(self._read_some, pid, wanted.tobytes(), thread)
            yield from self._values(block[: layout.size * done])
            if layout.size * done < len(block):
                raise_unless_gone(-layout.unpack_from(block, layout.size * done)[3], "pidfd_getfd")

    def _read_some(
        self, pid: int, wanted: bytes, thread: t.Optional[int]
    ) -> t.Tuple[t.Tuple[int, t.Union[bytes, bytearray]], bool]:
        """Return how many were dealt with and the records, with that of the first that was not; see Apart."""
        ffi, layout = self._library.ffi, self._library.record
        process, count = self._library.open(pid, thread), len(wanted) // array.array("i").itemsize
        if process is None:
            return (0, b""), False
        block = bytearray(layout.size * count)
        left = ffi.new("uint32_t *")
        try:
            done = self._library.read_many(
                process,
                ffi.from_buffer("int32_t[]", wanted),
                count,
                ffi.from_buffer("struct keepalive_record[]", block),
                left,
            )
        finally:
            os.close(process)
        return (done, block[: layout.size * (done + 1)]), left[0] > 0

    def _values(self, block: bytes) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        """Take records apart. This loop is what a sweep costs beyond the system calls, hence its shape."""
        make = tuple.__new__
        families = {version: family for version, (_number, _length, family) in _FAMILIES.items()}
        for (inode, netns, fd, kind, version, state, keepalive, idle, port, remote_port, local, remote, values) in (
            self._library.record.iter_unpack(block)
        ):  # fmt: skip
            if kind <= 0:
                if kind == 0:
                    yield fd, None
                continue
            addresses = self._addresses[version]
            options = self._options.get(values) or self._learn_options(values)
            remote_address = None
            if remote_port >= 0:
                remote_address = (addresses.get(remote) or self._learn_address(version, remote), remote_port)
            fields = (
                inode,
                families[version],
                PROTOCOLS[kind],
                state,
                (addresses.get(local) or self._learn_address(version, local), port),
                remote_address,
                keepalive == 1,
                options,
                idle / 1000 if idle >= 0 else None,
                netns or None,
            )
            yield fd, make(SocketValues, fields)

    def _learn_address(self, version: int, packed: bytes) -> str:
        number, length, _family = _FAMILIES[version]
        known = self._addresses[version]
        if len(known) >= _REMEMBERED:
            known.clear()
        return known.setdefault(packed, _socket.inet_ntop(number, packed[:length]))

    def _learn_options(self, packed: bytes) -> t.Dict[str, t.Optional[int]]:
        if len(self._options) >= _REMEMBERED:
            self._options.clear()
        values = map(self._library.known, self._library.values.unpack(packed))
        return self._options.setdefault(packed, dict(zip(OPTIONS, values)))


class NativeSetter(OneByOne):
    """Sets options process by process, like PortableSetter."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._apart = Apart()

    def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        """Yield what became of each descriptor. What vanished, or is another socket by now, is left out.

        Raises Unreadable where the kernel does not let us duplicate anything of this process, or thread.
        """
        rest = iter(plan.items())
        while True:
            batch = list(itertools.islice(rest, BATCH))
            if not batch:
                return
            yield from self._apply(pid, batch, thread)

    def _apply(
        self, pid: int, batch: t.Sequence[t.Tuple[int, t.Tuple[int, t.Sequence[SocketOption]]]], thread: t.Optional[int]
    ) -> t.Iterator[Applied]:
        change, setting = self._library.change, self._library.setting
        known = self._library.known
        changes = b"".join(
            change.pack(inode, descriptor, 0, len(settings), 0) for descriptor, (inode, settings) in batch
        )
        settings_of = [setting.pack(*one, 0, 0, 0) for _descriptor, (_inode, settings) in batch for one in settings]
        done, changes, settings = self._apart.call(self._apply_some, pid, changes, b"".join(settings_of), thread)
        results = setting.iter_unpack(settings)
        for _inode, descriptor, kind, count, _unused in change.iter_unpack(changes[: change.size * done]):
            own = list(itertools.islice(results, count))
            if kind > 0:
                yield Applied(
                    descriptor,
                    [known(before) for _level, _option, _value, _error, before, _after in own],
                    {index: result[3] for index, result in enumerate(own)},
                    [known(result[5]) for result in own],
                )
        if change.size * done < len(changes):
            raise_unless_gone(-change.unpack_from(changes, change.size * done)[2], "pidfd_getfd")

    def _apply_some(
        self, pid: int, changes: bytes, settings: bytes, thread: t.Optional[int]
    ) -> t.Tuple[t.Tuple[int, t.Union[bytes, bytearray], t.Union[bytes, bytearray]], bool]:
        """Return how many were dealt with, and what has become of both arrays; see Apart."""
        ffi, process = self._library.ffi, self._library.open(pid, thread)
        if process is None:
            return (0, b"", b""), False
        done_changes, done_settings, left = bytearray(changes), bytearray(settings), ffi.new("uint32_t *")
        try:
            done = self._library.apply_many(
                process,
                ffi.from_buffer("struct keepalive_change[]", done_changes),
                len(changes) // self._library.change.size,
                ffi.from_buffer("struct keepalive_setting[]", done_settings),
                left,
            )
        finally:
            os.close(process)
        return (done, done_changes, done_settings), left[0] > 0


def _declare(header: str) -> t.Any:
    """Return what cffi needs to call what a header declares: made beforehand for our own, which is faster."""
    import _cffi_backend

    if tuple(map(int, _cffi_backend.__version__.split(".")[:2])) < (1, 12):
        raise ValueError(f"cffi {_cffi_backend.__version__} is older than 1.12")
    with open(header, "rb") as stream:
        content = stream.read()
    if content == SOURCE:  # not by its hash: loading OpenSSL for that takes longer than reading thousands of sockets
        return _cffi_backend.FFI("keepalive_inspect", **ARGUMENTS)
    import cffi

    ffi = cffi.FFI()
    ffi.cdef("".join(line for line in content.decode("utf-8").splitlines(True) if not line.startswith("#")))
    return ffi


def _layout(ffi: t.Any, name: str) -> struct.Struct:
    """Return how a structure of the header lies in memory; ValueError where it is another one than we know."""
    kind = ffi.typeof(f"struct keepalive_{name}")
    fields = [field for field, _description in kind.fields]
    if fields != _FIELDS[name]:
        raise ValueError(f"{kind.cname} has the fields {', '.join(fields)}")
    layout = struct.Struct("=" + "".join(_code(ffi, description.type) for _field, description in kind.fields))
    if layout.size != ffi.sizeof(kind):
        raise ValueError(f"{kind.cname} has {ffi.sizeof(kind)} bytes instead of {layout.size}")
    return layout


def _code(ffi: t.Any, kind: t.Any) -> str:
    return _CODES.get(kind.cname) or f"{ffi.sizeof(kind)}s"

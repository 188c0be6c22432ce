# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read and set the TCP sockets of whole network namespaces at once, and list who holds which, by the kernel's iterators
(bpf/iterator.py, bpf/iterator_files.py).

The one waits for the lock of each socket, which its owner may keep as long as he likes; the other may be the last that
has a socket which lingers. So they, too, run in a process that can be given up.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import typing as t

from ..bpf.iterator import deferred_seconds, name_of_address, options_of, read_content, records_in, ticks_of_a_second
from ..bpf.iterator_files import Tables, tables_in, tables_now
from ..bpf.iterator_set import SocketPlan, can_set, set_sockets
from ..bpf.system_call import BpfRefused
from ..linux.apart import Apart
from ..linux.collecting import without_collecting
from ..linux.procfs import HOST, Proc
from ..linux.unreadable import Unreadable
from ..settings.options import OPTIONS
from .defaults import enter_network_namespace, open_namespace
from .values import Applied, AtOnce, Namespaces, SocketOption, SocketValues

_SYN_SENT, _CLOSE, _LISTEN = 2, 7, 10
_OWN_NUMBERS = re.compile(rb"^NSpid:\t([0-9\t]+)$", re.MULTILINE)
_FAMILIES = {int(socket.AF_INET): "ipv4", int(socket.AF_INET6): "ipv6"}


class Iterator:
    """Looks at whole namespaces, and sets sockets there, until something is in its way."""

    def __init__(self) -> None:
        self._apart = Apart()
        self._places: t.Dict[int, t.Tuple[int, str]] = {}
        self.why_not = ""
        """What was in its way; then nobody is asked again."""
        self.why_no_tables = ""
        """The same of what lists who holds which."""

    def look(self, namespaces: Namespaces, proc: Proc = HOST) -> AtOnce:
        """Return what is known of the sockets of these namespaces; nothing where that cannot be told."""
        seen = AtOnce(set(), {}, {}, {})
        for namespace, pid in namespaces.items():
            content = self._ask_sockets(pid, proc.root, namespace)
            if content is None:
                continue
            self._places[namespace] = pid, proc.root
            seen.namespaces.add(namespace)
            with without_collecting():
                _add_records(content, namespace, seen)
        return seen

    def set(self, namespace: t.Optional[int], wanted: t.Mapping[int, t.Sequence[SocketOption]]) -> t.Dict[int, Applied]:
        """Set options on sockets of a namespace that was looked at, by their keys; what is left out was not done."""
        if namespace is None or namespace not in self._places:
            return {}
        wanted = {key: settings for key, settings in wanted.items() if can_set(settings)}
        if not wanted:
            return {}
        plan = SocketPlan(wanted)
        content = self._ask_sockets(*self._places[namespace], namespace, *plan.parts)
        return {key: Applied(key, *became) for key, became in plan.results_in(content or b"").items()}

    def tables(self, proc: Proc = HOST) -> t.Optional[Tables]:
        """Return the sockets that all processes hold now; None where that cannot be told."""
        if self.why_no_tables or not _has_our_numbers(proc):
            return None
        content, self.why_no_tables = self._ask()
        return None if content is None else tables_in(content)

    def _ask_sockets(self, *arguments: t.Any) -> t.Optional[bytes]:
        if self.why_not:
            return None
        content, self.why_not = self._ask(*arguments)
        return content

    def _ask(self, *arguments: t.Any) -> t.Tuple[t.Optional[bytes], str]:
        """Have the child do it; both look by it, so that it reads the kernel's description of itself once."""
        try:
            return t.cast("t.Tuple[t.Optional[bytes], str]", self._apart.call(_work_there, os.getpid(), *arguments))
        except (OSError, Unreadable) as error:
            return None, str(error)


def _add_records(content: bytes, namespace: int, seen: AtOnce) -> None:
    """Take the records of a namespace apart. This loop is half of what 100,000 sockets cost."""
    make, ticks = tuple.__new__, ticks_of_a_second()
    names = {family: _Names(family) for family in _FAMILIES}
    blocks = _Blocks()
    for record in records_in(content):
        cgroup, key, inode, local, peer, family, state, port, peer_port, silent, deferred, block = record
        if inode:
            seen.inodes[inode] = cgroup
        if not key or family not in names:
            continue
        if key < 0 or state == _LISTEN:
            seen.cgroups[key] = cgroup
        addresses = names[family]
        keepalive, options = blocks[block, deferred]
        connected = state not in (_SYN_SENT, _CLOSE, _LISTEN)
        fields = (
            key,
            _FAMILIES[family],
            "tcp",
            state,
            (addresses[local], port),
            (addresses[peer], peer_port) if connected or state == _SYN_SENT else None,
            keepalive,
            options,
            silent / ticks if connected else None,
            namespace,
        )
        seen.values[key] = make(SocketValues, fields)


class _Names(t.Dict[bytes, str]):
    """Addresses as text, each made once for all sockets that have it."""

    def __init__(self, family: int) -> None:
        super().__init__()
        self._family = family

    def __missing__(self, address: bytes) -> str:
        name = self[address] = name_of_address(self._family, address)
        return name


class _Blocks(t.Dict[t.Tuple[bytes, int], t.Tuple[bool, t.Mapping[str, t.Optional[int]]]]):
    """Whether keepalive is on, and the options, made once for all sockets that have the same."""

    def __missing__(self, key: t.Tuple[bytes, int]) -> t.Tuple[bool, t.Mapping[str, t.Optional[int]]]:
        block, deferred = key
        told = {**options_of(block), "defer_accept": deferred_seconds(deferred)}
        found = self[key] = told["keepalive"] == 1, {name: told[name] for name in OPTIONS}
        return found


def _has_our_numbers(proc: Proc) -> bool:
    """Tell whether this shows the processes of our PID namespace: then a process has as many numbers as levels, 1."""
    try:
        with open(f"{proc.root}/self/status", "rb") as stream:
            found = _OWN_NUMBERS.search(stream.read())
    except OSError:
        return False
    return found is not None and found[1].split() == [b"%d" % os.getpid()]


def _work_there(_pid: int, *where: t.Any) -> t.Tuple[t.Tuple[t.Optional[bytes], str], bool]:
    """List in the child who holds what, or read a namespace, or carry out a plan there.

    :param where: Nothing for the list; else a process, what stands for /proc there, the namespace, and a plan's parts.
    :returns: The records, and what the kernel refused.
    """
    try:
        if not where:
            return (tables_now(), ""), False
        pid, root, namespace, *plan = where
        with _within(pid, root, namespace):
            return (set_sockets(*plan) if plan else read_content(), ""), False
    except BpfRefused as error:
        return (None, str(error)), False
    except OSError:  # of this namespace; others may be read
        return (None, ""), False


@contextlib.contextmanager
def _within(pid: int, root: str, namespace: int) -> t.Iterator[None]:
    """Be in a network namespace as long as this lasts.

    :raises OSError: It cannot be entered: the process that was in it has gone, for instance.
    """
    with open_namespace(os.getpid(), "/proc") as own:
        if os.fstat(own.fileno()).st_ino == namespace:
            yield
            return
        with open_namespace(pid, root) as other:
            if os.fstat(other.fileno()).st_ino != namespace:
                raise ProcessLookupError("it has gone, and another process has its number")
            enter_network_namespace(other.fileno())
        try:
            yield
        finally:
            enter_network_namespace(own.fileno())

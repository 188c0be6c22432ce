# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reader and setter of all sockets at once, asked for single descriptors as the sweep and a live run ask it.

So the tests of the readers and setters, which go by descriptors, hold for it as well.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils.linux.procfs import Proc
from ansible_collections.netops.keepalive.plugins.module_utils.sockets import access as sockets_access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.access import Access
from ansible_collections.netops.keepalive.plugins.module_utils.sockets.values import (
    Applied,
    SettingPlan,
    SocketValues,
)


@functools.lru_cache(maxsize=None)
def why_not_at_once() -> str:
    """Say why this kernel does not tell of all sockets at once; '' where it does."""
    if os.geteuid() != 0:
        return "only root may go through all sockets"
    from ansible_collections.netops.keepalive.plugins.module_utils.bpf.iterator import read_content
    from ansible_collections.netops.keepalive.plugins.module_utils.bpf.system_call import BpfRefused

    try:
        read_content()
    except BpfRefused as error:
        return str(error)
    return ""


def access_at_once(access: Access) -> Access:
    """Return a pair that looks at all sockets at once for each that it is asked for."""
    pair = sockets_access.at_once(access, 1)
    reader, setter = ReaderAtOnce(pair.reader), SetterAtOnce(pair)
    return pair._replace(name="at once", reader=reader, setter=setter)


class ReaderAtOnce:
    """Looks first, and reads what is not seen there from the process."""

    at_once_from = 1

    def __init__(self, reader: t.Any) -> None:
        self.reader = reader
        self._apart = reader._iterator.made()._apart
        self.tables, self.descriptors, self.at_once = reader.tables, reader.descriptors, reader.at_once
        self.listed = reader.listed
        self.seen = 0
        """How many were seen at once."""

    def read(
        self, pid: int, descriptors: t.Iterable[int], thread: t.Optional[int] = None
    ) -> t.Iterator[t.Tuple[int, t.Optional[SocketValues]]]:
        rest = iter(descriptors)
        for batch in iter(lambda: list(itertools.islice(rest, 512)), []):
            values = self.reader.at_once(namespace_of(pid), Proc("/proc")).values
            inodes = inodes_of(pid, thread, batch)
            found = {number: values[inodes[number]] for number in batch if inodes.get(number) in values}
            self.seen += len(found)
            others = self.reader.read(pid, [number for number in batch if number not in found], thread)
            other = next(others, None)
            for number in batch:
                if number in found:
                    yield number, found[number]
                elif other is not None and other[0] == number:
                    yield other
                    other = next(others, None)


class SetterAtOnce:
    """Sets what it can at once, and the rest through the process."""

    at_once_from = 1

    def __init__(self, pair: Access) -> None:
        self.pair = pair
        self._apart = t.cast("t.Any", pair.setter)._iterator.made()._apart
        self.apply_at_once = pair.setter.apply_at_once
        self.done = 0
        """How many were set at once."""

    def apply(self, pid: int, plan: SettingPlan, thread: t.Optional[int] = None) -> t.Iterator[Applied]:
        namespaces = namespace_of(pid)
        self.pair.reader.at_once(namespaces)
        inodes = inodes_of(pid, thread, plan)
        wanted = {inode: settings for number, (inode, settings) in plan.items() if inodes.get(number) == inode}
        done = self.pair.setter.apply_at_once(next(iter(namespaces), 0), wanted)
        self.done += len(done)
        rest = {number: asked for number, asked in plan.items() if asked[0] not in done or number not in inodes}
        for number, (inode, _settings) in plan.items():
            if number not in rest:
                yield done[inode]._replace(descriptor=number)
        if rest:
            yield from self.pair.setter.apply(pid, rest, thread)


def namespace_of(pid: int) -> t.Dict[int, int]:
    with contextlib.suppress(OSError):
        return {os.stat(f"/proc/{pid}/ns/net").st_ino: pid}
    return {}


def inodes_of(pid: int, thread: t.Optional[int], descriptors: t.Iterable[int]) -> t.Dict[int, int]:
    found = {}
    for number in set(descriptors):
        with contextlib.suppress(OSError):
            found[number] = os.stat(f"/proc/{pid}/task/{thread or pid}/fd/{number}").st_ino
    return found

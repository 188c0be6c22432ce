# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the readers and setters of sockets have in common: what they give out, and when they give up.

The native reader imports this and nothing of the portable one, so that it starts as fast as it reads.
"""

from __future__ import annotations

import errno
import os
import typing as t

from ..linux.unreadable import Unreadable

if t.TYPE_CHECKING:
    from ..linux.procnet import Address

PROTOCOLS = {6: "tcp", 262: "mptcp"}
"""IPPROTO_TCP and IPPROTO_MPTCP."""

BATCH = 512
"""Sockets that are looked at in one go: memory stays bounded, and what each go costs does not count any more."""

_VANISHED = (errno.ESRCH, errno.EBADF, errno.EINVAL, errno.ENOENT)
"""The process ended, the descriptor was closed, the number is a thread's (since Linux 6.16 ENOENT)."""


class SocketValues(t.NamedTuple):
    """What the kernel says about one TCP socket."""

    inode: int
    family: str
    protocol: str
    state: int
    local: Address
    remote: t.Optional[Address]
    keepalive: bool
    options: t.Mapping[str, t.Optional[int]]
    """By name of options.OPTIONS; None where the protocol has no such option. Many sockets may share one mapping."""
    idle: t.Optional[float]
    """Seconds since data last went either way, None where that means nothing."""
    namespace: t.Optional[int]
    """Inode of the socket's own network namespace, None where the kernel does not tell us."""


def is_gone(number: t.Optional[int]) -> bool:
    """Tell whether the errno of a call says that there is simply nothing any more."""
    return number in _VANISHED


def raise_unless_gone(number: t.Optional[int], call: str) -> None:
    """Judge the errno of a call: return where there is simply nothing any more, raise Unreadable where we may not."""
    if is_gone(number):
        return
    if number in (errno.ENOSYS, errno.EPERM, errno.EACCES):
        raise Unreadable(number, call)
    raise OSError(number, f"{call}: {os.strerror(number or 0)}")


def raise_without_threads(number: t.Optional[int], open_own: t.Callable[[], None]) -> None:
    """Judge the errno with which a thread could not be opened: raise Unreadable where this kernel opens none at all.

    :param open_own: tries it with this very thread, which is there.
    """
    if number != errno.EINVAL:
        return
    try:
        open_own()
    except OSError as error:
        raise Unreadable(errno.EINVAL, "pidfd_open of a thread") from error


Namespaces = t.Mapping[int, int]
"""Network namespaces, as inodes, each with a process that is in it."""


class AtOnce(t.NamedTuple):
    """What is known of all sockets of some network namespaces, but for those that only their processes tell of."""

    namespaces: t.Set[int]
    """Which these are."""
    values: t.Dict[int, SocketValues]
    """By key: the inode; below 0 where it waits to be accepted, in the queue of a listener."""
    inodes: t.Dict[int, int]
    """As the tables in /proc/net have them, with the kernel's own and those of multipath connections; and for each the
    cgroup that it was made in: the inode of its folder, 0 where that is not known."""
    cgroups: t.Dict[int, int]
    """The same of listeners and of what waits, by key."""


NOTHING_AT_ONCE = AtOnce(set(), {}, {}, {})


_Same = t.TypeVar("_Same")


class OneByOne:
    """A reader, or a setter, that goes by processes and knows nothing of all sockets at once."""

    at_once_from = 0

    def at_once(self, _namespaces: t.Mapping[int, int], _proc: t.Any = None) -> AtOnce:
        """Return nothing."""
        return NOTHING_AT_ONCE

    def listed(self: _Same, _proc: t.Any = None) -> _Same:
        """Return what lists the sockets of a process when it is asked: this reader."""
        return self

    def apply_at_once(
        self, _namespace: t.Optional[int], _wanted: t.Mapping[int, t.Sequence[SocketOption]]
    ) -> t.Dict[int, Applied]:
        """Do nothing."""
        return {}


SocketOption = t.Tuple[int, int, int]
"""Level, option and value of one setsockopt(2)."""

SettingPlan = t.Mapping[int, t.Tuple[int, t.Sequence[SocketOption]]]
"""Of one table: descriptor → the inode that it must have, and what is set, in this order."""


class Applied(t.NamedTuple):
    """What became of one socket; the lists go with the settings, None where the kernel knows no such option."""

    descriptor: int
    before: t.List[t.Optional[int]]
    errors: t.Dict[int, int]
    """Index of the setting → 0, or the errno with which the kernel refused it."""
    after: t.List[t.Optional[int]]

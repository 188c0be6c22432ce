# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a socket with what is expected of its unit, knowing what the kernel makes of the values.

getsockopt gives effective values, and some of them are not what was set: TCP_DEFER_ACCEPT is rounded to a number of
SYN-ACK retransmissions, TCP_MAXSEG reads as the negotiated size once connected, TCP_WINDOW_CLAMP has a floor and is
moved by the receive buffer's autotuning. What cannot be compared is left out rather than guessed.
"""

from __future__ import annotations

import typing as t

from ..settings.expectation import SYSTEMD_OPTIONS, Expectation
from ..settings.options import DERIVE, OPTIONS, SYSTEM, user_timeout_from

_RTO_INITIAL = 1
_RTO_MAX = 120
WINDOW_CLAMP_FLOOR = 1152
"""Half of the kernel's smallest receive buffer on x86-64; sockets/defaults.py measures that of the host."""

LINUX_DEFAULTS: t.Mapping[str, int] = {
    "keepidle": 7200,
    "keepcnt": 9,
    "keepintvl": 75,
    "user_timeout": 0,
    "syncnt": 6,
    "defer_accept": 0,
    "maxseg": 536,
    "window_clamp": 0,
}
"""What a fresh socket reads back where no sysctl was changed; what it does on this host is in sockets/defaults.py."""

Value = t.Union[int, bool, None]


class Kernel(t.NamedTuple):
    """What a kernel makes of values by itself, in a socket's network namespace; sockets/defaults.py finds it out."""

    clamp_floor: int = WINDOW_CLAMP_FLOOR
    """The lowest TCP_WINDOW_CLAMP that it takes."""
    defaults: t.Optional[t.Mapping[str, int]] = None
    """What a fresh socket has; None where that is not known, and then the system's default (0) is not compared."""


ANY_KERNEL = Kernel()
"""One of which nothing is known."""


class WrongOption(t.NamedTuple):
    """One option that is not what it should be; expected is what the kernel would read back if it were right."""

    option: str
    value: Value
    expected: Value


class AtLeast(int):
    """A value that cannot be read itself; it is this or more."""


class Subject(t.NamedTuple):
    """The part of a socket's record that a comparison needs."""

    protocol: str
    state: str
    direction: str
    bound: bool
    """Whether the socket has a local port."""
    keepalive: bool
    options: t.Mapping[str, t.Optional[int]]


def compare(subject: Subject, expectation: Expectation, kernel: Kernel = ANY_KERNEL) -> t.List[WrongOption]:
    """List what is wrong with a socket that concerns the expectation; empty: compliant."""
    wrong: t.List[WrongOption] = []
    if not subject.keepalive:
        wrong.append(WrongOption("keepalive", False, True))
    for name, configured in expectation.tcp.items():
        if not compared(name, subject, expectation):
            continue
        value = subject.options.get(name)
        expected = expected_value(name, configured, subject, kernel)
        if configured == DERIVE:
            when_set = user_timeout_from(expectation.tcp, below=subject.options)
            if value in (when_set, expected):
                continue  # where the application has changed the parts since, those are what is wrong
            expected = expected and when_set  # what was asked for, not what comes of parts that nobody asked for
        if expected is not None and not _matches(name, value, expected, subject):
            wrong.append(WrongOption(name, value, expected))
    return wrong


def compared(name: str, subject: Subject, expectation: Expectation) -> bool:
    """Tell whether an option of this socket can say anything about the expectation."""
    direction = subject.direction
    if expectation.by_systemd:
        if name not in SYSTEMD_OPTIONS:
            return False
    elif not expectation.acting(direction).intersection(OPTIONS[name].libraries):
        return False
    if name == "defer_accept":
        return direction != "accepted"  # accept() does not hand it on: reads 0
    if name == "syncnt":
        return direction in ("outgoing", "unconnected")
    if name == "window_clamp":
        # Receive buffer autotuning moves it as soon as data flows: a connected socket tells nothing.
        return subject.state == "LISTEN" or (subject.state == "CLOSE" and not subject.bound)
    return True


def expected_value(name: str, configured: int, subject: Subject, kernel: Kernel) -> t.Optional[int]:
    """Return what the kernel should read back for a configured value, None where nothing can be said."""
    if configured == SYSTEM:
        return _system_default(name, subject, kernel.defaults)
    if configured == DERIVE:
        if subject.options.get(name) is None:
            return None  # MPTCP has none; nobody asked for a certain time, so nothing is lost but the derivation
        return user_timeout_from(subject.options)
    if name == "defer_accept":
        return rounded_defer_accept(configured)
    if name == "window_clamp":
        return max(configured, kernel.clamp_floor)
    return configured


def _system_default(name: str, subject: Subject, defaults: t.Optional[t.Mapping[str, int]]) -> t.Optional[int]:
    if defaults is None or subject.options.get(name) is None:  # MPTCP has no such option: then it has the system's
        return None
    if name == "maxseg" and subject.state != "LISTEN":
        return None  # that of a connection is the path's, that of a failed one is what is left of it
    return defaults.get(name)


def rounded_defer_accept(seconds: int) -> int:
    """Round as the kernel does: up to the time of 1, 2, 3 … retransmissions with doubled intervals."""
    total = interval = _RTO_INITIAL
    for _retransmission in range(254):
        if total >= seconds:
            break
        interval = min(interval * 2, _RTO_MAX)
        total += interval
    return total


def _matches(name: str, value: t.Optional[int], expected: int, subject: Subject) -> bool:
    if name == "maxseg" and value is not None and subject.state not in ("CLOSE", "LISTEN"):
        return value <= expected  # the current size: options and the path take their share
    return value == expected


def unsupported(item: WrongOption, subject: Subject) -> bool:
    """Tell whether an option is wrong because the protocol has no such option."""
    return item.value is None and subject.protocol == "mptcp"

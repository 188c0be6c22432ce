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

from ..settings.options import (
    DERIVE,
    LIBRARIES,
    OPTIONS,
    SYSTEM,
    as_integer,
    derived_user_timeout,
    problem_with,
)
from ..settings.reasons import REASONS

ACTING = {
    "outgoing": frozenset(("connect", "socket")),
    "listening": frozenset(("listen", "socket")),
    "accepted": frozenset(("listen", "socket")),
    "unconnected": frozenset(("socket",)),
}
"""Direction → the libraries that act on such a socket, or on the listener it inherits from."""

SYSTEMD_OPTIONS = frozenset(("keepidle", "keepcnt", "keepintvl", "defer_accept"))
"""What a .socket unit has directives for (systemd.socket(5)); there is none for the user timeout."""

EXPECTED: t.Dict[str, t.Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "name": {"type": "str", "required": True},
        "libraries": {"type": "list", "elements": "str", "choices": sorted(LIBRARIES), "default": []},
        "tcp": {"type": "dict", "default": {}, "options": {name: {"type": "int"} for name in OPTIONS}},
        "accept": {"type": "list", "elements": "str", "choices": list(REASONS), "default": []},
        "min_sockets": {"type": "int", "default": 0},
        "live": {"type": "bool", "default": False},
        "overwrite": {"type": "bool", "default": False},
        "respect": {"type": "bool", "default": False},
    },
}
"""The parameter of modules that parse_expected() takes."""

_RTO_INITIAL = 1
_RTO_MAX = 120
WINDOW_CLAMP_FLOOR = 1152
"""Half of the kernel's smallest receive buffer on x86-64; the readers measure that of the host."""

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


class Expectation(t.NamedTuple):
    """What is expected of the sockets of one unit."""

    name: str
    libraries: t.FrozenSet[str]
    """Empty for a .socket unit, whose options systemd itself sets."""
    tcp: t.Dict[str, int]
    accept: t.FrozenSet[str]
    """Reasons that are reported but are no failure."""
    min_sockets: int
    live: bool = False
    """The values are also set on open sockets, see live/changes.py."""
    respect: bool = False
    overwrite: bool = False
    """What of them the application has set itself: keepalive that is on is left alone, or nothing is."""

    @property
    def by_systemd(self) -> bool:
        """Tell whether systemd's directives set the options, and not a library."""
        return self.name.endswith(".socket")

    def acting(self, direction: str) -> t.FrozenSet[str]:
        """Return the libraries of this unit that have a say on sockets of a direction."""
        return self.libraries & ACTING[direction]

    def concerns(self, direction: str) -> bool:
        """Tell whether sockets of a direction are this unit's service direction."""
        if self.by_systemd:
            return direction in ("listening", "accepted")
        return bool(self.acting(direction))


class Wrong(t.NamedTuple):
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


def parse_expected(entries: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Expectation]:
    """Check the module's parameter; ValueError names the place, the value and what would be right."""
    expectations: t.List[Expectation] = []
    for index, entry in enumerate(entries):
        name = entry["name"]
        where = f"expected[{index}] '{name}'"
        if any(name == earlier.name for earlier in expectations):
            raise ValueError(f"{where}: this unit is listed twice: list each unit once")
        libraries = frozenset(entry.get("libraries") or ())
        unknown = sorted(libraries - set(LIBRARIES))
        if unknown:
            raise ValueError(f"{where}: libraries: {unknown[0]!r} is none of {', '.join(sorted(LIBRARIES))}")
        if name.endswith(".socket") and libraries:
            raise ValueError(f"{where}: libraries: a .socket unit takes none, systemd itself sets its options")
        if not name.endswith(".socket") and not libraries:
            raise ValueError(f"{where}: libraries: name at least one of {', '.join(sorted(LIBRARIES))}")
        accept = frozenset(entry.get("accept") or ())
        unknown = sorted(accept - set(REASONS))
        if unknown:
            raise ValueError(f"{where}: accept: {unknown[0]!r} is none of {', '.join(REASONS)}")
        min_sockets = entry.get("min_sockets") or 0
        if min_sockets < 0:
            raise ValueError(f"{where}: min_sockets: {min_sockets} is negative: expected 0 or more sockets")
        if entry.get("respect") and entry.get("overwrite"):
            raise ValueError(f"{where}: overwrite: contradicts respect: leave one of them out")
        expectations.append(
            Expectation(
                name,
                libraries,
                _parse_tcp(entry.get("tcp") or {}, where),
                accept,
                min_sockets,
                **{key: bool(entry.get(key)) for key in ("live", "respect", "overwrite")},
            )
        )
    return expectations


def _parse_tcp(values: t.Mapping[str, t.Any], where: str) -> t.Dict[str, int]:
    tcp: t.Dict[str, int] = {}
    for name, value in values.items():
        if value is None:
            continue
        if name not in OPTIONS:
            raise ValueError(f"{where}: tcp.{name}: no such option, there are {', '.join(OPTIONS)}")
        problem = problem_with(OPTIONS[name], value)
        if problem:
            raise ValueError(f"{where}: tcp.{name}: {problem}")
        tcp[name] = t.cast(int, as_integer(value))
    return tcp


def compare(
    subject: Subject,
    expectation: Expectation,
    clamp_floor: int = WINDOW_CLAMP_FLOOR,
    defaults: t.Optional[t.Mapping[str, int]] = None,
) -> t.List[Wrong]:
    """List what is wrong with a socket that concerns the expectation; empty: compliant.

    :param defaults: What a fresh socket has in the socket's network namespace; None where that is not known, and then
        the system's default (0) is not compared.
    """
    wrong: t.List[Wrong] = []
    if not subject.keepalive:
        wrong.append(Wrong("keepalive", False, True))
    for name, configured in expectation.tcp.items():
        if not compared(name, subject, expectation):
            continue
        value = subject.options.get(name)
        expected = expected_value(name, configured, subject, clamp_floor, defaults)
        if name == "user_timeout" and configured == DERIVE and value == _derived_when_set(expectation, subject):
            continue
        if expected is not None and not _matches(name, value, expected, subject):
            wrong.append(Wrong(name, value, expected))
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


def expected_value(
    name: str,
    configured: int,
    subject: Subject,
    clamp_floor: int = WINDOW_CLAMP_FLOOR,
    defaults: t.Optional[t.Mapping[str, int]] = None,
) -> t.Optional[int]:
    """Return what the kernel should read back for a configured value, None where nothing can be said."""
    if configured == SYSTEM:
        return _system_default(name, subject, defaults)
    if name == "user_timeout" and configured == DERIVE:
        if subject.options.get(name) is None:
            return None  # MPTCP has none; nobody asked for a certain time, so nothing is lost but the derivation
        in_force = [subject.options.get(part) for part in ("keepidle", "keepintvl", "keepcnt")]
        if any(value is None for value in in_force):
            return None
        return derived_user_timeout(*t.cast("t.List[int]", in_force))
    if name == "defer_accept":
        return rounded_defer_accept(configured)
    if name == "window_clamp":
        return max(configured, clamp_floor)
    return configured


def _system_default(name: str, subject: Subject, defaults: t.Optional[t.Mapping[str, int]]) -> t.Optional[int]:
    if defaults is None or subject.options.get(name) is None:  # MPTCP has no such option: then it has the system's
        return None
    if name == "maxseg" and subject.state != "LISTEN":
        return None  # that of a connection is the path's, that of a failed one is what is left of it
    return defaults.get(name)


def _derived_when_set(expectation: Expectation, subject: Subject) -> t.Optional[int]:
    """Return what the library derived, where the application has changed the parts since: those are what is wrong."""
    parts = [expectation.tcp.get(part) or subject.options.get(part) for part in ("keepidle", "keepintvl", "keepcnt")]
    return None if None in parts else derived_user_timeout(*t.cast("t.List[int]", parts))


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
    if value is None:
        return False
    if name == "maxseg" and subject.state not in ("CLOSE", "LISTEN"):
        return value <= expected  # the current size: options and the path take their share
    return value == expected


def unsupported(item: Wrong, subject: Subject) -> bool:
    """Tell whether an option is wrong because the protocol has no such option."""
    return item.value is None and subject.protocol == "mptcp"

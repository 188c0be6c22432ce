# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one table of options on the Python side; csrc/keepalive.h holds its twin, and a test compares the two.

Ranges are those of the kernel (tcp(7), measured): a value outside them is refused before anything is written,
because the library would ignore it and the operator would believe it set.
"""

from __future__ import annotations

import re
import typing as t

LIBRARIES: t.Dict[str, str] = {
    "connect": "libkeepalive.so",
    "listen": "libkeepalive_listen.so",
    "socket": "libkeepalive_socket.so",
}
"""What a service says (C(libraries: [connect])) and the file that is preloaded for it."""
INSPECT = "libkeepalive_inspect.so"
"""The library beside them that gives nobody settings: our own programs read sockets with it."""

LIBRARY_DIR = "/usr/lib/libkeepalive"
"""Below /usr/lib, because AppArmor's base abstraction allows mapping only from there."""

SYSTEM = 0
"""The value that leaves an option at the system's default."""

DERIVE = -1
"""The value of user_timeout that stands for keepidle + keepintvl x keepcnt."""

TIMING = ("keepidle", "keepintvl", "keepcnt")
"""The options that a user timeout derives from, in the order in which derived_user_timeout() takes them."""

ALWAYS = ("keepidle", "keepcnt", "keepintvl", "user_timeout")
"""The options whose value is said to every process that has any, be it 0 or the library's own default."""

SWITCHES = {"debug": "LIBKEEPALIVE_DEBUG", "respect": "LIBKEEPALIVE_RESPECT"}
"""What a service says and the variable that stands for it, V(1) or not there."""


class Option(t.NamedTuple):
    """One tunable: how YAML, the environment and the kernel name it, and what they accept."""

    name: str
    """In YAML and in reports, e.g. V(keepidle)."""
    variable: str
    """In the environment, e.g. E(TCP_KEEPIDLE)."""
    sockopt: int
    """The number of the option at level IPPROTO_TCP (linux/tcp.h)."""
    unit: str
    """What the number counts, in words that fit after 'an integer of'."""
    minimum: int
    """Lowest value the kernel accepts; SYSTEM and, for user_timeout, DERIVE are allowed besides."""
    maximum: int
    """Highest value the kernel accepts."""
    default: int
    """What the libraries use when the variable is not set."""
    libraries: t.Tuple[str, ...]
    """The libraries that set it."""


_ALL = ("connect", "listen", "socket")
_INT_MAX = 2**31 - 1
_DECIMAL = re.compile(r"(?:0|-?[1-9][0-9]{0,18})\Z")

OPTIONS: t.Dict[str, Option] = {
    option.name: option
    for option in (
        Option("keepidle", "TCP_KEEPIDLE", 4, "seconds", 1, 32767, 15, _ALL),
        Option("keepcnt", "TCP_KEEPCNT", 6, "probes", 1, 127, 9, _ALL),
        Option("keepintvl", "TCP_KEEPINTVL", 5, "seconds", 1, 32767, 15, _ALL),
        Option("user_timeout", "TCP_USER_TIMEOUT", 18, "milliseconds", 1, _INT_MAX, DERIVE, _ALL),
        Option("syncnt", "TCP_SYNCNT", 7, "SYN retransmissions", 1, 127, SYSTEM, ("connect", "socket")),
        Option("defer_accept", "TCP_DEFER_ACCEPT", 9, "seconds", 1, _INT_MAX, SYSTEM, ("listen", "socket")),
        Option("maxseg", "TCP_MAXSEG", 2, "bytes", 88, 32767, SYSTEM, _ALL),
        Option("window_clamp", "TCP_WINDOW_CLAMP", 10, "bytes", 1, _INT_MAX, SYSTEM, _ALL),
    )
}


def describe_range(option: Option) -> str:
    """Say in one phrase which values an option takes."""
    special = "0 (the system's default)"
    if option.default == DERIVE:
        special += " or -1 (derived: keepidle + keepintvl x keepcnt)"
    return f"an integer of {option.unit} from {option.minimum} to {option.maximum}, {special}"


def problem_with_value(option: Option, value: t.Any) -> t.Optional[str]:
    """Say what is wrong with a value, or None where it is right.

    Strings of decimal digits are accepted, because inventory files in INI format and --extra-vars give no others.
    """
    number = as_integer(value)
    if number is None:
        return f"{value!r} is not {describe_range(option)}"
    if number == SYSTEM or (number == DERIVE and option.default == DERIVE):
        return None
    if not option.minimum <= number <= option.maximum:
        return f"{value!r} is out of range: expected {describe_range(option)}"
    return None


def as_integer(value: t.Any) -> t.Optional[int]:
    """Return the integer that a YAML value stands for, or None.

    Booleans and fractions are none; neither is C(010), which one reader takes for 10 and the next for 8.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and _DECIMAL.match(value):
        return int(value)
    return None


def derived_user_timeout(keepidle: int, keepintvl: int, keepcnt: int) -> int:
    """Return the user timeout in ms that gives up an idle peer when keepcnt would; saturates like the C code."""
    return min((keepidle + keepintvl * keepcnt) * 1000, _INT_MAX)


def user_timeout_from(
    values: t.Mapping[str, t.Optional[int]], below: t.Optional[t.Mapping[str, t.Optional[int]]] = None
) -> t.Optional[int]:
    """Return the user timeout that derives from the three values; None where one of them is not known.

    :param below: What is in force where the values say nothing, or SYSTEM; None: then their 0 is a 0.
    """
    parts = [values.get(name) if below is None else values.get(name) or below.get(name) for name in TIMING]
    known = [part for part in parts if part is not None]
    return derived_user_timeout(*known) if len(known) == len(TIMING) else None


def problem_with_user_timeout(tcp: t.Mapping[str, int]) -> str:
    """Say why a user timeout was most likely meant in seconds: it ends before the first probe goes out; '' otherwise.

    Of a keepidle that is the system's nothing is known here but that it is a second at least.
    """
    timeout, idle = tcp["user_timeout"], tcp["keepidle"]
    if timeout in (SYSTEM, DERIVE) or timeout >= max(idle, 1) * 1000:
        return ""
    probe = f"keepidle {idle} s" if idle else "whatever keepidle the system has"
    meant = f"; {timeout} s would be {timeout * 1000}" if timeout * 1000 <= OPTIONS["user_timeout"].maximum else ""
    return (
        f"tcp.user_timeout: {timeout} is in milliseconds, and below the first probe ({probe}){meant}; where it is "
        "meant so, say 'short_user_timeout: true' beside tcp"
    )

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is expected of the sockets of one unit: made of resolved variables, or of the parameter of a module."""

from __future__ import annotations

import typing as t

from .checks import BACKENDS, REASONS, check_tcp
from .options import LIBRARIES, OPTIONS

ACTING = {
    "outgoing": frozenset(("connect", "socket")),
    "listening": frozenset(("listen", "socket")),
    "accepted": frozenset(("listen", "socket")),
    "unconnected": frozenset(("socket",)),
}
"""Direction → the libraries that act on such a socket, or on the listener it inherits from."""

SYSTEMD_OPTIONS = ("keepidle", "keepcnt", "keepintvl", "defer_accept")
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
        "if_present": {"type": "bool", "default": False},
        "backend": {"type": "str", "choices": list(BACKENDS), "default": "preload"},
        "enforce": {"type": "bool", "default": False},
    },
}
"""The parameter of modules that parse_expected() takes."""


class Expectation(t.NamedTuple):
    """What is expected of the sockets of one unit."""

    name: str
    libraries: t.FrozenSet[str]
    """Empty for a .socket unit: systemd itself sets its options, or a program acts as the library listen does."""
    tcp: t.Dict[str, int]
    accept: t.FrozenSet[str]
    """Reasons that are reported but are no failure."""
    min_sockets: int
    live: bool = False
    """The values are also set on open sockets, see live/changes.py."""
    respect: bool = False
    overwrite: bool = False
    """What of them the application has set itself: keepalive that is on is left alone, or nothing is."""
    if_present: bool = False
    """Where the host does not have the unit, that is no failure."""
    backend: str = "preload"
    """What sets the values; V(auto) where only the host decides."""
    enforce: bool = False
    """A program sets them also in the place of the application's own."""

    @property
    def by_systemd(self) -> bool:
        """Tell whether systemd's directives set the options, and neither a library nor a program."""
        return self.name.endswith(".socket") and self.backend != "bpf"

    @property
    def by_program(self) -> bool:
        """Tell whether a program of the unit's cgroup sets the options; not where only the host decides."""
        return self.backend == "bpf"

    def acting(self, direction: str) -> t.FrozenSet[str]:
        """Return the libraries of this unit, or what a program does in their place, that have a say on sockets."""
        if self.by_program and self.name.endswith(".socket"):
            return ACTING[direction] & {"listen"}
        return self.libraries & ACTING[direction]

    def concerns(self, direction: str) -> bool:
        """Tell whether sockets of a direction are this unit's service direction."""
        if self.name.endswith(".socket"):
            return direction in ("listening", "accepted")
        return bool(self.acting(direction))

    def as_dict(self) -> t.Dict[str, t.Any]:
        """Return it in the form in which modules take it."""
        return {
            "name": self.name,
            "libraries": [name for name in LIBRARIES if name in self.libraries],
            "tcp": dict(self.tcp),
            "accept": sorted(self.accept),
            "min_sockets": self.min_sockets,
            "live": self.live,
            "respect": self.respect,
            "overwrite": self.overwrite,
            "if_present": self.if_present,
            "backend": self.backend,
            "enforce": self.enforce,
        }


def parse_expected(entries: t.Sequence[t.Mapping[str, t.Any]]) -> t.List[Expectation]:
    """Check the parameter of a module.

    :raises ValueError: The text names the place, the value and what would be right.
    """
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
        backend = entry.get("backend") or "preload"
        if backend not in BACKENDS:
            raise ValueError(f"{where}: backend: {backend!r} is none of {', '.join(BACKENDS)}")
        if name.endswith(".slice") and backend != "bpf":
            raise ValueError(f"{where}: backend: a slice takes bpf: it has no process to load a library")
        if entry.get("enforce") and backend != "bpf":
            raise ValueError(f"{where}: enforce: takes backend bpf: a library can force nothing")
        if entry.get("enforce") and entry.get("respect"):
            raise ValueError(f"{where}: enforce: contradicts respect: leave one of them out")
        expectations.append(
            Expectation(
                name,
                libraries,
                _parse_tcp(entry.get("tcp") or {}, where),
                accept,
                min_sockets,
                backend=backend,
                **{key: bool(entry.get(key)) for key in ("live", "respect", "overwrite", "if_present", "enforce")},
            )
        )
    return expectations


def _parse_tcp(values: t.Mapping[str, t.Any], where: str) -> t.Dict[str, int]:
    def refuse(place: str, problem: str) -> None:
        raise ValueError(f"{place}: {problem}")

    given = {name: value for name, value in values.items() if value is not None}
    return check_tcp(where, given, lambda value: None, refuse)

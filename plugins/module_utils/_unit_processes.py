# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From unit names to processes and to what systemd knows about .socket units.

Which process belongs to which unit is read from the processes' control groups: one sweep over /proc, however many units
are asked for. systemctl is asked once, for aliases, for what exists, and for the .socket units' addresses.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.netops.keepalive.plugins.module_utils._procnet import Address

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "Triggers",
    "Listen",
    "Accept",
    "KeepAlive",
    "KeepAliveTimeUSec",
    "KeepAliveIntervalUSec",
    "KeepAliveProbes",
    "DeferAcceptUSec",
)

_NAME = re.compile(r"[A-Za-z0-9:_.\\@*?\[\]-]+\.(service|socket)")
_UNITS_OF_TIME = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1,
    "min": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "month": 2629800,
    "y": 31557600,
}


class Unit(t.NamedTuple):
    """One unit as it was asked for, and what systemd makes of it."""

    name: str
    """As given: a name, an alias, a template, or a pattern."""
    patterns: t.Tuple[str, ...]
    """fnmatch patterns of the services whose processes count."""
    load_state: t.Optional[str]
    """systemd's LoadState; None for templates and patterns, and where systemctl could not be asked."""
    active: t.Optional[bool]
    listens: t.Tuple[Address, ...]
    """Where a .socket unit listens for TCP."""
    directives: t.Dict[str, t.Optional[int]]
    """What systemd has loaded for a .socket unit: keepalive (0 or 1), keepidle, keepintvl, keepcnt, defer_accept."""

    @property
    def is_socket(self) -> bool:
        """Tell whether this is a .socket unit."""
        return self.name.endswith(".socket")

    def holds(self, unit: str) -> bool:
        """Tell whether a process of that unit is one of ours."""
        return bool(unit) and any(fnmatch.fnmatchcase(unit, pattern) for pattern in self.patterns)

    def listens_on(self, local: Address) -> bool:
        """Tell whether a listener with that address is this .socket unit's."""
        return local in self.listens


def problem_with_name(name: str) -> t.Optional[str]:
    """Say what is wrong with the name of a unit, or None where it is right."""
    if _NAME.fullmatch(name):
        return None
    return f"{name!r} is not the name of a .service or .socket unit, such as nginx.service or worker@.service"


def askable(names: t.Iterable[str]) -> t.List[str]:
    """Pick the names that systemctl show answers for, in order: templates and patterns name no single unit."""
    return [name for name in names if "@." not in name and not set(name) & set("*?[")]


def show_command(systemctl: str, names: t.Sequence[str]) -> t.List[str]:
    """Return the one command that asks for all units."""
    return [systemctl, "show", "--no-pager", "--property=" + ",".join(PROPERTIES), "--", *names]


def parse_show(output: str) -> t.List[t.Dict[str, t.List[str]]]:
    """Parse systemctl show: one block a unit, in the order of the question; a property may occur several times."""
    blocks: t.List[t.Dict[str, t.List[str]]] = []
    for text in re.split(r"\n\s*\n", output.strip("\n")):
        block: t.Dict[str, t.List[str]] = {}
        for line in text.splitlines():
            name, equals, value = line.partition("=")
            if equals:
                block.setdefault(name, []).append(value)
        if block:
            blocks.append(block)
    return blocks


def unit_from(name: str, block: t.Optional[t.Mapping[str, t.Sequence[str]]]) -> Unit:
    """Make a Unit of a name and systemd's answer, None where it could not be asked."""
    if block is None:
        return Unit(name, (_pattern(name),), None, None, (), {})
    identity = _first(block, "Id") or name
    patterns: t.List[str] = [identity]
    if name.endswith(".socket"):
        patterns = _first(block, "Triggers").split()
        if _first(block, "Accept") == "yes":
            patterns.append(identity[: -len(".socket")] + "@*.service")
    return Unit(
        name=name,
        patterns=tuple(patterns),
        load_state=_first(block, "LoadState") or None,
        active=_first(block, "ActiveState") in ("active", "reloading", "deactivating"),
        listens=tuple(address for address in map(parse_listen, block.get("Listen", ())) if address is not None),
        directives=_directives(block) if name.endswith(".socket") else {},
    )


def parse_listen(value: str) -> t.Optional[Address]:
    """Parse one Listen= of systemctl show, e.g. '[::]:80 (Stream)'; None where it is not TCP."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)(?:%\S+)?\]|([0-9.]+)):(\d+) \(Stream\)", value.strip())
    if not match:
        return None
    return match.group(1) or match.group(2), int(match.group(3))


def parse_seconds(value: str) -> t.Optional[int]:
    """Parse a time span as systemctl prints it ('1min 30s', '0', 'infinity') into whole seconds, rounded up."""
    total = 0.0
    for part in value.split():
        match = re.fullmatch(r"([0-9.]+)([a-z]*)", part)
        if not match or (match.group(2) and match.group(2) not in _UNITS_OF_TIME):
            return None
        # A bare number is one of microseconds: systemctl prints 0 so, and raw values.
        total += float(match.group(1)) * _UNITS_OF_TIME[match.group(2) or "us"]
    return int(-(-total // 1)) if value.strip() else None


def _directives(block: t.Mapping[str, t.Sequence[str]]) -> t.Dict[str, t.Optional[int]]:
    probes = _first(block, "KeepAliveProbes")
    return {
        "keepalive": {"yes": 1, "no": 0}.get(_first(block, "KeepAlive")),
        "keepidle": parse_seconds(_first(block, "KeepAliveTimeUSec")),
        "keepintvl": parse_seconds(_first(block, "KeepAliveIntervalUSec")),
        "keepcnt": int(probes) if probes.isdigit() else None,
        "defer_accept": parse_seconds(_first(block, "DeferAcceptUSec")),
    }


def _pattern(name: str) -> str:
    return name.replace("@.service", "@*.service")


def _first(block: t.Mapping[str, t.Sequence[str]], name: str) -> str:
    values = block.get(name)
    return values[0] if values else ""

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd takes for the name of a unit (systemd.unit(5)), decided in one place.

A name becomes part of paths, of command lines and of what an operator pastes. Everything that is not a unit's name by
systemd's own grammar is refused before any of these is made of it.
"""

from __future__ import annotations

import re
import typing as t

from .printable import printable

LONGEST = 255
"""Bytes of a name, its ending included (UNIT_NAME_MAX)."""

KINDS = ("service", "socket", "target", "device", "mount", "automount", "swap", "timer", "path", "slice", "scope")
"""The endings that systemd knows."""

OURS = ("service", "socket", "slice")
"""The units that can have settings for TCP sockets: their own, or those of all that is in a slice."""

_STARTED_BY_IT = "name the service that it starts"
_NONE = "has no TCP sockets of its own"
_KERNELS = f"{_NONE}: those of a network file system are the kernel's, see its mount options"
_INSTEAD = {
    "timer": f"a timer {_NONE}; {_STARTED_BY_IT}",
    "path": f"a path unit {_NONE}; {_STARTED_BY_IT}",
    "target": f"a target {_NONE}; name the services that belong to it",
    "scope": "the processes of a scope were not started by systemd; name what has started them",
    "mount": f"a mount {_KERNELS}",
    "automount": f"an automount {_KERNELS}",
    "swap": f"a swap unit {_NONE}; leave it out",
    "device": f"a device {_NONE}; leave it out",
}
"""Why each kind that is not among OURS can have no settings, and what would be right."""

_NAME = re.compile(r"(?P<prefix>[A-Za-z0-9:_.\\-]+)(?P<at>@(?P<instance>[A-Za-z0-9:_.\\@-]*))?\.(?P<kind>[a-z]+)")
_PATTERN = re.compile(r"[A-Za-z0-9:_.\\@*?\[\]!-]+\.(?P<kind>[a-z]+)")

Placed = t.Iterable[t.Tuple[str, t.Any]]
"""Names, each with the words that say where it stands: V(units[0])."""


def is_unit_name(name: str, kinds: t.Container[str] = KINDS) -> bool:
    """Tell whether systemd would take a text for the name of a unit: a plain one, a template, or an instance.

    :param kinds: The endings that count.
    """
    found = _NAME.fullmatch(name)
    return found is not None and found["kind"] in kinds and len(name) <= LONGEST


def is_pattern(text: str, kinds: t.Container[str] = KINDS) -> bool:
    """Tell whether a text is a pattern that names of units can fit, as systemctl(1) takes them."""
    found = _PATTERN.fullmatch(text)
    return found is not None and found["kind"] in kinds and len(text) <= LONGEST


def is_template(name: str) -> bool:
    """Tell C(worker@.service), which cannot run, from C(worker@one.service), which can."""
    return "@." in name


def instances_pattern(template: str) -> str:
    """Return the pattern that systemctl expands to the loaded instances of a template."""
    return template.replace("@.", "@*.", 1)


def template_of(unit: str) -> t.Optional[str]:
    """Return the template of an instance, or None."""
    return re.sub(r"@.+\.", "@.", unit) if "@" in unit and not is_template(unit) else None


def name_problem(name: t.Any, patterns: bool = False) -> str:
    """Say what is wrong with the name of a .service or .socket unit and what would be right; '' where nothing is.

    :param patterns: A pattern will do as well.
    """
    if isinstance(name, str) and (is_unit_name(name, OURS) or (patterns and is_pattern(name, OURS))):
        return ""
    if isinstance(name, str) and (is_unit_name(name) or (patterns and is_pattern(name))):
        return _without_sockets(name, patterns)
    value = f"'{printable(name, 80)}'" if isinstance(name, str) else printable(repr(name), 80)
    right = "such as nginx.service, worker@.service or worker@one.service"
    if patterns:
        right += ", nor a pattern of such names"
    return f"{value} is not the name of a .service or .socket unit, {right} (A-Z, a-z, 0-9 and ':-_.\\@', at most 255)"


def _without_sockets(name: str, patterns: bool) -> str:
    """Say of a unit, or of a pattern, that it cannot have sockets, and what to name instead."""
    stem, _dot, kind = name.rpartition(".")
    service = f"{stem}.service"
    starts_it = _INSTEAD[kind].endswith(_STARTED_BY_IT) and not name_problem(service, patterns)
    by_default = f", by default {printable(service, 80)}" if starts_it else ""
    value = printable(name, 80)
    return f"'{value}' is not the name of a .service or .socket unit: {_INSTEAD[kind]}{by_default}"


def problems_with(names: Placed, patterns: bool = False) -> t.List[str]:
    """Return every mistake in names of units, each with its place."""
    found = ((place, name_problem(name, patterns)) for place, name in names)
    return [f"{place}: {problem}" for place, problem in found if problem]


def in_list(option: str, given: t.Any, key: str = "") -> Placed:
    """Yield the names in a list that is an option of a module, or those under a key of its dictionaries."""
    for index, entry in enumerate(given or ()):
        place = f"{option}[{index}]"
        yield (f"{place}.{key}", entry.get(key)) if key else (place, entry)

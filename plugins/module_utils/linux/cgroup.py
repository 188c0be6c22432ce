# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which unit of the system manager a process is in, from /proc/PID/cgroup (cgroup v1, v2 and both at once).

Below a cgroup that is delegated to a user, he names folders as he likes: any byte but / and the newline. So lines end
at newlines alone, and what stands above all that he may name decides. It is the rule of systemd itself and of
csrc/self.c; tests/data/cgroups.json holds both readers to it.
"""

from __future__ import annotations

import typing as t

from .unit_names import is_unit_name

_KINDS = ("service", "scope", "socket", "mount", "swap")
"""Units that have processes; slices only hold other units."""

_LINE = 1024
"""Bytes of a line, with its end, that are looked at: as many as fit into the libraries' buffer."""


class CgroupPlace(t.NamedTuple):
    """A path in the hierarchy of the system manager."""

    path: str
    whole: bool
    """Whether that is all of it: a longer one is cut."""


def place_of(content: bytes) -> t.Optional[CgroupPlace]:
    """Return where systemd has put a process; None where that cannot be told.

    The kernel writes one line for each hierarchy. Where one has two, somebody else has written them.
    """
    unified, named = [], []
    for line in content.split(b"\n"):
        whole = len(line) < _LINE
        hierarchy, _colon, rest = line[:_LINE].partition(b":")
        controllers, colon, path = rest.partition(b":")
        if line.startswith(b"0::"):
            unified.append(CgroupPlace(path.decode("utf-8", "surrogateescape"), whole))
        elif controllers == b"name=systemd" and hierarchy and colon:
            named.append(CgroupPlace(path.decode("utf-8", "surrogateescape"), whole))
    if len(unified) > 1 or len(named) > 1:
        return None
    told = [place for place in named + unified if place.path != "/"]
    return next(iter(told or named or unified), None)


def prefix_of(manager: t.Optional[CgroupPlace]) -> str:
    """Return the cgroup below which the manager (process 1) keeps its units: '' on an ordinary host."""
    head, _slash, tail = manager.path.rpartition("/") if manager else ("", "", "")
    return head if manager and manager.whole and tail == "init.scope" else ""


def unit_in(place: t.Optional[CgroupPlace], prefix: str = "") -> str:
    """Return the system manager's unit that a place belongs to, or '' where it belongs to none.

    The first component that is a unit counts, and only slices may stand above it: below user@1000.service, below a
    container's scope, or below a folder of a container engine stand the units of other managers. prefix is the path of
    the manager itself, which is not '' where a container sees its host's cgroup tree.
    """
    if place is None or not place.path.startswith(prefix + "/"):
        return ""
    components = place.path[len(prefix) + 1 :].split("/")
    for component in components if place.whole else components[:-1]:
        name = component[1:] if component.startswith("_") else component  # it would look like a file of the kernel's
        if _can_run(name):
            return name
        if "@" in name or not is_unit_name(name, ("slice",)):
            break
    return ""


def path_of_slice(name: str) -> str:
    """Return where systemd has a slice: a-b.slice is /a.slice/a-b.slice, and -.slice is the topmost one."""
    parts = name[: -len(".slice")].split("-") if name != "-.slice" else []
    return "".join(f"/{'-'.join(parts[: number + 1])}.slice" for number in range(len(parts)))


def _can_run(name: str) -> bool:
    """Tell a unit that has processes from a template (worker@.service)."""
    stem = name.rpartition(".")[0]
    return is_unit_name(name, _KINDS) and stem.find("@") != len(stem) - 1

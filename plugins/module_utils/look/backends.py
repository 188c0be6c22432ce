# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sets the options of each service on this host, a library or a program of the kernel; decided in the look.

The host tries what its kernel can, and only where an entry asks for a program or leaves it open: most do not.
"""

from __future__ import annotations

import typing as t

from ..linux import systemd
from ..linux.unit_names import instances_pattern, is_template, template_of
from ..settings.service import ResolvedService, with_backend
from .decision import Told

NO_PROGRAMS: Told = {"chosen": {}, "by_flags": False, "root": ""}
"""What is told where no entry asks for a program."""


def backends_seen(services: t.Sequence[Told], run: systemd.Run) -> t.Tuple[t.Dict[str, t.Any], t.List[str]]:
    """Return what was decided for whom, and why some entry cannot have what it says.

    The first holds C(chosen), by service its C(backend) and C(why), C(by_flags): whether a program that respects
    others' keepalive has to look into the kernel's own structure, and C(root): where the cgroups are.
    """
    asking = [service for service in services if service.get("backend", "preload") != "preload" and "tcp" in service]
    if not asking:
        return dict(NO_PROGRAMS), []
    from ..bpf.cgroup2 import find_root
    from ..bpf.choice import choose
    from ..bpf.probe import probe

    reach = probe()
    rooms = {} if reach.refusal else _without_room(asking, run)
    choices = {one["name"]: choose(ResolvedService.from_dict(one), reach, rooms.get(one["name"], "")) for one in asking}
    problems = [f"{name}: backend bpf: {why}" for name, choice in choices.items() for why in choice.obstacles]
    chosen = {name: {"backend": choice.backend, "why": choice.why} for name, choice in choices.items()}
    root = "" if reach.refusal else find_root()
    return {"chosen": chosen, "by_flags": reach.flags_offset > 0, "root": root}, problems


def _without_room(asking: t.Sequence[Told], run: systemd.Run) -> t.Dict[str, str]:
    """Return, by service, which program of others keeps ours from it."""
    from ..units.program_place import no_room_for_program

    names = [str(one["name"]) for one in asking]
    shown = systemd.show(run, [instances_pattern(name) if is_template(name) else name for name in names])
    found: t.Dict[str, str] = {}
    for one in asking:
        mine = [unit for unit in shown.values() if one["name"] in (unit["Id"], template_of(unit["Id"]))]
        mine += [shown[one["name"]]] if one["name"] in shown and not mine else []
        found[one["name"]] = next(filter(None, (no_room_for_program(unit, one["enforce"]) for unit in mine)), "")
    return found


def with_backends(services: t.Iterable[Told], told: Told) -> t.List[t.Dict[str, t.Any]]:
    """Return the services with what the host has decided of them, see backends_seen()."""
    chosen = told["chosen"]
    return [
        with_backend(service, chosen[service["name"]]["backend"]) if service["name"] in chosen else dict(service)
        for service in services
    ]


def choices_told(told: Told) -> t.List[str]:
    """Say what was decided where an entry left it to the host."""
    return [
        f"{name}: 'backend: auto' is {choice['backend']} here: {choice['why']}"
        for name, choice in told["chosen"].items()
        if choice["why"]
    ]

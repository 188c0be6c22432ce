# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the kernel before anything is attached: who leaves no room for one, and whom one would help."""

from __future__ import annotations

import typing as t

from ..bpf.attached import obstacle_to_attaching
from ..bpf.cgroup2 import cgroup_folder, find_root
from ..bpf.probe import Reach
from ..bpf.system_call import FOR_SETTING, FOR_SOCKETS, BpfRefused
from ..linux.cgroup import path_of_slice
from ..linux.procfs import HOST, Proc
from ..linux.systemd import Properties
from ..settings.service import ResolvedService
from .preflight import Obstacle


def no_room_for_program(properties: Properties, enforce: bool, proc: Proc = HOST) -> str:
    """Say which program of others keeps ours from a unit's cgroup, or from where that is going to be; '' if none does.

    :param enforce: Whether a second program is to be attached as well.
    """
    try:
        root = find_root()
        folder = cgroup_folder(_control_group(properties, proc), root)
        kinds = [FOR_SOCKETS, *([FOR_SETTING] if enforce else [])]
        return next(filter(None, (obstacle_to_attaching(folder, root, kind) for kind in kinds)), "")
    except BpfRefused as error:
        return str(error)


def _control_group(properties: Properties, proc: Proc) -> str:
    """Return the cgroup of a unit, or, where it has none now, where systemd would make it."""
    there = properties.get("ControlGroup", "")
    if there.strip("/"):
        return there
    return f"{proc.prefix}{path_of_slice(properties.get('Slice') or 'system.slice')}/{properties['Id']}"


def with_program_as_cure(
    obstacles: t.Sequence[Obstacle],
    service: ResolvedService,
    reach: t.Callable[[], Reach],
    slice_of: t.Callable[[], str],
) -> t.List[Obstacle]:
    """Name C(backend=bpf) where a program gets past what keeps a library away, if this host can do what is asked for.

    :param reach: Tells what programs can do here; asked only where one would help.
    :param slice_of: Tells the slice that the unit is in.
    """
    cured = [one for one in obstacles if one.cure]
    if not cured or reach().obstacles(service.tcp, service.respect):
        return list(obstacles)
    unit = "; or say 'backend: bpf', which takes no library: this host's kernel can set what the entry asks for"
    of_slice = f"; or give its slice, {slice_of()}, an entry with 'backend: bpf', which takes no library"
    return [
        one._replace(text=one.text + {"unit": unit, "slice": of_slice}[one.cure]) if one.cure else one
        for one in obstacles
    ]

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sets the options of an entry on this host: what it says, or, where it leaves that open, what the host can do."""

from __future__ import annotations

import typing as t

from ..settings.service import ResolvedService
from .probe import Reach


class BackendChoice(t.NamedTuple):
    """What became of an entry's C(backend)."""

    backend: str
    why: str = ""
    """Of C(auto)."""
    obstacles: t.Sequence[str] = ()
    """Why what the entry says cannot be; empty where it can."""


def choose(service: ResolvedService, reach: Reach, no_room: str = "") -> BackendChoice:
    """Decide for one entry.

    :param reach: what programs can do on this host.
    :param no_room: who of others keeps a program from its unit; '' for nobody.
    """
    if service.backend == "preload":
        return BackendChoice("preload")
    obstacles = reach.obstacles(service.tcp, service.respect, service.enforce)
    obstacles += [no_room] if no_room else []
    if service.backend == "bpf":
        return BackendChoice("bpf", obstacles=obstacles)
    if obstacles:
        return BackendChoice("preload", "; ".join(obstacles))
    return BackendChoice("bpf", "the kernel lets a program set all that the entry says")

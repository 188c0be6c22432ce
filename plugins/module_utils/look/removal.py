# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Is there anything to take away on a host, and which of its units are not to be restarted for it?

What only the look at the host needs is imported there: who decides, and every other look, would load it for nothing.
"""

from __future__ import annotations

import os
import typing as t

from ..libraries.command_file import Target, installed_parts
from ..linux.unit_names import template_of
from .decision import Told


def look_at_removal(target: Target) -> t.Dict[str, t.Any]:
    """Tell what else than files of units a removal would take away."""
    from ..libraries import install
    from ..live.memory import Memory
    from ..monitor.installation import monitor_is_there
    from ..rollout import undo_host
    from ..rollout.programs import own_folders

    return {
        "libraries": bool(install.anything_installed(target.folder) or installed_parts(target)),
        "monitor": monitor_is_there(),
        "open_sockets": sorted(Memory().units),
        "left": undo_host.is_noted(),
        "programs": [os.path.basename(folder) for folder in own_folders()],
    }


def in_host_wide_mode(found: Told) -> bool:
    """Tell whether the host tells every process to load the libraries, or what to do in them."""
    return bool(found["host_wide"]["settings"] or found["host_wide"]["entries"])


def removal_due(told: Told) -> t.List[str]:
    """Return what is there of this collection, in a few words each; empty where nothing is."""
    found, more = told["found"], told["removal"]
    host_wide = found["host_wide"]
    due = {
        "the host-wide mode": [*host_wide["entries"], *(["settings"] if host_wide["settings"] else [])],
        "drop-ins": found["dropins"],
        "still with a library": [user["unit"] or user["program"] for user in found["library_users"]],
        "left by a run that did not come to its end": [
            *found["unfinished"], *(["the host-wide mode"] if more["left"] else [])
        ],
        "programs": more["programs"],
        "open sockets": more["open_sockets"],
        "monitor": ["installed"] if more.get("monitor") else [],
        "libraries": ["installed"] if more["libraries"] else [],
    }  # fmt: skip
    return [f"{what}: {', '.join(dict.fromkeys(who))}" for what, who in due.items() if who]


def left_alone(listed: t.Collection[str], found: Told) -> t.List[t.Dict[str, str]]:
    """Return the entries of units that have a library from the host-wide mode only: that restarts nothing unasked.

    :param listed: the units that have an entry; a template stands for its instances.
    """
    units = [user["unit"] for user in found["library_users"] if user["loaded_by"] == "host"]
    return [
        {"name": unit, "restart": "never"}
        for unit in dict.fromkeys(units)
        if unit not in found["dropins"] and (unit in listed or template_of(unit) in listed)
    ]

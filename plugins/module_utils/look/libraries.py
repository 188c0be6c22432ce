# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Are the installed libraries, and the command beside them, those that this run would install?

The host tells what it has, the controller has what would be sent and makes the plan of it: nothing long travels.
"""

from __future__ import annotations

import hashlib
import typing as t

from ..command import archive
from ..libraries.build import BuildError, Platform
from ..libraries.loaders import Loader
from ..libraries.manifest import InstalledFile, Manifest
from ..libraries.multilib import Layout
from ..libraries.plan import NOTHING, Asked, Plan, Seen, plan_libraries
from ..libraries.table import BPF


class LibrariesDue(t.NamedTuple):
    """What has to be done to the libraries of a host."""

    why: t.List[str]
    """Empty for nothing."""
    plan: t.Optional[Plan] = None
    problem: str = ""
    """Why they cannot be had."""


def digest_of_command(files: t.Mapping[str, str]) -> str:
    """Return by what the command is known: what stands in it below its first line, which names the host's Python."""
    return hashlib.sha256(archive.assemble(files, "python").partition(b"\n")[2]).hexdigest()


def helper_missing(services: t.Iterable[t.Mapping[str, t.Any]], plan: t.Optional[Plan]) -> t.List[str]:
    """Say whose programs nothing would attach when they start: what was brought comes from before there were any.

    :param plan: what would be done to the libraries; None where nobody asked.
    """
    names = [service["name"] for service in services if service.get("backend") == "bpf"]
    if plan is None or plan.waits or not names or BPF in plan.files:
        return []
    return [
        f"{', '.join(names)}: with 'backend: bpf' {BPF} is executed at each start, and what is brought has none for "
        "this host; have it compiled again (build_keepalive), or leave keepalive_build_prebuilt out"
    ]


def libraries_due(asked: Asked, told: t.Mapping[str, t.Any]) -> LibrariesDue:
    """Decide from what a host told, see look/installed.py, what would be done to its libraries."""
    layout, installed = told["layout"], told["installed"]
    seen = Seen(
        platform=Platform(**told["platform"]),
        layout=Layout(layout["native"], dict.fromkeys(layout["others"], t.cast(Loader, None))) if layout else None,
        compiler=told["compiler"],
        no_compiler=told["no_compiler"],
        unable=told["unable"],
        installed=Manifest(**installed) if installed else None,
        doubt=told["doubt"],
        damage=told["damage"],
        files={name: InstalledFile(*file) for name, file in told["files"].items()},
    )
    try:
        plan = plan_libraries(asked, seen)
    except BuildError as error:
        return LibrariesDue([str(error)], problem=str(error))
    why = list(told["repairs"]) if plan.source == NOTHING else list(plan.reasons) or ["they are not installed"]
    return LibrariesDue(why + list(told["command"]), plan)

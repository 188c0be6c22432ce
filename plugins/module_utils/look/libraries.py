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
from ..command.file import Target, reasons_to_put
from ..libraries import install
from ..libraries.build import BuildError, Platform
from ..libraries.carry_out import look_at_host
from ..libraries.loaders import Loader
from ..libraries.manifest import MANIFEST, InstalledFile, Manifest
from ..libraries.multilib import Layout
from ..libraries.plan import NOTHING, Asked, Plan, Seen, plan_libraries


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


def libraries_seen(
    target: Target, cc: str, compiles: bool, names: t.Iterable[str], command: str, label: install.Labeller
) -> t.Dict[str, t.Any]:
    """Look at what a host has; for libraries_due.

    :param compiles: Whether it would compile them itself.
    :param names: The files that would be sent.
    :param command: The digest of the command.
    :param label: Only tells whether it would change something.
    :raises BuildError: The compiler is no command.
    """
    variants = {"": dict.fromkeys(names, b"")}
    asked = Asked(target.folder, cc, variants=variants if variants[""] else {}, delegated=not compiles)
    seen = look_at_host(asked, other_kinds=True)
    repairs: t.List[str] = []
    if seen.installed and not seen.doubt and all(seen.files[name].sha256 for name in seen.installed.files):
        repairs = install.repair(target.folder, [*seen.installed.files, MANIFEST], label, pretend=True)
    return {
        **seen._asdict(),
        "platform": seen.platform._asdict(),
        "layout": seen.layout and {"native": seen.layout.native, "others": sorted(seen.layout.others)},
        "installed": seen.installed and seen.installed._asdict(),
        "files": {name: list(file) for name, file in seen.files.items()},
        "repairs": repairs,
        "command": command_reasons(target, command),
    }


def command_reasons(target: Target, digest: str) -> t.List[str]:
    """Say what of the command is not as it should be, where only its digest is known."""
    first = archive.assemble({}).partition(b"\n")[0]
    try:
        with open(target.path, "rb") as file:
            content = file.read()
    except OSError:
        content = b""
    line, _end, body = content.partition(b"\n")
    same = line == first and hashlib.sha256(body).hexdigest() == digest
    return reasons_to_put(target, content if same else b"")


def libraries_due(asked: Asked, told: t.Mapping[str, t.Any]) -> LibrariesDue:
    """Decide from what a host told, see libraries_seen, what would be done to its libraries."""
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

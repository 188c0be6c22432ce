# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host has of the libraries and of the command beside them, told to who decides whether that is right.

Nothing long travels, and the host makes no plan: see look/libraries.py.
"""

from __future__ import annotations

import hashlib
import os
import typing as t

from ..command import archive
from ..libraries import build, install, multilib
from ..libraries.command_file import Target, reasons_to_put
from ..libraries.manifest import MANIFEST, Manifest, look_at_file, manifest_damage, read_manifest


def libraries_seen(
    target: Target, cc: str, compiles: bool, names: t.Iterable[str], command: str, label: install.Labeller
) -> t.Dict[str, t.Any]:
    """Look, and change nothing.

    :param compiles: Whether the host would compile them itself.
    :param names: The files that would be sent.
    :param command: The digest of the command.
    :param label: Only tells whether it would change something.
    :raises build.BuildError: The compiler is no command.
    """
    layout = multilib.find_layout()
    compiler = build.compiler_version(cc) if compiles else None
    installed = read_manifest(target.folder)
    looked_at = {*names, *(installed.files if installed else ()), *(multilib.links(layout) if layout else ())}
    files = {name: look_at_file(os.path.join(target.folder, name)) for name in sorted(looked_at)}
    doubt = install.folder_doubt(target.folder)
    repairs: t.List[str] = []
    if installed and not doubt and all(files[name].sha256 for name in installed.files):
        repairs = install.repair(target.folder, [*installed.files, MANIFEST], label, pretend=True)
    return {
        "platform": build.describe_platform()._asdict(),
        "layout": layout and {"native": layout.native, "others": sorted(layout.others)},
        "compiler": compiler,
        "no_compiler": build.no_compiler(cc) if compiles else "",
        "unable": _unable(layout, cc, installed) if layout and compiler is not None else {},
        "installed": installed and installed._asdict(),
        "doubt": doubt,
        "damage": "" if doubt else manifest_damage(target.folder),
        "files": {name: list(file) for name, file in files.items()},
        "repairs": repairs,
        "command": command_reasons(target, command),
    }


def _unable(layout: multilib.Layout, cc: str, installed: t.Optional[Manifest]) -> t.Mapping[str, str]:
    """Say for which kinds of programs the compiler cannot compile; what it could when it did, it is not asked again."""
    if installed and installed.made.get("multilib") == layout.text():
        return {}
    return multilib.can_compile(layout, cc)


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

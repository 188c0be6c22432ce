# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Look at a host for all that a plan is made from, and carry the plan out or foretell it; what it says is plan.py's."""

from __future__ import annotations

import os
import typing as t

from ..linux.printable import quoted
from . import build, install, multilib
from .manifest import MANIFEST, look_at_file, manifest_damage, read_manifest, sha256
from .plan import DELEGATED, NOTHING, PREBUILT, PYTHON, Asked, Plan, Result, Seen
from .selftest import try_files


def look_at_host(asked: Asked, other_kinds: bool) -> Seen:
    """Look, and change nothing.

    :param other_kinds: whether programs of other kinds count.
    :raises build.BuildError: C(cc) is no command.
    """
    layout = multilib.find_layout() if other_kinds else None
    compiler = build.compiler_version(asked.cc) if asked.compiles else None
    installed = read_manifest(asked.folder)
    names = {name for files in asked.variants.values() for name in files}
    names.update(installed.files if installed else (), multilib.links(layout) if layout else ())
    doubt = install.folder_doubt(asked.folder)
    return Seen(
        build.describe_platform(),
        layout,
        compiler,
        build.no_compiler(asked.cc) if asked.compiles else "",
        multilib.can_compile(layout, asked.cc) if layout and compiler is not None else {},
        installed,
        doubt,
        "" if doubt else manifest_damage(asked.folder),
        {name: look_at_file(os.path.join(asked.folder, name)) for name in names},
    )


def foretell(plan: Plan, label: install.Labeller) -> Result:
    """Return what the module would say after carry_out(), as far as that is known, and C(after), for its diff.

    :param label: only says whether it would change something.
    """
    if plan.source == NOTHING and plan.installed:
        return {**_repair(plan, label, True), "after": plan.installed.text()}
    if plan.waits:
        return plan.result(False, plan.reasons)
    return {**plan.result(True, plan.reasons), "after": plan.manifest.text()}


def carry_out(plan: Plan, asked: Asked, label: install.Labeller) -> Result:
    """Do it, and return what the module says of it.

    :raises build.BuildError: the libraries cannot be compiled here.
    :raises Refused: they must not be installed.
    :raises OSError: see install.install.
    """
    if plan.source == NOTHING:
        return _repair(plan, label, False)
    if plan.waits:
        return _wait(plan, plan.obstacle)
    if plan.source == DELEGATED:
        raise build.BuildError("delegated: the libraries must be compiled on another host, and prebuilt has none")
    try:
        contents = plan.contents if plan.source in (PREBUILT, PYTHON) else _compile(plan, asked)
    except build.NoCompiler as error:
        if not asked.waits:
            raise
        return _wait(plan._replace(needs_compiler=True), str(error))
    known = {key: value for key, value in plan.made.items() if value is not None}
    changed = install.install(plan.folder, contents, known, try_files, label)
    files = {name: sha256(content) for name, content in contents.items()}
    return plan.result(True, plan.reasons, files, changed)


def _repair(plan: Plan, label: install.Labeller, pretend: bool) -> Result:
    reasons = install.repair(plan.folder, [*plan.files, MANIFEST], label, pretend)
    return plan.result(bool(reasons), reasons)


def _wait(plan: Plan, obstacle: str) -> Result:
    """Leave what is there as it is, and say what has to be done before, and what is in the way of doing it now."""
    files = plan.installed.files if plan.installed else {}
    said = [quoted(obstacle, lines=20)] if obstacle else []
    return plan.result(False, [*plan.reasons, *said], files, ())


def _compile(plan: Plan, asked: Asked) -> t.Dict[str, bytes]:
    return multilib.build_all(asked.sources, asked.folder, asked.cc, asked.cflags, asked.ldflags, plan.kinds.layout)

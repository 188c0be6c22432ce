# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The service that attaches the programs of slices, as a slice itself starts nothing.

It is one template for all, and runs before anything that a slice is for: at boot, ahead of sysinit.target, and whenever
its slice is started anew. What it attaches stands in the slice's drop-in, which it reads as an EnvironmentFile. Which
slices it is there for follows from the drop-ins alone, so whoever has changed those only has to have it kept.
"""

from __future__ import annotations

import contextlib
import os
import typing as t

from ..linux.files import replace_file
from . import dropin
from .attach_line import HELPER, SLICE_CGROUP, SLICE_WORDS

NAME = "keepalive-slice@.service"
_WANTS = "sysinit.target.wants"
_TEXT = f"""\
{dropin.MARKER}: the next run of Ansible overwrites this file.
[Unit]
Description=TCP keepalive for what runs in %i
DefaultDependencies=no
Requires=%i
After=%i
Before=sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
Slice=system.slice
EnvironmentFile={dropin.DIRECTORY}/%i.d/{dropin.FILE_NAME}
ExecStart={HELPER} attach ${SLICE_WORDS} ${{{SLICE_CGROUP}}}
"""


def instance_of(name: str) -> str:
    """Return the service that attaches the program of a slice."""
    return NAME.replace("@", f"@{name}", 1)


def keep_slice_starter(directory: str, label: t.Callable[[str], t.Any] = lambda path: None) -> t.List[str]:
    """Have the service and its links there for the slices that have a drop-in of ours; return what could not be.

    :param directory: Where systemd's unit files are.
    :param label: Gives a path the security label of its place.
    """
    path, wants = os.path.join(directory, NAME), os.path.join(directory, _WANTS)
    try:
        there = dropin.read_drop_in(path)
        if there is not None and not dropin.is_ours(there):
            return [f"{path} is not ours (its first line is not '{dropin.MARKER}…'): no slice gets its program at boot"]
        slices = {unit for unit in dropin.survey(directory)[0] if unit.endswith(".slice")}
        if slices and there != _TEXT:
            replace_file(path, _TEXT.encode(), 0o644)
            label(path)
        _link({instance_of(name) for name in slices}, wants, label)
        if not slices and there is not None:
            os.unlink(path)
    except OSError as error:
        return [f"{error.filename or path}: {error.strerror}: slices may lack their program after the next boot"]
    return []


def _link(wanted: t.Set[str], folder: str, label: t.Callable[[str], t.Any]) -> None:
    """Have exactly these instances be started at boot; the folder is systemd's, and stays if others are in it."""
    prefix = NAME.partition("@")[0] + "@"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    has = {name for name in names if name.startswith(prefix)}
    for name in sorted(has - wanted):
        os.unlink(os.path.join(folder, name))
    for name in sorted(wanted - has):
        os.makedirs(folder, mode=0o755, exist_ok=True)
        os.symlink(f"../{NAME}", os.path.join(folder, name))
        label(os.path.join(folder, name))
    if has and not wanted:
        with contextlib.suppress(OSError):
            os.rmdir(folder)

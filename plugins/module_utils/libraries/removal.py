# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take the libraries and the command beside them away again, and nothing that is somebody else's."""

from __future__ import annotations

import os
import typing as t

from . import install
from .command_file import Target, installed_parts, take_command
from .manifest import manifest_damage


class NotRemovable(Exception):
    """Nothing was removed; the text says why."""


class Removal(t.NamedTuple):
    """What went, or would go."""

    removed: t.Sequence[str] = ()
    """Paths; none where nothing of ours was there."""
    mapped_by: t.Sequence[int] = ()
    """The processes that map one of them: for these it is there until they end."""


def take_libraries_away(target: Target, pretend: bool) -> Removal:
    """Remove all that is installed.

    :param pretend: only say what would go.
    :raises NotRemovable: which files are ours is not known.
    :raises install.InUse: /etc/ld.so.preload names one.
    :raises OSError: as the file system said it.
    """
    folder = target.folder
    damage = manifest_damage(folder)
    if damage:
        raise NotRemovable(
            f"{damage}. Which files are ours stands there alone, so nothing was removed: install the libraries"
            f" again (state: present) and remove them then, or remove {folder} yourself"
        )
    command = installed_parts(target)
    if not command and not install.anything_installed(folder):
        return Removal()
    names = install.installed_names(folder)
    install.refuse_if_preloaded(folder, names)
    mapped_by = install.processes_mapping(folder, names)
    if not pretend:
        take_command(target)
        if os.path.isdir(folder) and (install.anything_installed(folder) or not os.listdir(folder)):
            install.remove(folder)
    return Removal([*(os.path.join(folder, name) for name in names), *command], mapped_by)

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the files that programs load are still those that were installed.

Sockets that are open tell nothing of it: what runs has loaded them already, and what starts next goes without.
"""

from __future__ import annotations

import typing as t

from ..libraries.manifest import damaged_files, manifest_damage, read_manifest
from ..settings.options import LIBRARY_DIR
from .found import CRITICAL, UNKNOWN


def wrong_with_installation(folder: str = LIBRARY_DIR) -> t.List[t.Tuple[int, str]]:
    """Return a state and why for each file that is not as it was installed; nothing where nothing was."""
    doubt = manifest_damage(folder)
    if doubt:
        return [(UNKNOWN, f"{doubt}: whether the libraries are those that were installed is not known")]
    manifest = read_manifest(folder)
    found = []
    for damage in damaged_files(manifest, folder) if manifest else ():
        found.append((CRITICAL, f"{folder}/{damage}: what starts from now on may go without its settings"))
    return found

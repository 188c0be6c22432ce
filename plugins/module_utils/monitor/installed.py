# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the files that programs load and read are still those that were installed.

Sockets that are open tell nothing of it: what runs has loaded them already, and what starts next goes without.
"""

from __future__ import annotations

import os
import typing as t

from ..host_wide.settings_file import PATH
from ..host_wide.state import HostWide
from ..libraries.manifest import damaged_files, manifest_damage, read_manifest
from ..linux.preload_file import LD_SO_PRELOAD
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


def wrong_with_host_wide(host: HostWide) -> t.List[t.Tuple[int, str]]:
    """Return the same for the two files of the host-wide mode; nothing where it was never put in force.

    What was noted when they were rolled out ends with the boot. So it does no harm that it is no more known then: all
    that runs was started with what they say now.
    """
    found = []
    before, noted = host.preload_history.versions, host.settings_history.versions
    gone = set(HostWide(before[-1].text).entries).difference(host.entries) if before else ()
    for entry in sorted(gone):
        found.append((CRITICAL, f"{LD_SO_PRELOAD} names {entry} no more: what starts from now on goes without it"))
    if not host.entries:
        return found
    if host.unusable:
        found.append((CRITICAL, host.unusable))
    for entry in host.entries:
        if "$" not in entry and not os.path.exists(entry):
            found.append((CRITICAL, f"{LD_SO_PRELOAD} names {entry}, which is not there"))
    if noted and noted[-1].text != host.settings:
        why = "with what the programs that run were started is not known, so neither is whether they have it"
        found.append(
            (UNKNOWN, f"{PATH} was {'removed' if host.settings is None else 'changed'} by something else: {why}")
        )
    return found

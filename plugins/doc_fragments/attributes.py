# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What modules of this collection can do. The base is for those that act on a host as root."""

    DOCUMENTATION = r"""
options: {}
notes:
  - Runs on hosts with systemd; needs root there.
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell truthfully what would change, without changing it.
    support: full
  diff_mode:
    description: Tells what has changed, or would, when in diff mode.
    support: full
  platform:
    description: Target operating systems.
    platforms: linux
    support: full
"""

    # In place of the base, for those that only read.
    READING = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return what it would return outside of it.
    support: full
  diff_mode:
    description: Returns details on what has changed in diff mode. This module changes nothing.
    support: none
"""

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What is true of every module of this collection."""

    DOCUMENTATION = r"""
options: {}
notes:
  - Runs on hosts with systemd; needs root there.
attributes:
  check_mode:
    description: Can run in C(check_mode) and tell truthfully what would change, without changing it.
  diff_mode:
    description: Tells what has changed, or would, when in diff mode.
  platform:
    description: Target operating systems.
    platforms: linux
    support: full
"""

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules share that compile the preload libraries."""

from __future__ import annotations


class ModuleDocFragment:
    """How the libraries are compiled, and from what."""

    DOCUMENTATION = r"""
options:
  cc:
    description: The C compiler on the host; words after the first are passed to it as options.
    type: str
    default: cc
  cflags:
    description: Flags for the compiler, in place of the Makefile's own C(-O2).
    type: str
  ldflags:
    description: Flags for linking, in addition to those the libraries need.
    type: str
  sources:
    description:
      - File name to content of everything the build needs. Set by the task's action from the collection; give it only
        to compile other sources.
    type: dict
"""

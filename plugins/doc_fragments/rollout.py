# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules share that change something in a rollout."""

from __future__ import annotations


class ModuleDocFragment:
    """The options that belong to the host's lock."""

    DOCUMENTATION = r"""
options:
  rollout:
    description:
      - Whether this is a step of a rollout, which ends with M(netops.keepalive.rollout_end). The lock of the host that
        the first change takes then stays until there, so that a run from another controller cannot get in between.
      - Otherwise the lock is kept for this step alone. A host whose lock another run has is not changed in either case.
    type: bool
    default: false
  run:
    description: Who changes the host. Set by the task's action.
    type: dict
"""

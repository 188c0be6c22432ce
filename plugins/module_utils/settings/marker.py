# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a file of ours is told from those of others."""

from __future__ import annotations

MARKER = "# Managed by netops.keepalive"
"""The first line of every file that is ours to replace or remove starts so; one without it is not ours."""


def is_marked(content: str) -> bool:
    """Tell whether a text is that of a file of ours."""
    return content.startswith(MARKER)

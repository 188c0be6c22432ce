# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a socket has that nobody has set: who cares for idle connections has perhaps changed it on this machine."""

from __future__ import annotations

import pathlib


def of_the_machine(name: str) -> int:
    """Return a setting of tcp(7), such as keepalive_time."""
    return int(pathlib.Path(f"/proc/sys/net/ipv4/tcp_{name}").read_text(encoding="ascii"))

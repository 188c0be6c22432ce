# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file system as statvfs(3) tells it."""

from __future__ import annotations

import typing as t


class System(t.NamedTuple):
    """One with 10 KiB left."""

    f_flag: int = 0
    f_bavail: int = 10
    f_frsize: int = 1024
    f_files: int = 100
    f_favail: int = 100

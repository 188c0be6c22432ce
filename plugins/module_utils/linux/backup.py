# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep a copy of a file beside it, as Ansible's modules name theirs."""

from __future__ import annotations

import os
import shutil
import time


def copy_beside(path: str) -> str:
    """Copy a file with its mode, owner and times; return the path of the copy.

    :raises OSError: as the file system said it.
    """
    copy = f"{path}.{os.getpid()}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
    shutil.copy2(path, copy)
    status = os.stat(path)
    os.chown(copy, status.st_uid, status.st_gid)
    return copy

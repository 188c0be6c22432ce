# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading a file whose path somebody else has written down: in a unit's files, for instance.

What stands there may be anything by the time it is read: a FIFO, which keeps the reader waiting, a device, which
opening alone may set off, or a file without end.
"""

from __future__ import annotations

import errno
import os
import stat

_NULL = os.makedev(1, 3)


def read_plain(path: str, limit: int) -> bytes:
    """Return the content of a regular file; links are followed, nothing else is opened. /dev/null is an empty one.

    :param limit: bytes.
    :raises OSError: it cannot be read, is no regular file, or is longer.
    """
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL:
            return b""
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "Is not a regular file", path)
        with open(f"/proc/self/fd/{handle}", "rb") as file:
            content = file.read(limit + 1)
    finally:
        os.close(handle)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"Has more than {limit} bytes", path)
    return content

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder for what is only needed now: what is made and tried there is run by root, so nobody else may reach it."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
import typing as t

from .trusted import fault


@contextlib.contextmanager
def scratch() -> t.Iterator[str]:
    """Make a folder that nobody else may enter, rename or replace, and remove it at the end.

    :raises PermissionError: the place for temporary files is not such that this can be had.
    """
    place = tempfile.gettempdir()
    wrong = fault(place, temporary=True)
    if wrong:
        raise PermissionError(errno.EPERM, f"no place for temporary files (TMPDIR): {wrong}", place)
    folder = tempfile.mkdtemp(prefix="keepalive-", dir=place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)

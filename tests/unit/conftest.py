# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the tests have their folders: root runs nothing that lies below /tmp, where everybody may make names.

Each run has a folder of its own. In pytest's common one, a run that starts takes away the right of other users to pass
through it, which tests of a run beside it have just given them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import shutil
import tempfile
import typing as t

_PREFIX = "keepalive-tests."

_held: t.List[int] = []
"""Descriptors that lock the folder of this run, till it ends. A run in a container may have the same folders, and see
nothing of our processes."""


def _folder_of_this_run() -> str:
    """Make the folder, and remove those of runs that have ended: until then, what a test has left can be looked at."""
    place = pathlib.Path("/var/lib" if os.geteuid() == 0 else os.path.expanduser("~"))
    for left in place.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), _locked(left, fcntl.LOCK_EX):
            shutil.rmtree(left, ignore_errors=True)
    while not _held:  # another run may take the new one for left, before it is locked
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
        with contextlib.suppress(BlockingIOError, FileNotFoundError):
            lock = _lock(folder, fcntl.LOCK_SH)
            if os.path.isdir(folder):
                _held.append(lock)
    os.chmod(folder, 0o711)  # some tests are about other users
    return folder


def _lock(folder: t.Union[str, pathlib.Path], how: int) -> int:
    """Lock it and return what holds the lock; an OSError at once where another run has it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextlib.contextmanager
def _locked(folder: pathlib.Path, how: int) -> t.Iterator[None]:
    descriptor = _lock(folder, how)
    try:
        yield
    finally:
        os.close(descriptor)


if "PYTEST_DEBUG_TEMPROOT" not in os.environ:  # workers of a run have its folder
    os.environ["PYTEST_DEBUG_TEMPROOT"] = _folder_of_this_run()

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the tests have their folders: root runs nothing that lies below /tmp, where everybody may make names.

Each run has a folder of its own. In pytest's common one, a run that starts takes away the right of other users to pass
through it, which tests of a run beside it have just given them.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import tempfile

_PREFIX = "keepalive-tests."


def _folder_of_this_run() -> str:
    """Make the folder, and remove those of runs that have ended: until then, what a test has left can be looked at."""
    place = pathlib.Path("/var/lib" if os.geteuid() == 0 else os.path.expanduser("~"))
    for left in place.glob(f"{_PREFIX}*.*"):
        if not os.path.exists(f"/proc/{left.name.split('.')[1]}"):
            shutil.rmtree(left, ignore_errors=True)
    folder = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}.", dir=place)
    os.chmod(folder, 0o711)  # some tests are about other users
    return folder


if "PYTEST_DEBUG_TEMPROOT" not in os.environ:  # workers of a run have its folder
    os.environ["PYTEST_DEBUG_TEMPROOT"] = _folder_of_this_run()

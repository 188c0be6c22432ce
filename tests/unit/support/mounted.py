# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Python program in a mount namespace of its own, in which file systems are mounted as a test needs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t

_COLLECTION = "ansible_collections.netops.keepalive.plugins"
_BEFORE = "import json, sys\nsys.path[:0] = json.loads(sys.argv[1])\nasked = json.load(sys.stdin)\n"

BROKEN_PRELOAD = """
    mount -t tmpfs tmpfs /mnt
    mkdir /mnt/upper /mnt/work
    echo /nowhere/of-others.so > /mnt/upper/ld.so.preload
    mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc
"""
"""An /etc/ld.so.preload of others whose library is missing: the loader complains whenever a program starts."""


def run_mounted(mounts: str, program: str, asked: t.Any = None, flags: t.Sequence[str] = (), **variables: str) -> t.Any:
    """Return what a program prints as JSON; where one of the mounts fails, nothing is run.

    :param program: Python, in which C(from .) means the plugins of the collection and
        C(asked) is what was asked.
    :param flags: for unshare(1).
    """
    script = f'{mounts}\nexec "$0" -c "$1" "$2"'
    paths = json.dumps([os.path.abspath(path) for path in sys.path if path])
    text = _BEFORE + program.replace("from .", f"from {_COLLECTION}.")
    done = subprocess.run(
        ["unshare", "--mount", *flags, "sh", "-ec", script, sys.executable, text, paths],
        input=json.dumps(asked),  # an argument may not be as long as all sources are
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)

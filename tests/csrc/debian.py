# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's daemons without installing them: an installed one would start, and chrony would replace another's clock."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from csrc_support import tool


def unpack(folder: Path, *packages: str) -> Path:
    """Unpack what is missing of these packages, and of what they need, below folder/root."""
    root = folder / "root"
    root.mkdir()
    apt = tool("apt-get", "apt")
    simulated = subprocess.run(
        [apt, "install", "--simulate", "--no-install-recommends", *packages],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert simulated.returncode == 0, f"{simulated.stderr} (is `apt-get update` due?)"
    missing = [line.split()[1] for line in simulated.stdout.splitlines() if line.startswith("Inst ")]
    if missing:
        # As root, apt would like to download as another user, who may not write here.
        command = [apt, "-o", "APT::Sandbox::User=root", "download", *missing]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    for package in folder.glob("*.deb"):
        subprocess.run([tool("dpkg-deb", "dpkg"), "--extract", str(package), str(root)], check=True)
    return root


def program(root: Path, pattern: str) -> Path:
    """The program below root, or the installed one: program(root, "usr/sbin/nginx")."""
    for base in (root, Path("/")):
        for found in sorted(base.glob(pattern)):
            return found
    raise AssertionError(f"no {pattern}, neither installed nor below {root}")


def libraries(root: Path) -> str:
    """LD_LIBRARY_PATH for the programs below root."""
    return os.pathsep.join(map(str, [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]))

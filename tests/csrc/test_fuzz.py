# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A short run of the fuzz targets, with a fixed seed and number of inputs; `make fuzz` is the long one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from csrc_support import HERE, clean_environment, tool

INPUTS = 40000


def test_a_bounded_run(tmp_path: Path) -> None:
    tool("clang", "clang and libclang-rt-dev")
    done = subprocess.run(
        [HERE / "fuzz" / "run", tmp_path, f"-runs={INPUTS}", "-seed=1"],
        capture_output=True, text=True, env=clean_environment(), timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    coverage = [int(number) for number in re.findall(r"cov: (\d+)", done.stdout)]
    assert done.stdout.count(f"number_of_executed_units: {INPUTS}") == 2
    # The seeds alone reach about 190 and 75: less than this would mean that the targets do not reach the code.
    assert coverage[0] > 250 and coverage[1] > 90, done.stdout

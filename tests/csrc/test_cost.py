# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every process of a host pays at its start, counted in instructions, which are the same in every run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from csrc_support import LIBRARIES, clean_environment, tool


def instructions(preload: Path | None) -> int:
    """What /bin/true executes outside the kernel, its loader included."""
    environment = clean_environment() | ({"LD_PRELOAD": str(preload)} if preload else {})
    command = [tool("valgrind", "valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", "/bin/true"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> int:
    """What a library adds that does nothing, as the compiler makes it."""
    library = tmp_path_factory.mktemp("empty") / "empty.so"
    command = [tool("gcc", "gcc"), "-O2", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input="", text=True, check=True)
    return instructions(library) - instructions(None)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_start_of_a_process(built: Path, empty: int, library: str) -> None:
    """At most a tenth more than an empty library."""
    assert empty > 0
    assert instructions(built / library) - instructions(None) <= 1.1 * empty

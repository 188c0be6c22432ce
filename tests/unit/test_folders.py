# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the tests beside each other leave each other's folders alone; where they cannot be run is said at once."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.tests.unit.support.audited import open_to_all

TOP = pathlib.Path(__file__).parents[2]


@pytest.mark.parametrize("beside", [(), ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, whose folders others may not pass")
def test_a_run_that_starts_does_not_close_or_remove_the_folders_of_another(
    tmp_path: pathlib.Path, beside: t.Tuple[str, ...]
) -> None:
    """Nor does one in a container that has the same folders, and does not see the processes of this one."""
    open_to_all(tmp_path)
    test = "tests/unit/plugins/module_utils/host_wide/test_settings_file_sections.py"  # a short one that has a folder
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_DEBUG_TEMPROOT"}
    command = [*beside, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", test]
    done = subprocess.run(command, cwd=TOP, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    can_pass = subprocess.run(["test", "-d", f"{tmp_path}/."], user=65534, group=65534, extra_groups=[], check=False)
    assert can_pass.returncode == 0


@pytest.mark.parametrize("target", ["test", "test-all", "test-unit"])
def test_a_checkout_with_a_blank_in_its_path_is_refused_by_name(tmp_path: pathlib.Path, target: str) -> None:
    status, said = dry_run(tmp_path / "my checkouts", target)
    assert status == 2
    assert f"{tmp_path}/my checkouts" in said and "clone it to another folder" in said


@pytest.mark.parametrize(("folder", "target"), [("my checkouts", "demo"), ("checkouts", "test-unit")])
def test_elsewhere_and_for_the_demo_it_is_not(tmp_path: pathlib.Path, folder: str, target: str) -> None:
    assert dry_run(tmp_path / folder, target)[0] == 0


def dry_run(folder: pathlib.Path, target: str) -> t.Tuple[int, str]:
    """Ask make in a folder with what the Makefile needs what it would do; return its status and its errors."""
    shutil.copytree(TOP / ".ci", folder / ".ci")
    for name in ("Makefile", "requirements-dev.txt"):
        shutil.copy(TOP / name, folder)
    done = subprocess.run(["make", "-n", target], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr

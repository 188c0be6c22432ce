# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests find the same in the shell of a hardened host, of who uses the libraries, and with any language."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
UNUSUAL = {
    **os.environ, "ANSIBLE_HOME": "/srv/ansible", "ANSIBLE_STDOUT_CALLBACK": "minimal", "LANG": "xx_XX.UTF-8",
    "LC_ALL": "xx_XX.UTF-8", "LIBKEEPALIVE_DEBUG": "1", "TCP_KEEPIDLE": "7",
}  # fmt: skip


def in_unusual_shell(*command: str, home: str = "/srv/ansible") -> str:
    with_mask = ["sh", "-c", 'umask 077; exec "$@"', "sh", *command]
    environment = {**UNUSUAL, "ANSIBLE_HOME": home}
    environment.pop("PYTEST_DEBUG_TEMPROOT", None)  # a pytest that starts in the folder of this run closes it to others
    done = subprocess.run(with_mask, cwd=TOP, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_what_make_starts_has_none_of_it() -> None:
    shown = in_unusual_shell("make", "--eval", "show:; @umask; env", "show").splitlines()
    assert shown[0] == "0022"
    assert "LC_ALL=C.UTF-8" in shown
    prefixes = ("ANSIBLE_", "LIBKEEPALIVE_", "TCP_")
    given = sorted(line for line in shown if line.startswith(prefixes))
    assert given == [f"ANSIBLE_COLLECTIONS_PATH={TOP}/.ansible/collections", "ANSIBLE_HOME=/srv/ansible"]


def test_a_failure_in_a_pipe_still_ends_what_make_does() -> None:
    command = ["make", "--eval", "show:; @false | true; echo went on", "show"]
    done = subprocess.run(command, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")


def test_a_test_that_is_run_alone_has_none_of_it(tmp_path: pathlib.Path) -> None:
    """One of them runs Ansible, the other looks at the mode of a file that it has made itself."""
    tests = (
        "filter/test_detection_time.py::test_the_examples_do_what_they_say",
        "module_utils/linux/test_files.py::test_files_are_written_replaced_and_removed",
    )
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
    said = in_unusual_shell(*pytest, *(f"tests/unit/plugins/{test}" for test in tests), home=str(tmp_path))
    assert "2 passed" in said

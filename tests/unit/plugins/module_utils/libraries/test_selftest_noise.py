# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host does by itself is not held against a library, and what a library adds is not hidden by it."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import selftest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.selftest import (
    Refused,
    try_files,
    try_libraries,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.table import FILES, PROGRAM, File
from ansible_collections.netops.keepalive.plugins.module_utils.settings.options import LIBRARIES
from ansible_collections.netops.keepalive.tests.unit.support import bad_libraries
from ansible_collections.netops.keepalive.tests.unit.support.mounted import BROKEN_PRELOAD, run_mounted

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a mount namespace")

ASK = """
from .module_utils.libraries.selftest import Refused, try_files
try:
    try_files(asked)
    print(json.dumps("passed"))
except Refused as error:
    print(json.dumps(str(error)))
"""


def script(path: pathlib.Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@needs_root
def test_an_entry_of_others_whose_library_is_missing(libraries: pathlib.Path) -> None:
    """The loader complains of it whenever a program starts, with whatever library."""
    ours = [str(libraries / name) for name in (*LIBRARIES.values(), "libkeepalive_inspect.so", "keepalive-watchdog")]
    assert run_mounted(BROKEN_PRELOAD, ASK, ours) == "passed"


@needs_root
def test_a_library_that_does_not_load_there_either(tmp_path: pathlib.Path) -> None:
    (tmp_path / "libx.so").write_text("no library")
    said = run_mounted(BROKEN_PRELOAD, ASK, [str(tmp_path / "libx.so")])
    assert said.startswith("libx.so: /usr/bin/true with it ended with status 0 and said: ERROR: ld.so: object")
    assert "libx.so" in said.split("said: ")[1] and "of-others" not in said


def test_a_wrapper_that_says_something_else_each_time(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers do not count: PIDs and times differ from run to run."""
    wrapper = script(tmp_path / "true", 'echo "I am $$" >&2')
    monkeypatch.setattr(selftest, "find_program", lambda _name: wrapper)
    try_libraries([str(bad_libraries.good(tmp_path / "libx.so"))])
    bad = bad_libraries.compile_library(tmp_path / "liby.so", bad_libraries.CONSTRUCTOR % 'write(2, "boo\\n", 4)')
    with pytest.raises(Refused, match=rf"^liby\.so: {wrapper} with it ended with status 0 and said: boo$"):
        try_libraries([str(bad)])


def test_a_python_that_complains(
    tmp_path: pathlib.Path, libraries: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = script(tmp_path / "python", f'echo "no such locale" >&2; exec {sys.executable} "$@"')
    monkeypatch.setattr(sys, "executable", python)
    try_libraries([str(libraries / name) for name in LIBRARIES.values()])


def test_a_program_that_fails_without_the_library_too(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapper = script(tmp_path / "true", "echo 'out of order\033[2J' >&2; exit 3")
    monkeypatch.setattr(selftest, "find_program", lambda _name: wrapper)
    with pytest.raises(Refused) as refused:
        try_libraries([str(bad_libraries.good(tmp_path / "libx.so"))])
    assert str(refused.value) == (
        f"libx.so: {wrapper} with it ended with status 3, but that says nothing, because without it {wrapper} ended"
        " with status 3 and said: out of order\\x1b[2J; put that right on this host"
    )


@needs_root
def test_a_host_without_loopback(libraries: pathlib.Path) -> None:
    """The conversation fails by itself there."""
    said = run_mounted("true", ASK, [str(libraries / "libkeepalive.so")], flags=["--net"])
    assert said.startswith(
        "libkeepalive.so: a TCP conversation over loopback ended with status 1, but that says nothing"
    )
    assert said.endswith("and said: OSError: [Errno 101] Network is unreachable; put that right on this host")


def test_a_program_whose_loader_is_not_there(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one for another C library or word size: the kernel says that the program itself were not there."""
    monkeypatch.setitem(FILES, "tool", File("tool", PROGRAM, 0o755))
    (tmp_path / "tool.c").write_text("int main(void) { return 0; }\n")
    command = ["cc", "-Wl,--dynamic-linker=/nowhere/ld.so.1", "-o", tmp_path / "tool", tmp_path / "tool.c"]
    subprocess.run(command, check=True)
    with pytest.raises(Refused) as refused:
        try_files([str(tmp_path / "tool")])
    assert str(refused.value) == (
        "tool --help cannot be started: the loader that it names, /nowhere/ld.so.1, is not on this host"
    )

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page of the manual: it names every option, man and mandoc have nothing to say of it, and it comes and goes."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command.main import _parser
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import (
    Target,
    installed_parts,
    put_command,
    reasons_to_put,
    take_command,
)
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.manual import MANUAL

GOOD = b"#!/bin/sh\necho usage\n"


@pytest.fixture(name="target")
def target_fixture(tmp_path: pathlib.Path) -> Target:
    for name in ("lib", "bin", "share/man"):
        (tmp_path / name).mkdir(parents=True)
    return Target(f"{tmp_path}/lib", f"{tmp_path}/bin/keepalive-sockets")


def put(target: Target) -> None:
    put_command(target, GOOD, lambda _path, _place: None)


def test_it_names_every_option_as_the_help_does() -> None:
    said = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z]*", MANUAL.replace("\\-", "-")))
    known = {option for action in _parser()._actions for option in action.option_strings}
    assert known - said == set()
    assert {word for word in said if word.startswith("--")} - known == set()


def test_no_line_is_wider_than_a_page() -> None:
    assert max(map(len, MANUAL.splitlines())) <= 110


@pytest.mark.skipif(shutil.which("man") is None, reason="needs man (Debian: man-db)")
def test_man_has_no_warning(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "keepalive-sockets.1"
    page.write_text(MANUAL)
    environment = {**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["man", "--warnings", "--local-file", str(page)], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == "" and "EXIT STATUS" in done.stdout


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="needs mandoc")
def test_mandoc_has_no_warning(tmp_path: pathlib.Path) -> None:
    page = tmp_path / "keepalive-sockets.1"
    page.write_text(MANUAL)
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_it_comes_and_goes_with_the_command(target: Target, tmp_path: pathlib.Path) -> None:
    assert f"the page {target.page} is missing or another" in reasons_to_put(target, GOOD)
    put(target)
    assert reasons_to_put(target, GOOD) == []
    assert pathlib.Path(target.page).read_text() == MANUAL
    assert installed_parts(target) == [target.link, target.page, target.path]
    take_command(target)
    assert installed_parts(target) == [] and os.listdir(tmp_path / "share/man") == []


def test_an_old_page_is_replaced_and_one_of_others_stays(target: Target) -> None:
    put(target)
    page = pathlib.Path(target.page)
    page.write_text(MANUAL + ".PP\nold\n")
    assert reasons_to_put(target, GOOD) == [f"the page {target.page} is missing or another"]
    put(target)
    assert page.read_text() == MANUAL
    page.write_text(".TH OTHERS 1\n")
    put(target)
    assert (page.read_text(), reasons_to_put(target, GOOD)) == (".TH OTHERS 1\n", [])
    take_command(target)
    assert page.read_text() == ".TH OTHERS 1\n"


def test_a_host_that_keeps_no_manual_gets_none(target: Target, tmp_path: pathlib.Path) -> None:
    (tmp_path / "share/man").rmdir()
    put(target)
    assert reasons_to_put(target, GOOD) == [] and not (tmp_path / "share/man").exists()

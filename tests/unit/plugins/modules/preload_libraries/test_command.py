# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command that is installed beside the libraries, and its link."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.command import archive
from ansible_collections.netops.keepalive.plugins.module_utils.linux.carried import text_of_files
from ansible_collections.netops.keepalive.plugins.module_utils.linux.compiled import read_compiled
from ansible_collections.netops.keepalive.plugins.modules import preload_libraries
from ansible_collections.netops.keepalive.tests.unit.plugins.modules.preload_libraries.runs import (
    Run,
    snapshot,
)


@pytest.fixture(name="link")
def link_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin" / "keepalive-sockets"


@pytest.fixture(name="warnings")
def warnings_fixture(monkeypatch: pytest.MonkeyPatch) -> t.List[str]:
    warnings: t.List[str] = []
    monkeypatch.setattr(preload_libraries.Module, "warn", lambda self, text: warnings.append(text))
    return warnings


SAYS_HELP = {"command/__init__.py": "", "command/main.py": "def main():\n    print('help')\n    return 0\n"}


def test_the_command_from_nothing_to_nothing(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    command = lib / "keepalive-sockets"
    arguments = {"command": archive.collect(), "command_link": str(link)}
    foretold = run(check=True, **arguments)
    assert (foretold["changed"], lib.exists()) == (True, False)
    result = run(**arguments)
    assert result["reason"] == f"not installed; keepalive-sockets is not installed; the link {link} is missing"
    assert result["command"] == {"path": str(command), "link": str(link)}
    assert os.readlink(link) == str(command)
    assert command.stat().st_mode & 0o7777 == 0o755
    for diff in (foretold["diff"], result["diff"]):
        assert f"{link} -> {command}\n" in diff["after"] and str(command) not in diff["before"]
    said = subprocess.run([str(link), "--help"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("usage: keepalive-sockets")
    assert "keepalive-sockets" not in {*result["libraries"], *result["other_files"]}
    again = run(**arguments)
    assert (again["changed"], again["reason"], again["diff"]["before"]) == (False, "", again["diff"]["after"])
    assert run(check=True, state="absent", command_link=str(link))["removed"][-2:] == [str(link), str(command)]
    assert run(state="absent", command_link=str(link))["changed"] is True
    assert not lib.exists() and not link.is_symlink()
    assert run(state="absent", command_link=str(link))["changed"] is False


def test_a_new_command_needs_no_compiler(
    run: Run, lib: pathlib.Path, link: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(command=SAYS_HELP, command_link=str(link))
    before = snapshot(lib)
    monkeypatch.setattr(preload_libraries.build, "build", lambda *_arguments: pytest.fail("compiled again"))
    result = run(command={**SAYS_HELP, "command/more.py": ""}, command_link=str(link))
    assert (result["changed"], result["reason"]) == (True, "keepalive-sockets changed")
    after = snapshot(lib)
    assert after.pop("keepalive-sockets") != before.pop("keepalive-sockets")
    assert after == before


@pytest.mark.parametrize("harm", ["gone", "changed", "mode", "link"])
def test_a_command_that_was_touched_is_put_right(run: Run, lib: pathlib.Path, link: pathlib.Path, harm: str) -> None:
    arguments = {"command": SAYS_HELP, "command_link": str(link)}
    run(**arguments)
    command = lib / "keepalive-sockets"
    right = command.read_bytes()
    if harm == "gone":
        command.unlink()
    elif harm == "changed":
        command.write_bytes(b"")
    elif harm == "mode":
        command.chmod(0o644)
    else:
        link.unlink()
    assert run(check=True, **arguments)["changed"] is True
    assert run(**arguments)["changed"] is True
    assert (command.read_bytes(), command.stat().st_mode & 0o7777, link.exists()) == (right, 0o755, True)
    assert run(**arguments)["changed"] is False


def test_what_stands_in_the_way_of_the_link_stays(
    run: Run, lib: pathlib.Path, link: pathlib.Path, warnings: t.List[str]
) -> None:
    link.write_text("somebody's own")
    result = run(command=SAYS_HELP, command_link=str(link))
    assert result["command"] == {"path": str(lib / "keepalive-sockets"), "link": ""}
    assert warnings == [f"keepalive-sockets has no link: {link} is somebody else's and was left alone"]
    assert run(command=SAYS_HELP, command_link=str(link))["changed"] is False
    run(state="absent", command_link=str(link))
    assert link.read_text() == "somebody's own"


def test_no_link_and_no_folder_for_it(run: Run, tmp_path: pathlib.Path, warnings: t.List[str]) -> None:
    assert run(command=SAYS_HELP, command_link="")["command"]["link"] == ""
    assert warnings == []
    assert run(command=SAYS_HELP, command_link=str(tmp_path / "no" / "x"))["changed"] is False
    assert warnings == [f"keepalive-sockets has no link: there is no folder {tmp_path / 'no'}"]


def test_a_command_that_does_not_run_is_no_failure(
    run: Run, lib: pathlib.Path, link: pathlib.Path, warnings: t.List[str]
) -> None:
    result = run(
        command={"command/__init__.py": "", "command/main.py": "raise SystemExit('no')"}, command_link=str(link)
    )
    assert (result["changed"], result["command"]) == (True, None)
    assert sorted(snapshot(lib)) == ["manifest.json", "one.so", "two.so"]
    assert not link.is_symlink()
    assert len(warnings) == 1 and "keepalive-sockets was not installed: keepalive-sockets --help" in warnings[0]


def test_what_its_python_says_by_itself_is_not_held_against_the_command(
    run: Run, tmp_path: pathlib.Path, warnings: t.List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of an entry of others in /etc/ld.so.preload whose library is missing."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho "I am $$" >&2\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(archive, "INTERPRETERS", (str(python),))
    assert run(command=SAYS_HELP, command_link="")["command"] is not None
    assert warnings == []


def test_a_command_whose_python_others_could_change_is_not_installed(
    run: Run, lib: pathlib.Path, tmp_path: pathlib.Path, warnings: t.List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the Python of somebody's home that Ansible was told to run: root would run it again with each call."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "python3").symlink_to("/usr/bin/python3")
    home.chmod(0o777)
    monkeypatch.setattr(archive, "INTERPRETERS", ())
    monkeypatch.setattr(archive.sys, "executable", str(home / "python3"))
    assert run(command=SAYS_HELP, command_link="")["command"] is None
    assert sorted(snapshot(lib)) == ["manifest.json", "one.so", "two.so"]
    said = f"keepalive-sockets was not installed: keepalive-sockets --help cannot be started: {home} belongs to user"
    assert warnings[0].startswith(said)


def test_without_a_compiler_nothing_is_there(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    result = run(cc="no-such-compiler", missing_compiler="report", command=SAYS_HELP, command_link=str(link))
    assert (result["needs_compiler"], result["changed"]) == (True, False)
    assert not lib.exists() and not link.is_symlink()


LOOK = text_of_files({"look/__init__.py": "", "look/on_host.py": "X = 1\n"})


def test_what_looks_is_kept_compiled_beside_the_command(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    arguments = {"command": SAYS_HELP, "command_link": str(link), "look": LOOK}
    kept = lib / "keepalive-look.compiled"
    run(check=True, **arguments)
    assert not kept.exists()
    run(**arguments)
    assert sorted(read_compiled(LOOK, str(kept)) or ()) == ["look/__init__.py", "look/on_host.py"]
    assert kept.stat().st_mode & 0o7777 == 0o644
    before = kept.stat().st_ino
    assert run(**arguments)["changed"] is False and kept.stat().st_ino == before
    other = text_of_files({"look/__init__.py": ""})
    run(**{**arguments, "look": other})
    assert read_compiled(LOOK, str(kept)) is None and read_compiled(other, str(kept)) is not None
    assert str(kept) in run(state="absent", command_link=str(link))["removed"] and not lib.exists()


def test_where_it_cannot_be_kept_the_rest_is_installed(run: Run, lib: pathlib.Path, link: pathlib.Path) -> None:
    run(command=SAYS_HELP, command_link=str(link))
    (lib / "keepalive-look.compiled").mkdir()
    result = run(command={**SAYS_HELP, "command/more.py": ""}, command_link=str(link), look=LOOK)
    assert result["command"] == {"path": str(lib / "keepalive-sockets"), "link": str(link)}

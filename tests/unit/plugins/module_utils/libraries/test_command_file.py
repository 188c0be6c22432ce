# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command's file and its link on a host: what is in order, what is put right, and what stays."""

from __future__ import annotations

import hashlib
import os
import pathlib
import stat
import sys
import typing as t

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.libraries import command_file
from ansible_collections.netops.keepalive.plugins.module_utils.libraries.command_file import DoesNotRun, Target
from ansible_collections.netops.keepalive.plugins.module_utils.linux import baseline
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended

NAME = "keepalive-sockets"
GOOD = b"#!/bin/sh\necho usage\n"


@pytest.fixture(name="target")
def target_fixture(tmp_path: pathlib.Path) -> Target:
    for name in ("lib", "bin"):
        (tmp_path / name).mkdir()
    return Target(f"{tmp_path}/lib", f"{tmp_path}/bin/{NAME}")


def put(target: Target, content: bytes = GOOD) -> t.List[t.Tuple[str, str]]:
    labelled: t.List[t.Tuple[str, str]] = []
    command_file.put_command(target, content, lambda path, place: labelled.append((path, place)))
    return labelled


def test_from_nothing_to_nothing(target: Target) -> None:
    nothing, no_link = f"{NAME} is not installed", f"the link {target.link} is missing"
    assert command_file.reasons_to_put(target, GOOD) == [nothing, no_link]
    assert (command_file.observed_command(target), command_file.installed_parts(target)) == ("", [])
    assert put(target) == [(f"{target.folder}/.{NAME}.new", target.path)], "labelled before it is there"
    assert stat.S_IMODE(os.stat(target.path).st_mode) == 0o755
    assert command_file.reasons_to_put(target, GOOD) == []
    checksum = f"{target.path} sha256 {hashlib.sha256(GOOD).hexdigest()}\n"
    link = f"{target.link} -> {target.path}\n"
    assert command_file.observed_command(target) == command_file.wanted_command(target, GOOD, True) == checksum + link
    assert command_file.installed_parts(target) == [target.link, target.path]
    inode = os.stat(target.path).st_ino
    assert put(target) == [] and os.stat(target.path).st_ino == inode
    os.unlink(target.link)
    assert command_file.reasons_to_put(target, GOOD) == [no_link]
    assert command_file.observed_command(target) == checksum
    assert put(target) == [] and os.stat(target.path).st_ino == inode, "the file was right"
    command_file.take_command(target)
    assert os.listdir(target.folder) == os.listdir(os.path.dirname(target.link)) == []
    command_file.take_command(target)


def test_without_a_link_none_is_missing(target: Target) -> None:
    alone = target._replace(link="")
    assert (alone.linked, alone.obstacle) == (False, "")
    put(alone)
    assert command_file.reasons_to_put(alone, GOOD) == []
    assert command_file.installed_parts(alone) == [target.path]
    assert not os.path.lexists(target.link)


def test_a_link_that_leads_elsewhere_is_somebody_elses(target: Target) -> None:
    os.symlink("/nowhere", target.link)
    assert (target.linked, target.obstacle) == (False, f"{target.link} is somebody else's and was left alone")
    put(target)
    assert command_file.reasons_to_put(target, GOOD) == []
    assert os.readlink(target.link) == "/nowhere"
    command_file.take_command(target)
    assert os.path.lexists(target.link) and not os.path.exists(target.path)


def test_a_link_that_nobody_is_behind_is_ours(target: Target) -> None:
    os.symlink(target.path, target.link)
    assert (target.linked, target.obstacle) == (True, "")
    assert command_file.reasons_to_put(target, GOOD) == [f"{NAME} is not installed"]
    assert command_file.installed_parts(target) == [target.link]
    put(target)
    assert command_file.reasons_to_put(target, GOOD) == []


def test_without_the_folder_of_the_link_there_is_none(target: Target) -> None:
    lost = target._replace(link=f"{target.folder}/no/{NAME}")
    assert lost.obstacle == f"there is no folder {target.folder}/no"
    put(lost)
    assert command_file.reasons_to_put(lost, GOOD) == []


@pytest.mark.parametrize("mode", [0o744, 0o4755])
def test_another_mode_is_put_right(target: Target, mode: int) -> None:
    put(target)
    os.chmod(target.path, mode)
    assert command_file.reasons_to_put(target, GOOD) == [f"{NAME} had another mode or owner"]
    put(target)
    assert stat.S_IMODE(os.stat(target.path).st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_another_owner_is_put_right(target: Target) -> None:
    put(target)
    os.chown(target.path, 12345, 0)
    assert command_file.reasons_to_put(target, GOOD) == [f"{NAME} had another mode or owner"]
    put(target)
    assert os.stat(target.path).st_uid == 0


def test_what_is_no_file_in_its_place_counts_as_none(target: Target) -> None:
    os.symlink("/etc/passwd", target.path)
    assert command_file.observed_command(target) == ""
    assert command_file.reasons_to_put(target, GOOD)[0] == f"{NAME} is not installed"
    put(target)
    assert pathlib.Path(target.path).read_bytes() == GOOD and not os.path.islink(target.path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("print('out'); sys.stderr.write('well\\nno\\x1b'); sys.exit(3)", "ended with status 3 and said: no\\x1b"),
        ("print('out'); sys.exit(3)", "ended with status 3"),
        ("sys.stderr.write('oops\\nwell')", "ended with status 0 and said: oops"),
        ("sys.exit(9 if sys.argv[1:] == ['--help'] else 0)", "ended with status 9"),
    ],
)
def test_a_command_that_does_not_run_leaves_the_old_one(target: Target, content: str, said: str) -> None:
    put(target)
    with pytest.raises(DoesNotRun) as error:
        put(target, f"#!{sys.executable} -I\nimport sys\n{content}\n".encode())
    assert str(error.value) == f"{NAME} --help {said}"
    assert pathlib.Path(target.path).read_bytes() == GOOD
    assert os.listdir(target.folder) == [NAME]


def test_what_its_python_does_by_itself_is_no_fault_of_the_command(target: Target, tmp_path: pathlib.Path) -> None:
    """One that is not there, fails or complains, as where a locale is missing."""
    python = tmp_path / "python"
    content = f"#!{python} -I\nimport sys\nsys.stderr.write(sys.argv[1])\n".encode()
    with pytest.raises(DoesNotRun) as error:
        put(target, content)
    assert str(error.value) == f"without it {python} cannot be started: No such file or directory"
    python.write_text("#!/bin/sh\necho out of order >&2; exit 3\n")
    python.chmod(0o755)
    with pytest.raises(DoesNotRun) as error:
        put(target, content)
    assert str(error.value) == f"without it {python} ended with status 3 and said: out of order"
    python.write_text(f'#!/bin/sh\necho "no locale ($$)" >&2; exec {sys.executable} "$@"\n')
    with pytest.raises(DoesNotRun) as error:
        put(target, content)
    assert str(error.value) == f"{NAME} --help ended with status 0 and said: --help"
    assert os.listdir(target.folder) == []
    put(target, content.replace(b"sys.argv[1]", b"''"))
    assert os.listdir(target.folder) == [NAME]


def test_the_help_is_asked_of_the_new_file(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its interpreter is only asked for itself where there is something to compare."""
    asked = []
    says = ""

    def run(command: t.List[str], seconds: float, environment: t.Optional[t.Mapping[str, str]]) -> Ended:
        assert (seconds, environment) == (30, None)
        asked.append((command, stat.S_IMODE(os.stat(command[0]).st_mode)))
        return Ended(0, "usage", says)

    monkeypatch.setattr(baseline, "run", run)
    help_ = ([f"{target.folder}/.{NAME}.new", "--help"], 0o755)
    put(target)
    assert asked == [help_]
    says = "noise\n"
    put(target, b"#!/bin/sh -e\n\n")
    assert asked == [help_, help_, (["/bin/sh", "-e", "-c", "pass"], 0o755)]

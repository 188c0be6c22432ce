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
from ansible_collections.netops.keepalive.plugins.module_utils.command import file as command_file
from ansible_collections.netops.keepalive.plugins.module_utils.command.file import DoesNotRun, Target
from ansible_collections.netops.keepalive.plugins.module_utils.linux.baseline import Attempt
from ansible_collections.netops.keepalive.plugins.module_utils.linux.command import Ended

NAME = "keepalive-sockets"
GOOD = b"#!/bin/sh\necho usage\n"


@pytest.fixture(name="target")
def target_fixture(tmp_path: pathlib.Path) -> Target:
    for name in ("lib", "bin"):
        (tmp_path / name).mkdir()
    return Target(f"{tmp_path}/lib", f"{tmp_path}/bin/{NAME}")


def script(code: str) -> bytes:
    return f"#!{sys.executable} -I\nimport sys\n{code}\n".encode()


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
        (script("print('out'); sys.exit('no')"), f"{NAME} --help ended with status 1 and said: no"),
        (script("print('out'); sys.exit(3)"), f"{NAME} --help ended with status 3"),
        (script("print('oops', file=sys.stderr)"), f"{NAME} --help ended with status 0 and said: oops"),
        (script("sys.exit(9 if sys.argv[1:] == ['--help'] else 0)"), f"{NAME} --help ended with status 9"),
        (b"#!/nowhere\n", "without it /nowhere cannot be started: No such file or directory"),
        (b"#!/bin/false\n", "without it /bin/false ended with status 1"),
    ],
)  # fmt: skip
def test_a_command_that_does_not_run_leaves_the_old_one(target: Target, content: bytes, said: str) -> None:
    put(target)
    with pytest.raises(DoesNotRun) as error:
        put(target, content)
    assert str(error.value) == said
    assert pathlib.Path(target.path).read_bytes() == GOOD
    assert os.listdir(target.folder) == [NAME]


def test_the_help_is_asked_of_the_new_file(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run_once(command: t.List[str], seconds: float) -> Attempt:
        asked.append((command, seconds, stat.S_IMODE(os.stat(command[0]).st_mode)))
        return Attempt(Ended(0, "usage", ""), "")

    monkeypatch.setattr(command_file, "run_once", run_once)
    put(target)
    assert asked == [([f"{target.folder}/.{NAME}.new", "--help"], 30, 0o755)]


def test_what_the_interpreter_does_without_it_too_is_not_held_against_it(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where every start complains of an entry of others in /etc/ld.so.preload."""
    asked = []

    def run_once(command: t.List[str], seconds: float) -> Attempt:
        asked.append((command, seconds))
        return Attempt(Ended(0, "", "ld.so: x.so is missing"), "ended with status 0")

    monkeypatch.setattr(command_file, "run_once", run_once)
    put(target, b"#!/usr/bin/python3 -I\n")
    plain = ["/usr/bin/python3", "-I", "-c", "pass"]
    assert asked == [([f"{target.folder}/.{NAME}.new", "--help"], 30), (plain, 30)]
    assert pathlib.Path(target.path).read_bytes() == b"#!/usr/bin/python3 -I\n"

# Copyright (c) 2026, The netops.keepalive authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Root runs and loads only what nobody else can change: the file, every folder above it, every link on the way."""

from __future__ import annotations

import os
import pathlib
import shutil
import struct

import pytest
from ansible_collections.netops.keepalive.plugins.module_utils.linux import command as linux_command
from ansible_collections.netops.keepalive.plugins.module_utils.linux import trusted
from ansible_collections.netops.keepalive.plugins.module_utils.linux.trusted import fault, fault_of_program

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")

SOMEBODY = 12345


@pytest.fixture(name="program")
def program_fixture(tmp_path: pathlib.Path) -> pathlib.Path:
    """A program three folders down; all of it is root's."""
    path = tmp_path / "opt" / "bin" / "program"
    path.parent.mkdir(parents=True)
    shutil.copy("/bin/true", path)
    for part in (path, path.parent, path.parent.parent):
        part.chmod(0o755)
    return path


def test_what_is_roots_alone_is_trusted(program: pathlib.Path) -> None:
    assert fault(str(program)) == ""
    assert fault("/") == ""
    assert fault(str(program.parent) + "//./../bin/program") == ""


@pytest.mark.parametrize("part", ["opt", "opt/bin", "opt/bin/program"])
@pytest.mark.parametrize(
    ("mode", "owner", "words"),
    [
        (0o775, 0, "belongs to user 0 and has mode 0775: nobody else may write there"),
        (0o757, 0, "belongs to user 0 and has mode 0757: nobody else may write there"),
        (0o755, SOMEBODY, "belongs to user 12345 and has mode 0755: it must belong to root"),
        (0o777, SOMEBODY, "and has mode 0777: it must belong to root and nobody else may write there"),
    ],
)
def test_each_part_counts_and_is_named(
    tmp_path: pathlib.Path, program: pathlib.Path, part: str, mode: int, owner: int, words: str
) -> None:
    (tmp_path / part).chmod(mode)
    os.chown(tmp_path / part, owner, 50)
    found = fault(str(program))
    assert found.startswith(f"{tmp_path / part} belongs to user {owner} ")
    assert found.endswith(words)


def test_a_folder_in_which_everybody_may_make_names_is_writable_by_others(
    tmp_path: pathlib.Path, program: pathlib.Path
) -> None:
    (tmp_path / "opt").chmod(0o1777)
    found = "belongs to user 0 and has mode 1777, where everybody may make names: nobody else may write there"
    assert fault(str(program)) == f"{tmp_path}/opt {found}"
    assert fault(str(program), temporary=True) == ""
    (tmp_path / "opt").chmod(0o777)
    assert fault(str(program), temporary=True) != ""


def test_an_access_list_that_lets_another_user_write_shows(program: pathlib.Path) -> None:
    """What setfacl -m u:12345:rwx does; acl(5), and linux/posix_acl_xattr.h for how it is stored."""
    nobody = 0xFFFFFFFF
    entries = [(1, 7, nobody), (2, 7, SOMEBODY), (4, 5, nobody), (0x10, 7, nobody), (0x20, 5, nobody)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(program.parent, "system.posix_acl_access", acl)
    except OSError as error:
        pytest.skip(f"this file system has no access lists: {error}")
    assert fault(str(program)).startswith(f"{program.parent} belongs to user 0 and has mode 0775")


def test_links_are_followed_and_their_folders_count(tmp_path: pathlib.Path, program: pathlib.Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(program)
    (program.parent / "near").symlink_to("../../home/link")
    assert fault(str(program.parent / "near")) == ""
    os.chown(home, SOMEBODY, 0)
    assert fault(str(program.parent / "near")).startswith(f"{home} belongs to user {SOMEBODY}"), (
        "over a stranger's link"
    )
    assert fault(str(program)) == ""


def test_a_folder_that_is_a_link_is_followed(tmp_path: pathlib.Path, program: pathlib.Path) -> None:
    (tmp_path / "sbin").symlink_to("opt/bin")
    assert fault(str(tmp_path / "sbin" / "program")) == ""
    os.lchown(tmp_path / "sbin", SOMEBODY, 0)
    assert fault(str(tmp_path / "sbin" / "program")).startswith(f"{tmp_path}/sbin (a symbolic link) belongs to user")


def test_what_cannot_be_looked_at_is_not_trusted(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert fault(f"{tmp_path}/a") == f"{tmp_path}/a: Too many levels of symbolic links"
    assert fault(f"{tmp_path}/none/x") == f"{tmp_path}/none: No such file or directory"
    for path in ("", "bin/true", "./true", "/bin/true\0"):
        assert "is not an absolute path" in fault(path)


def test_what_is_named_cannot_write_on_the_screen(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "\x1b[2J\n"
    folder.mkdir()
    os.chown(folder, SOMEBODY, 0)
    assert fault(str(folder)).startswith(f"{tmp_path}/\\x1b[2J\\x0a belongs to")


@pytest.mark.parametrize(
    "line", ["#!{stranger}", "#! \t{stranger} -x", "#!{script}", "#!{folder}/env sh", "#!/usr/bin/env -S {stranger} -u"]
)
def test_a_script_is_what_its_first_line_has_executed(tmp_path: pathlib.Path, program: pathlib.Path, line: str) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    stranger = folder / "interpreter"
    for name in ("interpreter", "env"):
        shutil.copy("/bin/true", folder / name)
    script = tmp_path / "between"
    script.write_text(f"#!{stranger}\n")
    script.chmod(0o755)
    program.write_text(line.format(stranger=stranger, script=script, folder=folder) + "\n")
    assert fault_of_program(str(program)) == ""
    os.chown(folder, SOMEBODY, 0)
    assert fault_of_program(str(program)).startswith(f"{folder} belongs to user {SOMEBODY}")


@pytest.mark.parametrize("line", ["#!", "#!python3", "#!/bin/s\0h", "#!{itself}"])
def test_a_script_of_nothing_that_can_be_named_is_not_trusted(program: pathlib.Path, line: str) -> None:
    program.write_text(line.format(itself=program) + "\n")
    assert fault_of_program(str(program)) != ""


def test_a_program_that_others_can_change_is_passed_over(
    tmp_path: pathlib.Path, program: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    shutil.copy("/bin/true", local / "program")
    monkeypatch.setattr(linux_command, "SEARCH_PATH", f"{local}:{program.parent}")
    assert linux_command.find_program("program") == f"{local}/program"
    os.chown(local / "program", SOMEBODY, 0)
    assert linux_command.find_program("program") == str(program)
    os.chown(local / "program", 0, 0)
    local.chmod(0o2775)
    assert linux_command.find_program("program") == str(program)
    program.unlink()
    path, why = linux_command.look_for("program")
    assert path is None
    assert why == (
        f"{local} belongs to user 0 and has mode 2775: nobody else may write there, so {local}/program is not run"
    )
    assert linux_command.look_for("none") == (None, "")


def test_what_we_run_does_not_find_its_programs_in_folders_of_others(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    (local / "ls").write_text("#!/bin/sh\necho mine\n")
    (local / "ls").chmod(0o755)
    monkeypatch.setattr(linux_command, "OF_THE_SYSTEM", f"{local}:{linux_command.OF_THE_SYSTEM}")
    command = ["sh", "-c", "ls -d /"]
    assert linux_command.run(command, 30).stdout == "mine\n"
    os.chown(local, SOMEBODY, 0)
    assert linux_command.run(command, 30).stdout == "/\n"


def test_what_we_run_finds_the_systems_programs_alone() -> None:
    """A single file in /usr/local/bin may be anybody's where the folder is root's."""
    assert set(linux_command.run(["sh", "-c", "echo $PATH"], 30).stdout.strip().split(":")) <= {
        "/usr/sbin", "/usr/bin", "/sbin", "/bin"
    }  # fmt: skip


def test_a_strangers_program_is_not_run(tmp_path: pathlib.Path, program: pathlib.Path) -> None:
    marker = tmp_path / "ran"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    os.chown(program, SOMEBODY, 0)
    with pytest.raises(PermissionError, match=f"{program} belongs to user {SOMEBODY}"):
        linux_command.run([str(program)], 30)
    assert not marker.exists()


def test_a_relative_path_is_not_run(program: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(program.parent)
    assert linux_command.find_program("./program") is None


def test_files_of_who_runs_us_are_his_to_run(program: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(program, SOMEBODY, 0)
    monkeypatch.setattr(trusted.os, "geteuid", lambda: SOMEBODY)
    assert fault(str(program)) == ""
